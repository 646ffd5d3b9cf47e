//! The images decoded from a plane of codes.

use candle_core::{Device, Tensor};

use super::{decode_images, evenly, normal_quantile};
use crate::Result;
use crate::models::Codec;
use crate::plot::{Figure, image_map};

/// Shows the images that a codec with two latent numbers decodes from a grid of `side` x `side` codes,
/// with z1 to the right and z2 upwards.
///
/// The grid's lines are the quantiles of the standard normal distribution for equally spaced
/// probabilities from `tail` to 1 − `tail`: if codes are normally distributed, each cell contains the
/// same number of them. With 0.05 the grid reaches ±1.6, with 0.000005 it reaches ±4.4, where there
/// are hardly any codes.
///
/// # Errors
/// If `tail` is not between 0 and 0.5, `side` is below 2, or the codes do not have two numbers.
///
/// ```
/// use cuaderno::{nn::Activation, prelude::*};
/// let model = Autoencoder::basic(2, Activation::Linear, &mut Rng::new(6202))?;
/// let figure = latent_manifold(&model, 30, 0.05)?.title("An untrained latent space");
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn latent_manifold(codec: &dyn Codec, side: usize, tail: f64) -> Result<Figure> {
    let lines = evenly(tail, 1.0 - tail, side)?
        .into_iter()
        .map(normal_quantile)
        .collect::<Result<Vec<f64>>>()?;
    let up: Vec<f64> = lines.iter().rev().copied().collect();

    let mut codes = Vec::new();
    for &z2 in &up {
        codes.extend(lines.iter().flat_map(|&z1| [z1 as f32, z2 as f32]));
    }
    let codes = Tensor::from_vec(codes, (side * side, 2), &Device::Cpu)?;
    let images = decode_images(codec, &codes)
        .map_err(|error| error.at("latent_manifold, which needs codes of two numbers"))?;
    // Rounded first and zero added: -0.04 shall be 0.0, not -0.0.
    let label = |z: &f64| format!("{:.1}", (10.0 * z).round() / 10.0 + 0.0);
    image_map(
        &images,
        ("z1", &lines.iter().map(label).collect::<Vec<_>>()),
        ("z2", &up.iter().map(label).collect::<Vec<_>>()),
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::Repeat;
    use super::*;
    use crate::Rng;
    use crate::models::Autoencoder;
    use crate::nn::Activation;

    #[test]
    fn axes_are_labelled_with_the_quantiles() {
        let svg = latent_manifold(&Repeat, 3, 0.05).unwrap().svg().unwrap();
        for text in ["z1", "z2", "-1.6", "0.0", "1.6"] {
            assert!(svg.contains(&format!(">{text}</text>")), "{text} in {svg}");
        }
    }

    #[test]
    fn only_a_plane_has_a_manifold() {
        let model = Autoencoder::basic(3, Activation::Linear, &mut Rng::new(1)).unwrap();
        let error = latent_manifold(&model, 3, 0.05).unwrap_err().to_string();
        assert!(error.contains("codes of two numbers"), "{error}");
        assert!(latent_manifold(&Repeat, 1, 0.05).is_err());
        assert!(latent_manifold(&Repeat, 3, 0.0).is_err());
    }
}
