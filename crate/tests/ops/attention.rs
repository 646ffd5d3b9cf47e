//! Attention.

use cuaderno::nn::{AdditiveAttention, scaled_dot_product_attention};
use cuaderno::prelude::*;

use crate::fixture::Fixture;

#[test]
fn dot_product_attention_as_pytorch_computes_it() {
    for case in Fixture::load("recurrent/dot_product_attention").cases() {
        let [query, key, value] = ["query", "key", "value"].map(|name| case.var(name));
        let mask = case.optional("mask");
        let seen = scaled_dot_product_attention(&query, &key, &value, mask.as_ref()).unwrap();
        case.check(&[("output", &seen.output)]);
    }
}

#[test]
fn additive_attention_as_pytorch_computes_it() {
    for case in Fixture::load("recurrent/additive_attention").cases() {
        let [query, key] = ["query", "key"].map(|name| case.var(name));
        let features = |tensor: &Tensor| tensor.dim(2).unwrap();
        let attention = AdditiveAttention::units(case.get("units"))
            .build(features(&query), features(&key), &mut Rng::new(1))
            .unwrap();
        let parameters = attention.parameters();
        parameters.to_dtype(case.dtype).unwrap();
        for (name, parameter) in parameters.iter() {
            parameter
                .set(&case.tensor(&name.replace('.', "_")))
                .unwrap();
        }
        let mask = case.optional("mask");
        let seen = attention.attend(&query, &key, mask.as_ref()).unwrap();
        case.check(&[("output", &seen.output), ("weights", &seen.weights)]);

        let weighted = |name: &str, tensor: &Tensor| {
            let weighting = case.tensor(&format!("{name}_weighting"));
            (tensor * weighting).unwrap().sum_all().unwrap()
        };
        let objective = weighted("output", &seen.output) + weighted("weights", &seen.weights);
        let gradients = backward(&objective.unwrap()).unwrap();
        for (name, parameter) in parameters.iter() {
            let gradient = gradients.get(&parameter.var()).unwrap();
            case.compare(&format!("grad_{}", name.replace('.', "_")), gradient);
        }
    }
}
