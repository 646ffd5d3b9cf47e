//! Classification by nearest neighbours.

use std::any::Any;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use linfa::dataset::{AsSingleTargets, DatasetBase};
use linfa::traits::{Fit, PredictInplace};
use linfa::{Float, ParamGuard};
use linfa_nn::NearestNeighbour;
use ndarray::{Array1, ArrayBase, Data, Ix2};

use super::features::Features;
use super::index::{Build, nearest_by_index};
use super::neighbours::{Nearest, nearest_points};
use super::{ExactSearch, LabelledRows, Neighbours, Rows};
use crate::metrics::labels::{self, classes_of};
use crate::{Error, Result};

/// Up to this many columns a tree is faster than comparing all distances. For 10,000 queries among
/// 60,000 normally distributed points it takes 0.06 s with 2 columns, 0.2 s with 5, 0.7 s with 6
/// and 9 s with 10, where comparing all takes 0.5 to 0.9 s.
const COLUMNS_FOR_A_TREE: usize = 5;

/// Predicts the most frequent class among the `k` nearest examples (Fix and Hodges 1951). Ties go
/// to the lowest class. The neighbours are exact.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let codes = Tensor::new(&[[0f32, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0]], &Device::Cpu)?;
/// let labels = Tensor::new(&[3u32, 3, 7, 7], &Device::Cpu)?;
/// let knn = Knn::params(2).fit((&codes, &labels))?;
/// let queries = Tensor::new(&[[1f32, 1.0], [7.0, 7.0]], &Device::Cpu)?;
/// assert_eq!(knn.predict(&queries)?.to_vec1::<u32>()?, [3, 7]);
/// assert_eq!(knn.neighbours(&queries)?.indices.to_vec2::<u32>()?, [[1, 0], [3, 2]]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// It also takes linfa's data sets, and can find the neighbours with any of linfa's searches:
///
/// ```
/// use cuaderno::linfa_nn::KdTree;
/// use cuaderno::{linfa::Dataset, ndarray::array, prelude::*};
///
/// let dataset = Dataset::new(array![[0f64, 0.0], [0.0, 1.0], [9.0, 9.0]], array![3, 3, 7]);
/// let knn = Knn::params(1).nn_algo(KdTree).fit(&dataset)?;
/// assert_eq!(knn.predict(&dataset), array![3, 3, 7]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Knn {
    params: KnnValidParams,
    points: Features,
    classes: Vec<u32>,
    class_of: Vec<usize>,
}

/// Parameters of a [`Knn`].
#[derive(Clone, Debug)]
pub struct KnnParams(KnnValidParams);

/// [`KnnParams`] after the checks that are possible without data.
#[derive(Clone, Debug)]
pub struct KnnValidParams {
    k: usize,
    search: Search,
}

/// How neighbours are found.
#[derive(Clone, Debug)]
enum Search {
    /// With a tree if there are few columns, otherwise with products.
    Fastest,
    /// All queries at once, with products of matrices.
    Products,
    /// Query by query, with one of linfa's indexes.
    Index(Arc<dyn Build>),
}

impl KnnParams {
    /// Sets the search algorithm: linfa's `KdTree`, `BallTree` or `LinearSearch`, or
    /// [`ExactSearch`]. They find the same neighbours in different times. The default is a tree for
    /// up to five columns, and [`ExactSearch`] for more.
    ///
    /// linfa's searches copy the examples to f64 and build their index in every call of `predict`.
    pub fn nn_algo(mut self, nn_algo: impl NearestNeighbour + 'static) -> Self {
        let is_ours = (&nn_algo as &dyn Any).is::<ExactSearch>();
        self.0.search = if is_ours {
            Search::Products
        } else {
            Search::Index(Arc::new(nn_algo))
        };
        self
    }

    /// Stores the examples `[n, d]` and their labels `[n]`, given as a pair of tensors `(&x,
    /// &labels)` (of f32, not copied, and u32 or i64) or as one of linfa's data sets (copied).
    ///
    /// # Errors
    /// If one of them has another shape or type, they differ in length, `x` is not finite, or there
    /// are fewer than `k` examples.
    pub fn fit(&self, examples: impl LabelledRows) -> Result<Knn> {
        self.check_ref()?.fit(examples)
    }
}

impl ParamGuard for KnnParams {
    type Checked = KnnValidParams;
    type Error = Error;

    fn check_ref(&self) -> Result<&KnnValidParams> {
        if self.0.k == 0 {
            return Err(Error::argument("the number of neighbours", 0, "1 or more"));
        }
        Ok(&self.0)
    }

    fn check(self) -> Result<KnnValidParams> {
        self.check_ref()?;
        Ok(self.0)
    }
}

impl KnnValidParams {
    /// The same as [`KnnParams::fit`].
    ///
    /// # Errors
    /// As for [`KnnParams::fit`].
    pub fn fit(&self, examples: impl LabelledRows) -> Result<Knn> {
        let operation = "Knn::fit";
        let (x, labels) = examples.to_tensors()?;
        let points = Features::of(operation, &x)?;
        let labels = labels::read(operation, &labels)?;
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
        if self.k > points.n {
            return Err(Error::argument(
                "the number of neighbours",
                self.k,
                format!("from 1 to {}, the number of examples", points.n),
            ));
        }
        let (classes, class_of) = classes_of(&labels);
        Ok(Knn {
            params: self.clone(),
            points,
            classes,
            class_of,
        })
    }
}

impl<F, S, T> Fit<ArrayBase<S, Ix2>, T, Error> for KnnValidParams
where
    F: Float,
    S: Data<Elem = F>,
    T: AsSingleTargets<Elem = usize>,
{
    type Object = Knn;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<S, Ix2>, T>) -> Result<Knn> {
        self.fit(dataset)
    }
}

impl Knn {
    /// Parameters for a vote among `k` neighbours.
    pub fn params(k: usize) -> KnnParams {
        KnnParams(KnnValidParams {
            k,
            search: Search::Fastest,
        })
    }

    /// The predicted class, `[m]` of u32, of each of the queries `[m, d]`. The type of the result
    /// depends on that of the queries, as [`Rows`] lists; for a tensor it is `Result<Tensor>`.
    ///
    /// # Errors
    /// If `queries` is not of f32, not finite, or has another number of columns than the examples.
    pub fn predict<X: Rows>(&self, queries: X) -> X::Classified {
        let classes = queries.to_tensor().and_then(|rows| self.classify(&rows));
        queries.classified(classes)
    }

    fn classify(&self, queries: &Tensor) -> Result<Tensor> {
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

    /// The `k` examples nearest to each of the queries `[m, d]`.
    ///
    /// # Errors
    /// If `queries` is not of f32, not finite, or has another number of columns than the examples.
    pub fn neighbours(&self, queries: impl Rows) -> Result<Neighbours> {
        let nearest = self.search("Knn::neighbours", &queries.to_tensor()?)?;
        Neighbours::of(&nearest, self.params.k)
    }

    fn search(&self, operation: &'static str, queries: &Tensor) -> Result<Vec<Nearest>> {
        let queries = Features::with_columns(operation, queries, self.points.d)?;
        let (points, k) = (&self.points, self.params.k);
        match &self.params.search {
            Search::Index(algorithm) => nearest_by_index(algorithm.as_ref(), points, &queries, k),
            Search::Fastest if points.d <= COLUMNS_FOR_A_TREE => {
                nearest_by_index(&linfa_nn::KdTree, points, &queries, k)
            }
            Search::Fastest | Search::Products => nearest_points(points, &queries, k),
        }
    }
}

/// Makes linfa's `Predict` return the classes.
impl<F: Float, S: Data<Elem = F>> PredictInplace<ArrayBase<S, Ix2>, Array1<usize>> for Knn {
    fn predict_inplace(&self, x: &ArrayBase<S, Ix2>, y: &mut Array1<usize>) {
        y.assign(&self.predict(x));
    }

    fn default_target(&self, x: &ArrayBase<S, Ix2>) -> Array1<usize> {
        Array1::zeros(x.nrows())
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
        let knn = Knn::params(4).fit((&x, &labels)).unwrap();
        let query = Tensor::new(&[[0f32]], &Device::Cpu).unwrap();
        assert_eq!(knn.predict(&query).unwrap().to_vec1::<u32>().unwrap(), [4]);
    }

    #[test]
    fn bad_input_is_one_sentence() {
        let x = Tensor::zeros((4, 2), DType::F32, &Device::Cpu).unwrap();
        let labels = |n: usize| Tensor::zeros(n, DType::U32, &Device::Cpu).unwrap();
        let refused = |k, n| {
            Knn::params(k)
                .fit((&x, &labels(n)))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused(1, 3),
            "Knn::fit: there are 4 examples but 3 labels; each example needs one."
        );
        assert_eq!(
            refused(5, 4),
            "the number of neighbours is 5, but it must be from 1 to 4, the number of examples."
        );
        assert!(refused(0, 4).contains("is 0, but"));
        let knn = Knn::params(1).fit((&x, &labels(4))).unwrap();
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
