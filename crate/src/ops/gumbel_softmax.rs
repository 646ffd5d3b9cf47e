//! Differentiable samples of categorical distributions.

use candle_core::{D, DType, Tensor};

use super::softmax;
use crate::{Error, Result, Seed};

/// A sample of the distribution `softmax(logits)` over the last dimension, relaxed so that it has a
/// gradient: `softmax((logits + noise) / temperature)` with Gumbel noise (Jang et al. 2016,
/// Maddison et al. 2016). The lower the temperature, the closer the sample is to a single category,
/// and the larger the variance of the gradient.
///
/// With `hard` the value is exactly one category, while the gradient is that of the relaxed sample
/// ("straight-through"). Like PyTorch's `gumbel_softmax`.
///
/// # Errors
/// If the temperature is not positive, or `logits` does not hold floats.
pub fn gumbel_softmax(
    logits: &Tensor,
    temperature: f64,
    hard: bool,
    seed: impl Seed,
) -> Result<Tensor> {
    let noise = gumbel_noise(logits.dims(), seed)?;
    let noise = noise.to_device(logits.device())?.to_dtype(logits.dtype())?;
    gumbel_softmax_with(&noise, logits, temperature, hard)
}

/// [`gumbel_softmax`] with noise drawn beforehand, in the shape of `logits`. This gives the same
/// sample for several logits, temperatures or tests.
///
/// # Errors
/// If the temperature is not positive, or the shapes differ.
pub fn gumbel_softmax_with(
    noise: &Tensor,
    logits: &Tensor,
    temperature: f64,
    hard: bool,
) -> Result<Tensor> {
    if !(temperature > 0.0 && temperature.is_finite()) {
        return Err(Error::argument(
            "the temperature",
            temperature,
            "a positive number",
        ));
    }
    if noise.dims() != logits.dims() || logits.rank() == 0 {
        return Err(Error::shape(
            "gumbel_softmax",
            format!(
                "the noise {:?} and the logits {:?} must have one shape, [.., categories].",
                noise.dims(),
                logits.dims()
            ),
        ));
    }
    let relaxed = softmax(&((logits + noise)? / temperature)?, D::Minus1)?;
    if !hard {
        return Ok(relaxed);
    }
    let categories = logits.dim(D::Minus1)?;
    let category = Tensor::arange(0, categories as u32, logits.device())?;
    let one_hot = relaxed.argmax_keepdim(D::Minus1)?.broadcast_eq(&category)?;
    // The difference is exactly zero, so this has the value of the one and the gradient of the
    // other.
    let gradient_only = (&relaxed - relaxed.detach())?;
    Ok((one_hot.to_dtype(logits.dtype())? + gradient_only)?)
}

/// Independent numbers from the standard Gumbel distribution, `-ln(-ln(u))` for uniform `u`, as f32
/// on the CPU.
pub fn gumbel_noise(shape: &[usize], seed: impl Seed) -> Result<Tensor> {
    let uniform = seed.draw(|rng| rng.uniform(0.0, 1.0, shape))?;
    let uniform = uniform.to_dtype(DType::F64)?;
    // Uniform numbers are multiples of 2^-24. Moved up by half a step, none is 0 and none is 1.
    let uniform = (uniform + 0.5f64.powi(25))?;
    Ok(uniform.log()?.neg()?.log()?.neg()?.to_dtype(DType::F32)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn hard_samples_follow_the_probabilities() {
        let logits = Tensor::new(&[0.1f32, 0.3, 0.6], &Device::Cpu)
            .unwrap()
            .log()
            .unwrap();
        let logits = logits.broadcast_as((20_000, 3)).unwrap();
        let sample = gumbel_softmax(&logits, 0.5, true, 6202).unwrap();
        let shares: Vec<f32> = sample.mean(0).unwrap().to_vec1().unwrap();
        for (share, right) in shares.iter().zip([0.1, 0.3, 0.6]) {
            assert!((share - right).abs() < 0.015, "{share} for {right}");
        }
        assert_eq!(
            sample.sum(1).unwrap().to_vec1::<f32>().unwrap(),
            [1.0; 20_000]
        );
    }

    #[test]
    fn noise_has_the_moments_of_gumbel() {
        let noise = gumbel_noise(&[100_000], 1).unwrap();
        let noise: Vec<f32> = noise.to_vec1().unwrap();
        let mean = noise.iter().sum::<f32>() / 1e5;
        let variance = noise.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 1e5;
        assert!((mean - 0.5772).abs() < 0.02, "{mean}");
        assert!((variance - 1.6449).abs() < 0.05, "{variance}");
        assert!(noise.iter().all(|x| x.is_finite()));
    }

    #[test]
    fn a_temperature_of_zero_is_refused() {
        let logits = Tensor::zeros((1, 3), DType::F32, &Device::Cpu).unwrap();
        let error = gumbel_softmax(&logits, 0.0, false, 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the temperature is 0, but it must be a positive number."
        );
    }
}
