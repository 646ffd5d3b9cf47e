//! Comparisons of codes: how much of an image a code loses, and whether images with similar codes
//! belong to the same class.

use std::fmt;
use std::time::Instant;

use candle_core::Tensor;

use crate::classic::{Knn, Pca};
use crate::data::LabelledImages;
use crate::metrics::{accuracy, reconstruction_bce, reconstruction_mse};
use crate::models::Codec;
use crate::plot::{Figure, line_chart, side_by_side};
use crate::{Error, Result, Table};

/// The code of an image is its coordinates along the principal components.
impl Codec for Pca {
    fn encode(&self, images: &Tensor) -> Result<Tensor> {
        self.transform(&images.flatten_from(1)?)
    }

    fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        self.inverse_transform(codes)
    }
}

/// The scores of one method and one size of code on the test images.
#[derive(Clone, Debug)]
pub struct CodeScores {
    /// The name of the method.
    pub method: String,
    /// The number of values in a code, d'.
    pub latent: usize,
    /// The percentage of the numbers of an image that the code saves.
    pub compression: f64,
    /// The mean squared error of the reconstructions, per pixel.
    pub mse: f64,
    /// The binary cross-entropy of the reconstructions, per pixel.
    pub bce: f64,
    /// The fraction of the test images that their nearest neighbours classify correctly.
    pub accuracy: f64,
    /// The mean time to classify a code, in milliseconds.
    pub milliseconds: f64,
}

/// Compares methods by their codes, as a table with a row for each and as a figure.
///
/// ```
/// use cuaderno::prelude::*;
/// let mnist = Mnist::sample()?;
/// let mut comparison = CodeComparison::neighbours(10);
/// for latent in [2, 8] {
///     let pca = Pca::params(latent).fit(&mnist.train.images.flatten_from(1)?)?;
///     comparison.add("PCA", &pca, &mnist.train, &mnist.test)?;
/// }
/// assert!(comparison.get("PCA", 8)?.mse < comparison.get("PCA", 2)?.mse);
/// let figure = comparison.plot()?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CodeComparison {
    k: usize,
    /// The rows, in the order in which they were added.
    pub scores: Vec<CodeScores>,
}

impl CodeComparison {
    /// An empty comparison, which will classify codes by their `k` nearest neighbours.
    pub fn neighbours(k: usize) -> Self {
        Self {
            k,
            scores: Vec::new(),
        }
    }

    /// Encodes both sets, classifies the test codes by their nearest training codes, reconstructs the
    /// test images, and adds a row with the scores.
    ///
    /// # Errors
    /// If the images do not fit, a code is not finite, or there are fewer training images than
    /// neighbours.
    pub fn add(
        &mut self,
        method: &str,
        codec: &dyn Codec,
        train: &LabelledImages,
        test: &LabelledImages,
    ) -> Result<()> {
        let knn = Knn::params(self.k).fit((&codec.encode(&train.images)?, &train.labels))?;
        let codes = codec.encode(&test.images)?;
        let start = Instant::now();
        let predicted = knn.predict(&codes)?;
        let milliseconds = start.elapsed().as_secs_f64() * 1e3 / test.len() as f64;

        let restored = codec.decode(&codes)?.reshape(test.images.dims())?;
        let (latent, pixels) = (codes.dim(1)?, test.images.elem_count() / test.len());
        self.scores.push(CodeScores {
            method: method.to_owned(),
            latent,
            compression: 100.0 * (1.0 - latent as f64 / pixels as f64),
            mse: reconstruction_mse(&test.images, &restored)?,
            bce: reconstruction_bce(&test.images, &restored)?,
            accuracy: accuracy(&test.labels, &predicted)?,
            milliseconds,
        });
        Ok(())
    }

    /// The row of one method and one size of code.
    ///
    /// # Errors
    /// If there is no such row; the error names the methods that were compared.
    pub fn get(&self, method: &str, latent: usize) -> Result<&CodeScores> {
        let wanted = |line: &&CodeScores| line.method == method && line.latent == latent;
        self.scores.iter().find(wanted).ok_or_else(|| {
            let lines = self.scores.iter();
            let names: Vec<_> = lines
                .map(|line| format!("{} {}", line.method, line.latent))
                .collect();
            Error::argument(
                "the line of the comparison",
                format!("{method} {latent}"),
                format!("one of: {}", names.join(", ")),
            )
        })
    }

    /// Reconstruction error and accuracy against the size of the code, a curve for each method.
    ///
    /// # Errors
    /// If nothing was compared, or an error is not finite.
    pub fn plot(&self) -> Result<Figure> {
        let mse = line_chart("d'", "test MSE", &self.curves(|line| line.mse))?;
        let accuracy = line_chart("d'", "test accuracy", &self.curves(|line| line.accuracy))?;
        let accuracy = accuracy.title(format!("{} nearest neighbours of the codes", self.k));
        side_by_side(&[mse.title("Error of the reconstructions"), accuracy])
    }

    /// One quantity against the size of the code, for each method.
    fn curves(&self, quantity: fn(&CodeScores) -> f64) -> Vec<(&str, Vec<(f64, f64)>)> {
        let mut curves: Vec<(&str, Vec<_>)> = Vec::new();
        for line in &self.scores {
            let point = (line.latent as f64, quantity(line));
            match curves.iter_mut().find(|(method, _)| *method == line.method) {
                Some((_, points)) => points.push(point),
                None => curves.push((&line.method, vec![point])),
            }
        }
        curves
    }

    /// Prints a row for each method and size of code.
    pub fn table(&self) -> Table {
        let line = |line: &CodeScores| {
            vec![
                line.method.clone(),
                line.latent.to_string(),
                format!("{:.1} %", line.compression),
                format!("{:.4}", line.mse),
                format!("{:.4}", line.bce),
                format!("{:.2} %", 100.0 * line.accuracy),
                format!("{:.3} ms", line.milliseconds),
            ]
        };
        Table {
            headings: [
                "method",
                "d'",
                "compression",
                "test MSE",
                "test BCE",
                "kNN accuracy",
                "a query",
            ]
            .map(String::from)
            .to_vec(),
            lines: self.scores.iter().map(line).collect(),
            note: format!(
                "classified by {} neighbours among the training codes",
                self.k
            ),
        }
    }
}

impl fmt::Display for CodeComparison {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.table().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use crate::models::Autoencoder;
    use crate::nn::Activation;

    /// Two classes of images: bright above or bright below.
    fn halves(n: usize, seed: u64) -> LabelledImages {
        let mut rng = Rng::new(seed);
        let labels: Vec<u32> = (0..n).map(|_| rng.below(2) as u32).collect();
        let mut images = Vec::new();
        for &label in &labels {
            let image = rng.uniform(0.0, 0.2, &[1, 28, 28]).unwrap();
            let bright = image.narrow(1, 14 * label as usize, 14).unwrap();
            let bright = (bright + 0.7).unwrap();
            let place = 14 * label as usize;
            images.push(image.slice_scatter(&bright, 1, place).unwrap());
        }
        let images = Tensor::stack(&images, 0).unwrap();
        let labels = Tensor::new(labels, images.device()).unwrap();
        LabelledImages::new(images, labels).unwrap()
    }

    #[test]
    fn one_component_tells_two_kinds_of_images_apart_and_an_untrained_network_restores_worse() {
        let (train, test) = (halves(60, 1), halves(30, 2));
        let mut comparison = CodeComparison::neighbours(3);
        let pca = Pca::params(1)
            .fit(&train.images.flatten_from(1).unwrap())
            .unwrap();
        comparison.add("PCA", &pca, &train, &test).unwrap();
        let untrained = Autoencoder::basic(1, Activation::Linear, 3).unwrap();
        comparison
            .add("untrained", &untrained, &train, &test)
            .unwrap();
        let deep = Autoencoder::deep(1, Activation::Linear, 3).unwrap();
        comparison.add("deep", &deep, &train, &test).unwrap();

        let pca = comparison.get("PCA", 1).unwrap();
        assert_eq!(pca.accuracy, 1.0);
        assert!(pca.mse < 0.01 && pca.bce < comparison.get("untrained", 1).unwrap().bce);
        assert!((pca.compression - 100.0 * 783.0 / 784.0).abs() < 1e-9);
        let text = comparison.to_string();
        assert!(
            text.contains("99.9 %") && text.contains("100.00 %"),
            "{text}"
        );
        let svg = comparison.plot().unwrap().svg().unwrap();
        assert!(svg.contains(">3 nearest neighbours of the codes<"));
        let error = comparison.get("PCA", 2).unwrap_err().to_string();
        assert!(
            error.contains("one of: PCA 1, untrained 1, deep 1"),
            "{error}"
        );
    }
}
