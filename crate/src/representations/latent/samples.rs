//! Images of codes drawn at random.

use super::decode_images;
use crate::models::Codec;
use crate::plot::{Figure, image_grid};
use crate::{Result, Seed};

/// The number of images in a row.
const COLUMNS: usize = 10;

/// Shows the images decoded from `count` codes of `latent` standard normal numbers each. For a
/// variational autoencoder these are samples of the distribution it has learned.
///
/// # Errors
/// If the codes do not have `latent` numbers, or `count` is 0 or more than a figure holds.
///
/// ```
/// use cuaderno::{nn::Activation, prelude::*};
/// let model = Autoencoder::basic(8, Activation::Linear, 6202)?;
/// let figure = latent_samples(&model, 8, 20, 6202)?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn latent_samples(
    codec: &dyn Codec,
    latent: usize,
    count: usize,
    seed: impl Seed,
) -> Result<Figure> {
    let codes = seed.draw(|rng| rng.normal(0.0, 1.0, &[count, latent]))?;
    image_grid(&decode_images(codec, &codes)?, COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Repeat;
    use super::*;
    use crate::Rng;
    use crate::classic::Pca;

    #[test]
    fn the_seed_decides() {
        let png = |seed| {
            let figure = latent_samples(&Repeat, 2, 12, seed).unwrap();
            figure.png().unwrap()
        };
        assert!(png(1) == png(1) && png(1) != png(2));
    }

    #[test]
    fn rows_of_pixels_become_images() {
        let rows = Rng::new(1).uniform(0.0, 1.0, &[20, 64]).unwrap();
        let pca = Pca::params(3).fit(&rows).unwrap();
        let figure = latent_samples(&pca, 3, 5, 1).unwrap();
        assert_eq!(figure.svg().unwrap().matches("<image").count(), 5);
        assert!(latent_samples(&pca, 4, 5, 1).is_err());
    }
}
