//! Attention: weighted means of values, one for each query.

use candle_core::{D, Tensor};

use super::layer::{Layer, Pass, Plan};
use super::{Activation, Dense, Parameters};
use crate::{Error, Result, Rng, ops};

/// The result of attention.
#[derive(Clone, Debug)]
pub struct Attended {
    /// The weighted mean of the values for each query, `[batch, queries, features of a value]`.
    pub output: Tensor,
    /// The weight of each value for each query, `[batch, queries, keys]`. The weights of a query
    /// add up to 1, or are all 0 if the mask hides every key from it.
    pub weights: Tensor,
}

/// Attention by the inner products of queries and keys, `softmax(query · keyᵀ / √features) ·
/// value` (Vaswani et al. 2017), over `query` `[batch, queries, features]`, `key` `[batch, keys,
/// features]` and `value` `[batch, keys, features of a value]`.
///
/// Where `mask` is zero a key is hidden. It is `[batch, keys]`, such as the mask of padded
/// sentences, or `[batch, queries, keys]`, which may differ from query to query.
///
/// ```
/// use cuaderno::{nn::scaled_dot_product_attention, prelude::*};
/// let words = Rng::new(6202).normal(0.0, 1.0, &[1, 3, 8])?;
/// let mask = Tensor::new(&[[1u8, 1, 0]], &Device::Cpu)?; // the third is padding
/// let attended = scaled_dot_product_attention(&words, &words, &words, Some(&mask))?;
/// assert_eq!(attended.output.dims(), [1, 3, 8]);
/// assert_eq!(attended.weights.i((0, 0, 2))?.to_scalar::<f32>()?, 0.0);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the shapes do not fit; the error names them.
pub fn scaled_dot_product_attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    mask: Option<&Tensor>,
) -> Result<Attended> {
    match (query.dims(), key.dims(), value.dims()) {
        ([a, _, f], [b, keys, g], [c, values, _])
            if a == b && b == c && f == g && keys == values && *f > 0 => {}
        (query, key, value) => {
            return Err(Error::shape(
                "scaled_dot_product_attention",
                format!(
                    "the query {query:?}, the key {key:?} and the value {value:?} must be [batch, queries, features], [batch, keys, features] and [batch, keys, any]."
                ),
            ));
        }
    }
    let scale = 1.0 / (query.dim(D::Minus1)? as f64).sqrt();
    let scores = (query.matmul(&key.transpose(1, 2)?)? * scale)?;
    attend(&scores, value, mask)
}

/// Attention by a small network that scores each pair of a query and a key, `score(tanh(query(q) +
/// key(k)))` (Bahdanau et al. 2014). The values are the keys themselves.
///
/// ```
/// use cuaderno::{nn::AdditiveAttention, prelude::*};
/// let mut rng = Rng::new(6202);
/// let sentence = rng.normal(0.0, 1.0, &[4, 20, 32])?; // what an encoder made of 20 words
/// let state = rng.normal(0.0, 1.0, &[4, 1, 64])?; // where a decoder stands
/// let attention = AdditiveAttention::units(10).build(64, 32, &mut rng)?;
/// let attended = attention.attend(&state, &sentence, None)?;
/// assert_eq!(attended.output.dims(), [4, 1, 32]);
/// assert_eq!(attended.weights.dims(), [4, 1, 20]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AdditiveAttention {
    query: Dense,
    key: Dense,
    score: Dense,
}

/// Configuration of [`AdditiveAttention`].
#[derive(Clone, Copy, Debug)]
pub struct AdditiveAttentionPlan {
    units: usize,
}

impl AdditiveAttention {
    /// A scoring network with this number of hidden units.
    pub fn units(units: usize) -> AdditiveAttentionPlan {
        AdditiveAttentionPlan { units }
    }

    /// Attends from queries `[batch, queries, query features]` to keys `[batch, keys, key
    /// features]`. Where `mask` is zero a key is hidden; it is `[batch, keys]` or `[batch, queries,
    /// keys]`.
    ///
    /// # Errors
    /// If the shapes do not fit; the error names them.
    pub fn attend(&self, query: &Tensor, key: &Tensor, mask: Option<&Tensor>) -> Result<Attended> {
        match (query.dims(), key.dims()) {
            ([a, _, _], [b, _, _]) if a == b => {}
            (query, key) => {
                return Err(Error::shape(
                    "AdditiveAttention",
                    format!(
                        "the query {query:?} and the key {key:?} must be [batch, queries, query features] and [batch, keys, key features]."
                    ),
                ));
            }
        }
        let project = |layer: &Dense, input: &Tensor, name: &str| {
            let projected = layer.apply(input, &mut Pass::Evaluate);
            projected.map_err(|e| e.at(format!("the {name} of AdditiveAttention")))
        };
        let query = project(&self.query, query, "query")?.unsqueeze(2)?;
        let keys = project(&self.key, key, "key")?.unsqueeze(1)?;
        let hidden = Activation::Tanh.apply(&query.broadcast_add(&keys)?)?;
        let scores = project(&self.score, &hidden, "score")?.squeeze(D::Minus1)?;
        attend(&scores, key, mask)
    }

    /// `query.weight`, `query.bias`, `key.weight` and `score.weight`. The hidden units need a
    /// single bias, and a bias of the score would have no effect.
    pub fn parameters(&self) -> Parameters {
        Parameters::new()
            .nest("query", self.query.parameters())
            .nest("key", self.key.parameters())
            .nest("score", self.score.parameters())
    }
}

impl AdditiveAttentionPlan {
    /// The scoring network for queries and keys with this many features, initialised as in Keras:
    /// Glorot-uniform, with a zero bias.
    ///
    /// # Errors
    /// If a size is 0.
    pub fn build(
        &self,
        query_features: usize,
        key_features: usize,
        rng: &mut Rng,
    ) -> Result<AdditiveAttention> {
        let units = Dense::units(self.units);
        Ok(AdditiveAttention {
            query: units.build(&[query_features], rng)?,
            key: units.without_bias().build(&[key_features], rng)?,
            score: (Dense::units(1).without_bias()).build(&[self.units], rng)?,
        })
    }
}

/// The means of `value` weighted by the softmax of `scores` `[batch, queries, keys]`.
fn attend(scores: &Tensor, value: &Tensor, mask: Option<&Tensor>) -> Result<Attended> {
    let weights = match mask {
        None => ops::softmax(scores, D::Minus1)?,
        Some(mask) => masked_softmax(scores, mask)?,
    };
    Ok(Attended {
        output: weights.matmul(&value.contiguous()?)?,
        weights,
    })
}

fn masked_softmax(scores: &Tensor, mask: &Tensor) -> Result<Tensor> {
    let (batch, queries, keys) = scores.dims3()?;
    let shown = match mask.dims() {
        [b, k] if [*b, *k] == [batch, keys] => mask.unsqueeze(1)?.broadcast_as(scores.shape())?,
        [b, q, k] if [*b, *q, *k] == [batch, queries, keys] => mask.clone(),
        other => {
            return Err(Error::shape(
                "the mask of attention",
                format!(
                    "it is {other:?}, but for {queries} queries and {keys} keys it must be [{batch}, {keys}] or [{batch}, {queries}, {keys}]."
                ),
            ));
        }
    };
    let shown = shown.ne(&shown.zeros_like()?)?;
    // The lowest finite number, not -∞, so that the softmax for a query that sees nothing is not
    // NaN. The product with the mask makes it zero.
    let lowest =
        Tensor::full(f32::MIN, scores.shape(), scores.device())?.to_dtype(scores.dtype())?;
    let weights = ops::softmax(&shown.where_cond(scores, &lowest)?, D::Minus1)?;
    Ok((weights * shown.to_dtype(scores.dtype())?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::{check_function, check_variables};
    use candle_core::{DType, Device};

    fn normal(seed: u64, shape: &[usize]) -> Tensor {
        Rng::new(seed).normal(0.0, 1.0, shape).unwrap()
    }

    fn mask() -> Tensor {
        Tensor::new(&[[1u8, 1, 0, 1], [0, 0, 0, 0]], &Device::Cpu).unwrap()
    }

    #[test]
    fn the_weighted_mean_by_hand() {
        let tensor = |values: &[f32], rows: usize| {
            Tensor::from_slice(values, (1, rows, values.len() / rows), &Device::Cpu).unwrap()
        };
        // Scores 0 and ln 3 · √2 / √2: the second value counts three times as much.
        let score = 3f32.ln() * 2f32.sqrt();
        let query = tensor(&[1.0, 0.0], 1);
        let (key, value) = (tensor(&[0.0, 5.0, score, 7.0], 2), tensor(&[8.0, 4.0], 2));
        let attended = scaled_dot_product_attention(&query, &key, &value, None).unwrap();
        let output = attended
            .output
            .flatten_all()
            .unwrap()
            .to_vec1::<f32>()
            .unwrap();
        assert!((output[0] - 5.0).abs() < 1e-5, "{output:?}");
        let only = Tensor::new(&[[1u8, 0]], &Device::Cpu).unwrap();
        let attended = scaled_dot_product_attention(&query, &key, &value, Some(&only)).unwrap();
        assert_eq!(
            attended
                .output
                .flatten_all()
                .unwrap()
                .to_vec1::<f32>()
                .unwrap(),
            [8.0]
        );
    }

    #[test]
    fn a_masked_batch_gives_what_each_sequence_alone_gives() {
        let (query, key) = (normal(1, &[2, 3, 5]), normal(2, &[2, 4, 5]));
        let lengths = crate::ops::mask_of_lengths(&[4, 2], 4).unwrap();
        let both = scaled_dot_product_attention(&query, &key, &key, Some(&lengths)).unwrap();
        let (query, key) = (query.narrow(0, 1, 1).unwrap(), key.narrow(0, 1, 1).unwrap());
        let key = key.narrow(1, 0, 2).unwrap().contiguous().unwrap();
        let alone = scaled_dot_product_attention(&query, &key, &key, None).unwrap();
        let error = (both.output.narrow(0, 1, 1).unwrap() - alone.output).unwrap();
        let error: f32 = error.abs().unwrap().max_all().unwrap().to_scalar().unwrap();
        assert!(error < 1e-6, "{error}");
    }

    #[test]
    fn gradients_with_and_without_a_mask() {
        let inputs = [
            normal(1, &[2, 3, 5]),
            normal(2, &[2, 4, 5]),
            normal(3, &[2, 4, 2]),
        ];
        let [query, key, value] = &inputs;
        for mask in [None, Some(mask())] {
            let report = check_function(&[("query", query), ("key", key), ("value", value)], |x| {
                Ok(scaled_dot_product_attention(&x[0], &x[1], &x[2], mask.as_ref())?.output)
            });
            let report = report.unwrap();
            assert!(report.is_right(), "{report}");
        }
    }

    #[test]
    fn the_gradients_of_additive_attention_reach_every_parameter() {
        let attention = AdditiveAttention::units(3)
            .build(5, 2, &mut Rng::new(1))
            .unwrap();
        attention.parameters().to_dtype(DType::F64).unwrap();
        let input = |seed, shape: &[usize]| normal(seed, shape).to_dtype(DType::F64).unwrap();
        let (query, key) = (input(1, &[2, 3, 5]), input(2, &[2, 4, 2]));
        let variables: Vec<_> = (attention.parameters().trainable())
            .map(|(name, p)| (name.to_owned(), p.var()))
            .collect();
        assert_eq!(variables.len(), 4);
        let attend = || Ok(attention.attend(&query, &key, Some(&mask()))?.output);
        let report = check_variables(&variables, attend).unwrap();
        assert!(report.is_right(), "{report}");
    }

    #[test]
    fn a_query_that_sees_nothing_takes_nothing() {
        let (query, key) = (normal(1, &[2, 1, 5]), normal(2, &[2, 4, 5]));
        let attended = scaled_dot_product_attention(&query, &key, &key, Some(&mask())).unwrap();
        let sums = attended
            .weights
            .sum(D::Minus1)
            .unwrap()
            .to_vec2::<f32>()
            .unwrap();
        assert!(
            (sums[0][0] - 1.0).abs() < 1e-6 && sums[1][0] == 0.0,
            "{sums:?}"
        );
        let output = attended.output.to_vec3::<f32>().unwrap();
        assert_eq!(output[1][0], [0.0; 5]);
    }

    #[test]
    fn shapes_that_do_not_fit_are_named() {
        let (query, key) = (normal(1, &[2, 3, 5]), normal(2, &[2, 4, 6]));
        let error = scaled_dot_product_attention(&query, &key, &key, None).unwrap_err();
        assert!(
            error.to_string().contains("[2, 3, 5], the key [2, 4, 6]"),
            "{error}"
        );
        let wrong = Tensor::new(&[[1u8, 1, 1]], &Device::Cpu).unwrap();
        let error = scaled_dot_product_attention(&key, &key, &key, Some(&wrong)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the mask of attention: it is [1, 3], but for 4 queries and 4 keys it must be [2, 4] or [2, 4, 4]."
        );
    }
}
