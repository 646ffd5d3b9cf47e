//! The effect of each number of a code.

use candle_core::{Device, Tensor};

use super::{decode_images, evenly};
use crate::models::Codec;
use crate::plot::{Figure, image_map};
use crate::{Error, Result};

/// Shows the images decoded from `code` `[1, latent]` when one of its numbers is replaced by `steps`
/// values from −`reach` to `reach` and the others are kept, with a row for each number.
///
/// The code may be that of an image, `model.encode(&image)?`, or all zeros.
///
/// # Errors
/// If `code` has another shape or does not fit the codec, `reach` is not positive, or `steps` is
/// below 2.
///
/// ```
/// use cuaderno::{nn::Activation, prelude::*};
/// let model = Autoencoder::basic(8, Activation::Linear, &mut Rng::new(6202))?;
/// let code = Tensor::zeros((1, 8), DType::F32, &Device::Cpu)?;
/// let figure = latent_traversal(&model, &code, 3.0, 11)?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn latent_traversal(
    codec: &dyn Codec,
    code: &Tensor,
    reach: f64,
    steps: usize,
) -> Result<Figure> {
    let [1, latent] = *code.dims() else {
        return Err(Error::shape(
            "latent_traversal",
            format!(
                "the code has shape {:?}, but one code is expected, [1, latent].",
                code.dims()
            ),
        ));
    };
    if !(reach > 0.0 && reach.is_finite()) {
        return Err(Error::argument(
            "the reach of a traversal",
            reach,
            "a positive number, such as 3",
        ));
    }
    let values = evenly(-reach, reach, steps)?;
    let code: Vec<f32> = code.flatten_all()?.to_vec1()?;
    let mut codes = Vec::new();
    for number in 0..latent {
        for &value in &values {
            let start = codes.len();
            codes.extend_from_slice(&code);
            codes[start + number] = value as f32;
        }
    }
    let codes = Tensor::from_vec(codes, (latent * steps, latent), &Device::Cpu)?;
    let labels: Vec<String> = values.iter().map(|value| format!("{value:.1}")).collect();
    let names: Vec<String> = (1..=latent).map(|number| format!("z{number}")).collect();
    image_map(
        &decode_images(codec, &codes)?,
        ("value of the number", &labels),
        ("number of the code", &names),
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::Repeat;
    use super::*;

    fn code(values: &[f32]) -> Tensor {
        Tensor::from_slice(values, (1, values.len()), &Device::Cpu).unwrap()
    }

    #[test]
    fn one_number_moves_and_the_others_stay() {
        let figure = latent_traversal(&Repeat, &code(&[0.25, 0.5]), 1.0, 3).unwrap();
        let pairs = [
            [-1.0f32, 0.5],
            [0.0, 0.5],
            [1.0, 0.5],
            [0.25, -1.0],
            [0.25, 0.0],
            [0.25, 1.0],
        ];
        let pixels: Vec<f32> = pairs.map(|pair| [pair, pair].concat()).concat();
        let images = Tensor::from_vec(pixels, (6, 1, 2, 2), &Device::Cpu).unwrap();
        let labels = ["-1.0", "0.0", "1.0"];
        let expected = image_map(
            &images,
            ("value of the number", &labels),
            ("number of the code", &["z1", "z2"]),
        );
        assert!(figure.png().unwrap() == expected.unwrap().png().unwrap());
    }

    #[test]
    fn one_code_is_traversed_over_a_real_reach() {
        let two = Tensor::zeros((2, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
        let error = latent_traversal(&Repeat, &two, 1.0, 3).unwrap_err();
        assert!(error.to_string().contains("[2, 2]"), "{error}");
        let error = latent_traversal(&Repeat, &code(&[0.0, 0.0]), 0.0, 3).unwrap_err();
        assert!(error.to_string().contains("is 0, but"), "{error}");
    }
}
