//! How good features are for a classifier with few labels.

use candle_core::{Device, Tensor};

use crate::classic::{Knn, Split};
use crate::metrics::accuracy;
use crate::{Result, Rng};

/// The accuracies of a nearest-neighbour classifier with few labels: `draws` times, `per_class` rows
/// of each class keep their label, each other row of `features` `[n, d]` gets the label of the
/// nearest of them, and these labels are compared with the right ones in `labels` `[n]`.
///
/// Draw number i is the same for all features of one seed, so that methods can be compared draw by
/// draw.
///
/// ```
/// use cuaderno::{prelude::*, representations::few_labels};
/// let scene = spectral_scene([24, 24], 6202)?;
/// let accuracies = few_labels(&scene.spectra, &scene.targets()?, 5, 3, 6202)?;
/// assert_eq!(accuracies.len(), 3);
/// assert!(accuracies.iter().all(|accuracy| (0.3..=1.0).contains(accuracy)));
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// As [`Split::per_class`], and if the features are not finite or not as many as the labels.
pub fn few_labels(
    features: &Tensor,
    labels: &Tensor,
    per_class: usize,
    draws: usize,
    seed: u64,
) -> Result<Vec<f64>> {
    let draw = |draw: usize| {
        let mut rng = Rng::new(seed).child(draw as u64);
        let split = Split::per_class(labels, per_class, &mut rng)?;
        let rows = |rows: &[u32]| -> Result<(Tensor, Tensor)> {
            let rows = Tensor::new(rows, &Device::Cpu)?;
            Ok((
                features.index_select(&rows, 0)?,
                labels.index_select(&rows, 0)?,
            ))
        };
        let ((known, names), (queries, right)) = (rows(&split.train)?, rows(&split.test)?);
        let knn = Knn::params(1).fit((&known, &names))?;
        accuracy(&right, &knn.predict(&queries)?)
    };
    (0..draws).map(draw).collect()
}
