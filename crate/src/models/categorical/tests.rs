use std::collections::BTreeSet;

use candle_core::{DType, Device, Tensor};

use super::*;
use crate::Rng;
use crate::data::Mnist;
use crate::metrics::{clustering_report, reconstruction_bce};
use crate::models::Codec;
use crate::nn::{Pass, no_grad};
use crate::ops::check_variables;
use crate::optim::RmsProp;
use crate::train::{Batch, Model, Trainer};

fn images(n: usize) -> Tensor {
    Rng::new(1).uniform(0.0, 1.0, &[n, 1, 28, 28]).unwrap()
}

fn batch(n: usize) -> Batch {
    Batch::new(images(n), images(n))
}

fn plain() -> CategoricalVae {
    CategoricalVae::new(10, &mut Rng::new(6202)).unwrap()
}

fn joint(weight: f64) -> JointVae {
    JointVae::new(10, 3, weight, &mut Rng::new(6202)).unwrap()
}

fn values(model: &dyn Model, batch: &Batch, pass: &mut Pass) -> Vec<f64> {
    let losses = no_grad(|| model.losses(batch, pass)).unwrap();
    losses.values().unwrap().iter().map(|part| part.1).collect()
}

#[test]
fn evaluated_they_decode_the_likeliest_category() {
    let batch = batch(6);
    let plain = plain();
    let found = values(&plain, &batch, &mut Pass::Evaluate);
    let restored = plain.reconstruct(&batch.inputs).unwrap();
    let expected = 784.0 * reconstruction_bce(&batch.inputs, &restored).unwrap();
    assert!(
        (found[1] / expected - 1.0).abs() < 1e-5,
        "{found:?} {expected}"
    );
    assert!((found[0] - found[1] - found[2]).abs() < 1e-3, "{found:?}");

    let joint = joint(100.0);
    let [loss, bound, r_loss, kl, information] = values(&joint, &batch, &mut Pass::Evaluate)[..]
    else {
        panic!("five parts")
    };
    let restored = joint.reconstruct(&batch.inputs).unwrap();
    let expected = 784.0 * reconstruction_bce(&batch.inputs, &restored).unwrap();
    assert!(
        (r_loss / expected - 1.0).abs() < 1e-5,
        "{r_loss} {expected}"
    );
    assert!((bound - r_loss - kl).abs() < 1e-3);
    assert!((loss - bound + 100.0 * information).abs() < 1e-3);
}

#[test]
fn codes_are_a_category_and_a_style() {
    let joint = joint(1.0);
    let codes: Vec<Vec<f32>> = joint.encode(&images(501)).unwrap().to_vec2().unwrap();
    let categories: Vec<u32> = joint.categories(&images(501)).unwrap().to_vec1().unwrap();
    assert_eq!(codes.len(), 501);
    for (code, category) in codes.iter().zip(categories) {
        assert_eq!(code.len(), 13);
        let place = code[..10].iter().position(|&part| part == 1.0);
        assert_eq!(place, Some(category as usize));
        assert_eq!(code[..10].iter().sum::<f32>(), 1.0);
    }
    let probabilities = plain().probabilities(&images(3)).unwrap();
    for sum in probabilities.sum(1).unwrap().to_vec1::<f32>().unwrap() {
        assert!((sum - 1.0).abs() < 1e-5);
    }
}

#[test]
fn a_category_is_drawn_in_each_style_and_a_sample_is_one_of_the_prototypes() {
    let joint = joint(1.0);
    let styles = Tensor::zeros((2, 3), DType::F32, &Device::Cpu).unwrap();
    let drawn = joint.draw(7, &styles).unwrap();
    let prototypes = joint.prototypes().unwrap();
    let pixels = |images: &Tensor, image: usize| -> Vec<f32> {
        let image = images.get(image).unwrap();
        image.flatten_all().unwrap().to_vec1().unwrap()
    };
    assert_eq!(pixels(&drawn, 1), pixels(&prototypes, 7));
    let error = joint.draw(10, &styles).unwrap_err().to_string();
    assert!(error.contains("is 10, but it must be below 10"), "{error}");

    let plain = plain();
    let (prototypes, samples) = (
        plain.prototypes().unwrap(),
        plain.sample(200, &mut Rng::new(3)).unwrap(),
    );
    let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
    let which = |sample: usize| {
        let sample = pixels(&samples, sample);
        (0..10).find(|&category| close(&sample, &pixels(&prototypes, category)))
    };
    let drawn: BTreeSet<usize> = (0..200).map(|sample| which(sample).unwrap()).collect();
    assert_eq!(drawn.len(), 10);
}

#[test]
fn the_gradient_at_the_logits_is_the_slope_of_the_loss() {
    let vae = JointVae::new(3, 2, 1000.0, &mut Rng::new(2)).unwrap();
    let parameters = vae.parameters();
    parameters.to_dtype(DType::F64).unwrap();
    let inputs = images(3).to_dtype(DType::F64).unwrap();
    let batch = Batch::new(inputs.clone(), inputs);
    let names = ["logits.bias"];
    let variables = names.map(|name| (name.to_owned(), parameters.get(name).unwrap().var()));
    let report = check_variables(&variables, || {
        let losses = vae.losses(&batch, &mut Pass::Train(&mut Rng::new(5)))?;
        Ok(losses.minimised().clone())
    });
    let report = report.unwrap();
    assert!(report.is_right(), "{report}");
}

#[test]
fn a_colder_sample_is_nearer_to_one_category() {
    let batch = batch(20);
    let r_loss = |temperature| {
        let vae = plain().temperature(temperature);
        values(&vae, &batch, &mut Pass::Train(&mut Rng::new(5)))[1]
    };
    assert_ne!(r_loss(0.1), r_loss(10.0));
    let vae = plain().temperature(0.0);
    let error = vae.losses(&batch, &mut Pass::Train(&mut Rng::new(5)));
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("the temperature is 0")
    );
}

#[test]
fn the_summaries_name_both_halves_and_their_heads() {
    let text = joint(1.0).summary().unwrap().to_string();
    for step in [
        "logits",
        "mean",
        "log_var",
        "Concatenate",
        "conv_transpose3",
        "[batch, 13]",
    ] {
        assert!(text.contains(step), "{step} in {text}");
    }
    let encoder = 320 + 9248 + 18496 + 12544 * 128 + 128 + 128 * 10 + 10;
    let decoder = 10 * 128 + 128 + 128 * 12544 + 12544 + 64 * 32 * 9 + 32 + 9248 + 32 * 9 + 1;
    assert_eq!(plain().summary().unwrap().parameters(), encoder + decoder);
}

#[test]
fn information_makes_the_categories_digits() {
    let mnist = Mnist::sample().unwrap();
    let vae = JointVae::new(10, 8, 300.0, &mut Rng::new(6202)).unwrap();
    vae.start_at_mean(&mnist.train.images).unwrap();
    let trainer = Trainer::new(RmsProp::new(1e-3))
        .epochs(8)
        .seed(6202)
        .quiet();
    let history = trainer.fit(&vae, &mnist.train, &mnist.test).unwrap();
    let found = vae.categories(&mnist.test.images).unwrap();
    let nmi = clustering_report(&mnist.test.labels, &found).unwrap().nmi;
    let information = history.final_valid("information").unwrap();
    assert!(nmi > 0.3 && information > 1.0, "{nmi} {information}");
}

#[test]
fn what_cannot_be_built_is_one_sentence() {
    let mut rng = Rng::new(1);
    assert!(CategoricalVae::new(0, &mut rng).is_err());
    let error = JointVae::new(10, 2, f64::NAN, &mut rng)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("weight of the information is NaN"),
        "{error}"
    );
}

#[test]
fn the_code_of_an_image_is_one_category() {
    let model = plain();
    let images = images(6);
    let codes = model.encode(&images).unwrap();
    let sums = codes.sum(1).unwrap().to_vec1::<f32>().unwrap();
    assert_eq!((codes.dims(), sums), (&[6, 10][..], vec![1.0; 6]));
    let pixels = |images: Tensor| images.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let restored = model.reconstruct(&images).unwrap();
    assert_eq!(
        pixels(Codec::decode(&model, &codes).unwrap()),
        pixels(restored)
    );
}
