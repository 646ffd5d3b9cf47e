//! Classification by the nearest neighbours.

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

/// Up to this many columns a tree is faster than all distances: 10,000 queries in 60,000 normally
/// distributed points take it 0.06 s at 2 columns and 0.2 s at 5, where all distances take 0.5 to
/// 0.9 s, but 0.7 s at 6 and 9 s at 10.
const COLUMNS_FOR_A_TREE: usize = 5;

/// Gives a query the class that most of its `k` nearest examples have (Fix and Hodges 1951); of
/// classes with as many, the one of the smaller number. The neighbours are exact.
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
/// It is fitted on a data set of linfa as well, and any of linfa's searches can find the neighbours:
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

/// What a [`Knn`] is fitted with.
#[derive(Clone, Debug)]
pub struct KnnParams(KnnValidParams);

/// The same, checked as far as they can be without data.
#[derive(Clone, Debug)]
pub struct KnnValidParams {
    k: usize,
    search: Search,
}

/// How neighbours are found.
#[derive(Clone, Debug)]
enum Search {
    /// By a tree for points of few columns, otherwise by products.
    Fastest,
    /// All queries at once, by products of matrices.
    Products,
    /// Query by query, by an index of linfa's.
    Index(Arc<dyn Build>),
}

impl KnnParams {
    /// How the neighbours are found: by linfa's `KdTree`, `BallTree` or `LinearSearch`, or by
    /// [`ExactSearch`]. The neighbours are the same, only the time differs. Unless told otherwise,
    /// a tree is used up to five columns, and from six [`ExactSearch`].
    ///
    /// What is not ours builds its index for each call of `predict`, from a copy in f64.
    pub fn nn_algo(mut self, nn_algo: impl NearestNeighbour + 'static) -> Self {
        let is_ours = (&nn_algo as &dyn Any).is::<ExactSearch>();
        self.0.search = if is_ours {
            Search::Products
        } else {
            Search::Index(Arc::new(nn_algo))
        };
        self
    }

    /// Remembers the examples `[n, d]` and the label of each: a pair of tensors `(&x, &labels)` (f32,
    /// not copied, and u32 or i64) or a data set of linfa (copied).
    ///
    /// # Errors
    /// If one of the two is no such tensor or they differ in length, if `x` is not finite, or if
    /// there are fewer examples than neighbours are asked for.
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
    /// As [`KnnParams::fit`].
    ///
    /// # Errors
    /// As [`KnnParams::fit`].
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
    /// Parameters for that many neighbours.
    pub fn params(k: usize) -> KnnParams {
        KnnParams(KnnValidParams {
            k,
            search: Search::Fastest,
        })
    }

    /// The class `[m]`, u32, of each of the queries `[m, d]`, in the form that [`Rows`] says: for a
    /// tensor a `Result<Tensor>`.
    ///
    /// # Errors
    /// If `queries` is no f32 tensor of rows like the fitted ones, or not finite.
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

    /// The nearest examples of each of the queries `[m, d]`.
    ///
    /// # Errors
    /// If `queries` is no f32 tensor of rows like the fitted ones, or not finite.
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

/// With this, linfa's `Predict` gives the classes.
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
