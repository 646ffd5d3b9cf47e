//! Classification by the nearest neighbours.

use candle_core::{Device, Tensor};

use super::Neighbours;
use super::features::Features;
use super::neighbours::{Nearest, nearest_points};
use crate::metrics::labels::{self, classes_of};
use crate::{Error, Result};

/// Gives a query the class that most of its `k` nearest examples have (Fix and Hodges 1951); of
/// classes with as many, the one of the smaller number. The neighbours are exact.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let codes = Tensor::new(&[[0f32, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0]], &Device::Cpu)?;
/// let labels = Tensor::new(&[3u32, 3, 7, 7], &Device::Cpu)?;
/// let knn = Knn::params(2).fit(&codes, &labels)?;
/// let queries = Tensor::new(&[[1f32, 1.0], [7.0, 7.0]], &Device::Cpu)?;
/// assert_eq!(knn.predict(&queries)?.to_vec1::<u32>()?, [3, 7]);
/// assert_eq!(knn.neighbours(&queries)?.indices.to_vec2::<u32>()?, [[1, 0], [3, 2]]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Knn {
    k: usize,
    points: Features,
    classes: Vec<u32>,
    class_of: Vec<usize>,
}

/// What a [`Knn`] is fitted with.
#[derive(Clone, Copy, Debug)]
pub struct KnnParams {
    k: usize,
}

impl KnnParams {
    /// Remembers the examples `x` `[n, d]` (f32, not copied) and their `labels` `[n]` (u32 or
    /// i64).
    ///
    /// # Errors
    /// If one of the two is no such tensor or they differ in length, if `x` is not finite, or if
    /// there are fewer examples than neighbours are asked for.
    pub fn fit(&self, x: &Tensor, labels: &Tensor) -> Result<Knn> {
        let operation = "Knn::fit";
        let points = Features::of(operation, x)?;
        let labels = labels::read(operation, labels)?;
        if labels.len() != points.n {
            return Err(Error::shape(
                operation,
                format!(
                    "there are {} examples but {} labels; each example needs one.",
                    points.n,
                    labels.len()
                ),
            ));
        }
        if !(1..=points.n).contains(&self.k) {
            return Err(Error::argument(
                "the number of neighbours",
                self.k,
                format!("from 1 to {}, the number of examples", points.n),
            ));
        }
        let (classes, class_of) = classes_of(&labels);
        Ok(Knn {
            k: self.k,
            points,
            classes,
            class_of,
        })
    }
}

impl Knn {
    /// Parameters for that many neighbours.
    pub fn params(k: usize) -> KnnParams {
        KnnParams { k }
    }

    /// The class `[m]`, u32, of each of the queries `[m, d]`, f32.
    ///
    /// # Errors
    /// If `queries` is no f32 tensor of rows like the fitted ones, or not finite.
    pub fn predict(&self, queries: &Tensor) -> Result<Tensor> {
        let mut votes = vec![0usize; self.classes.len()];
        let classes = self
            .search("Knn::predict", queries)?
            .into_iter()
            .map(|nearest| {
                votes.fill(0);
                for (_, row) in nearest.found {
                    votes[self.class_of[row as usize]] += 1;
                }
                let most = votes.iter().max().copied().unwrap_or(0);
                self.classes[votes.iter().position(|&count| count == most).unwrap_or(0)]
            });
        let classes: Vec<u32> = classes.collect();
        let m = classes.len();
        Ok(Tensor::from_vec(classes, m, &Device::Cpu)?)
    }

    /// The nearest examples of each of the queries `[m, d]`, f32.
    ///
    /// # Errors
    /// If `queries` is no f32 tensor of rows like the fitted ones, or not finite.
    pub fn neighbours(&self, queries: &Tensor) -> Result<Neighbours> {
        Neighbours::of(&self.search("Knn::neighbours", queries)?, self.k)
    }

    fn search(&self, operation: &'static str, queries: &Tensor) -> Result<Vec<Nearest>> {
        let queries = Features::with_columns(operation, queries, self.points.d)?;
        nearest_points(&self.points, &queries, self.k)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::DType;

    #[test]
    fn of_equally_frequent_classes_the_smaller_wins() {
        let x = Tensor::new(&[[0f32], [1.0], [2.0], [3.0]], &Device::Cpu).unwrap();
        let labels = Tensor::new(&[9i64, 9, 4, 4], &Device::Cpu).unwrap();
        let knn = Knn::params(4).fit(&x, &labels).unwrap();
        let query = Tensor::new(&[[0f32]], &Device::Cpu).unwrap();
        assert_eq!(knn.predict(&query).unwrap().to_vec1::<u32>().unwrap(), [4]);
    }

    #[test]
    fn bad_input_is_one_sentence() {
        let x = Tensor::zeros((4, 2), DType::F32, &Device::Cpu).unwrap();
        let labels = |n: usize| Tensor::zeros(n, DType::U32, &Device::Cpu).unwrap();
        let refused = |k, n| Knn::params(k).fit(&x, &labels(n)).unwrap_err().to_string();
        assert_eq!(
            refused(1, 3),
            "Knn::fit: there are 4 examples but 3 labels; each example needs one."
        );
        assert_eq!(
            refused(5, 4),
            "the number of neighbours is 5, but it must be from 1 to 4, the number of examples."
        );
        assert!(refused(0, 4).contains("is 0, but"));
        let knn = Knn::params(1).fit(&x, &labels(4)).unwrap();
        let error = knn
            .predict(&x.narrow(1, 0, 1).unwrap())
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "Knn::predict: it was fitted on rows of 2 numbers, but these have 1."
        );
        assert!(knn.neighbours(&(x / 0.0).unwrap()).is_err());
    }
}
