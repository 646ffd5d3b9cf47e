//! t-SNE: a map on which neighbours in the data stay neighbours.

mod affinities;
mod attraction;
mod descent;
mod quadtree;
mod repulsion;

use candle_core::{Device, Tensor};
use linfa::ParamGuard;
use linfa::dataset::Records;
use linfa::traits::Transformer;

use self::affinities::Affinities;
use self::descent::Descent;
use super::features::Features;
use super::{Pca, Rows};
use crate::{Error, Result, Rng};

/// The factor by which similar points attract each other more at first, so that clusters form.
const EXAGGERATION: f32 = 12.0;

/// The number of iterations with that factor.
const EXAGGERATED: usize = 250;

/// The number of iterations between two lines of progress.
const REPORT: usize = 250;

/// The standard deviation of the first coordinate at the start.
const INITIAL_DEVIATION: f32 = 1e-4;

/// A two-dimensional map of a data set made by t-distributed stochastic neighbour embedding (van
/// der Maaten and Hinton 2008) with the Barnes-Hut approximation (van der Maaten 2014).
///
/// It follows the defaults of scikit-learn's `TSNE`: it starts from the first two principal
/// components, with early exaggeration 12 for 250 iterations and a learning rate of `n / 48`, but
/// at least 50.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let x = Rng::new(6202).normal(0.0, 1.0, &[60, 4])?;
/// let tsne = TSne::params().perplexity(10.0).seed(6202).quiet().fit(&x)?;
/// assert_eq!(tsne.embedding.dims(), [60, 2]);
/// assert!(tsne.kl_divergence < 2.0);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// Its parameters can take the place of `linfa_tsne::TSneParams`, which turn one of linfa's data
/// sets into one with the embedded points: `TSne::params().perplexity(10.0).transform(dataset)?`.
#[derive(Clone, Debug)]
pub struct TSne {
    /// The positions on the map, `[n, 2]` of f32.
    pub embedding: Tensor,
    /// The Kullback-Leibler divergence of the similarities in the map from those in the data, in
    /// nats, which t-SNE minimises.
    pub kl_divergence: f64,
}

/// Parameters of a [`TSne`].
#[derive(Clone, Copy, Debug)]
pub struct TSneParams(TSneValidParams);

/// [`TSneParams`] after the checks that are possible without data.
#[derive(Clone, Copy, Debug)]
pub struct TSneValidParams {
    perplexity: f64,
    max_iter: usize,
    seed: u64,
    quiet: bool,
}

impl TSne {
    /// Parameters, by default perplexity 30, 1000 iterations and seed 0.
    pub fn params() -> TSneParams {
        TSneParams(TSneValidParams {
            perplexity: 30.0,
            max_iter: 1000,
            seed: 0,
            quiet: false,
        })
    }
}

impl TSneParams {
    /// Sets the perplexity: roughly, the number of neighbours that matter to a point. Values from 5
    /// to 50 are usual.
    pub fn perplexity(mut self, perplexity: f64) -> Self {
        self.0.perplexity = perplexity;
        self
    }

    /// Sets the number of steps of gradient descent. The first 250 are exaggerated.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.0.max_iter = max_iter;
        self
    }

    /// Sets the seed of the small noise in the initial positions, which separates points that the
    /// first two principal components do not.
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// Turns off the lines of progress.
    pub fn quiet(mut self) -> Self {
        self.0.quiet = true;
        self
    }

    /// Makes the map of `x` `[n, d]`, a tensor or one of the other types that [`Rows`] lists. 5,000
    /// points take about 2 s on one core.
    ///
    /// # Errors
    /// If `x` has another shape or type, is not finite, has fewer than 4 rows or only equal ones,
    /// or if the perplexity is below 1 or above a third of the number of other points, too few to
    /// choose neighbours from.
    pub fn fit(&self, x: impl Rows) -> Result<TSne> {
        self.check_ref()?.fit(x)
    }
}

impl ParamGuard for TSneParams {
    type Checked = TSneValidParams;
    type Error = Error;

    fn check_ref(&self) -> Result<&TSneValidParams> {
        let perplexity = self.0.perplexity;
        if !(1.0..f64::INFINITY).contains(&perplexity) {
            return Err(Error::argument("the perplexity", perplexity, "1 or more"));
        }
        Ok(&self.0)
    }

    fn check(self) -> Result<TSneValidParams> {
        self.check_ref().copied()
    }
}

impl TSneValidParams {
    /// The same as [`TSneParams::fit`].
    ///
    /// # Errors
    /// As for [`TSneParams::fit`].
    pub fn fit(&self, x: impl Rows) -> Result<TSne> {
        let operation = "TSne::fit";
        let x = &x.to_tensor()?;
        let features = Features::of(operation, x)?;
        let n = features.n;
        if n < 4 {
            return Err(Error::shape(
                operation,
                format!("a map has 4 points or more, but there are {n} rows."),
            ));
        }
        let most = (n - 1) as f64 / 3.0;
        if self.perplexity > most {
            return Err(Error::argument(
                "the perplexity",
                self.perplexity,
                format!("from 1 to {most:.1}, a third of the {} other points", n - 1),
            ));
        }
        let start = self.initial_positions(x)?;
        let affinities = Affinities::of(&features, self.perplexity)?;
        let mut descent = Descent::new(start, &affinities);
        for iteration in 1..=self.max_iter {
            let exaggerated = iteration <= EXAGGERATED;
            let (exaggeration, momentum) = if exaggerated {
                (EXAGGERATION, 0.5)
            } else {
                (1.0, 0.8)
            };
            descent.step(exaggeration, momentum);
            if iteration % REPORT == 0 && !self.quiet {
                println!(
                    "t-SNE: iteration {iteration} of {}, KL divergence {:.3}{}",
                    self.max_iter,
                    descent.kl_divergence(),
                    if exaggerated {
                        " (exaggerated so far)"
                    } else {
                        ""
                    }
                );
            }
        }
        let embedding = descent.positions.as_flattened();
        Ok(TSne {
            embedding: Tensor::from_slice(embedding, (n, 2), &Device::Cpu)?,
            kl_divergence: descent.kl_divergence(),
        })
    }

    /// The first two principal components, scaled down, with noise of a hundredth of their size.
    fn initial_positions(&self, x: &Tensor) -> Result<Vec<[f32; 2]>> {
        let (n, d) = x.dims2()?;
        let count = d.min(2);
        let pca = Pca::params(count).fit(x)?;
        let scale = INITIAL_DEVIATION / (pca.explained_variance()[0].sqrt() as f32);
        let coordinates: Vec<f32> = pca.transform(x)?.flatten_all()?.to_vec1()?;
        let noise = Rng::new(self.seed).normal(0.0, INITIAL_DEVIATION * 0.01, &[n, 2])?;
        let mut positions: Vec<[f32; 2]> = Vec::with_capacity(n);
        let noise: Vec<f32> = noise.flatten_all()?.to_vec1()?;
        for (coordinates, noise) in coordinates.chunks(count).zip(noise.as_chunks::<2>().0) {
            let mut position = *noise;
            for (position, coordinate) in position.iter_mut().zip(coordinates) {
                *position += coordinate * scale;
            }
            positions.push(position);
        }
        Ok(positions)
    }
}

/// linfa's interface to the map: returns the data set with the embedded points as its records.
impl<R: Records + Rows> Transformer<R, Result<R::Transformed>> for TSneValidParams {
    fn transform(&self, x: R) -> Result<R::Transformed> {
        let embedding = self.fit(&x.to_tensor()?)?.embedding;
        Ok(x.transformed(Ok(embedding)))
    }
}

impl<R: Records + Rows> Transformer<R, Result<R::Transformed>> for TSneParams {
    fn transform(&self, x: R) -> Result<R::Transformed> {
        self.check_ref()?.transform(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::DType;

    /// Three clouds of points far from each other.
    fn clouds() -> Tensor {
        let x = Rng::new(1).normal(0.0, 1.0, &[150, 5]).unwrap();
        let shift: Vec<f32> = (0..150).map(|row| (row / 50 * 20) as f32).collect();
        x.broadcast_add(&Tensor::from_vec(shift, (150, 1), &Device::Cpu).unwrap())
            .unwrap()
    }

    fn positions(tsne: &TSne) -> Vec<Vec<f32>> {
        tsne.embedding.to_vec2().unwrap()
    }

    #[test]
    fn clouds_stay_apart() {
        let tsne = TSne::params().perplexity(15.0).seed(1).quiet();
        let tsne = tsne.fit(&clouds()).unwrap();
        let trust = crate::classic::trustworthiness(&clouds(), &tsne.embedding, 5).unwrap();
        assert!(trust > 0.9, "{trust}");
        let positions = positions(&tsne);
        let distance = |a: &[f32], b: &[f32]| (a[0] - b[0]).hypot(a[1] - b[1]);
        for (row, position) in positions.iter().enumerate() {
            let mut others: Vec<usize> = (0..150).filter(|&other| other != row).collect();
            let to = |other: &usize| distance(position, &positions[*other]);
            others.sort_by(|a, b| to(a).total_cmp(&to(b)));
            assert!(
                others[..30].iter().all(|other| other / 50 == row / 50),
                "{row}"
            );
        }
    }

    #[test]
    fn threads_do_not_change_the_bits_and_the_seed_does() {
        let map = |threads, seed| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let params = TSne::params()
                .perplexity(15.0)
                .max_iter(300)
                .seed(seed)
                .quiet();
            let map = || positions(&params.fit(&clouds()).unwrap());
            pool.build().unwrap().install(map)
        };
        assert_eq!(map(1, 6202), map(3, 6202));
        assert_ne!(map(1, 6202), map(1, 6203));
    }

    #[test]
    fn points_that_are_the_same_get_a_place_each() {
        let point = |row: usize| if row < 10 { 1.0 } else { row as f32 };
        let x: Vec<f32> = (0..40).map(point).collect();
        let x = Tensor::from_vec(x, (40, 1), &Device::Cpu).unwrap();
        let tsne = TSne::params().perplexity(5.0).quiet().fit(&x).unwrap();
        assert!(tsne.kl_divergence.is_finite());
        let positions = positions(&tsne);
        assert!(positions.iter().flatten().all(|number| number.is_finite()));
        assert_ne!(positions[0], positions[1]);
    }

    #[test]
    fn bad_input_is_one_sentence() {
        let refused = |x: &Tensor, perplexity| {
            let params = TSne::params().perplexity(perplexity).quiet();
            params.fit(x).unwrap_err().to_string()
        };
        let x = clouds();
        assert_eq!(
            refused(&x.narrow(0, 0, 1).unwrap(), 30.0),
            "TSne::fit: a map has 4 points or more, but there are 1 rows."
        );
        assert_eq!(
            refused(&x, 50.0),
            "the perplexity is 50, but it must be from 1 to 49.7, a third of the 149 other points."
        );
        assert!(refused(&x, f64::NAN).contains("is NaN, but"));
        assert!(refused(&x, 0.5).contains("is 0.5, but"));
        let same = Tensor::ones((10, 4), DType::F32, &Device::Cpu).unwrap();
        assert!(refused(&same, 2.0).contains("all 10 rows are the same"));
    }
}
