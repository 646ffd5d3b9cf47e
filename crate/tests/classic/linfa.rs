//! The methods against linfa's, in linfa's words.

use cuaderno::classic::ExactSearch;
use cuaderno::linfa::dataset::Dataset;
use cuaderno::linfa::traits::{Fit, Predict, Transformer};
use cuaderno::linfa_nn::distance::{L1Dist, L2Dist, LInfDist};
use cuaderno::linfa_nn::{
    BallTree, CommonNearestNeighbour, KdTree, LinearSearch, NearestNeighbour,
};
use cuaderno::ndarray::{Array1, Array2, Axis, Ix1};
use cuaderno::{Error, prelude::*};

/// Examples `[n, d]` that vary along each direction more than along the next.
fn examples(n: usize, d: usize) -> Array2<f64> {
    let x = Rng::new(6202).normal(0.0, 1.0, &[n, d]).unwrap();
    let scale: Vec<f32> = (0..d).map(|i| 9.0 * 0.7f32.powi(i as i32)).collect();
    let scale = Tensor::from_vec(scale, d, &Device::Cpu).unwrap();
    let turn = Rng::new(1).normal(0.0, 1.0, &[d, d]).unwrap();
    let x = x.broadcast_mul(&scale).unwrap().matmul(&turn).unwrap();
    x.to_array().unwrap()
}

fn digits(n: usize) -> Dataset<f64, usize, Ix1> {
    Mnist::sample()
        .unwrap()
        .train
        .take(n)
        .unwrap()
        .to_linfa()
        .unwrap()
}

fn close(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance * expected.abs().max(1e-3)
}

#[test]
fn components_are_linfas_up_to_their_sign() {
    let dataset = Dataset::from(examples(300, 24));
    let (n, k) = (300.0, 4);
    let ours = Pca::params(k).fit(&dataset).unwrap();
    let theirs = linfa_reduction::Pca::params(k).fit(&dataset).unwrap();

    let codes: (Array2<f64>, Array2<f64>) = (ours.predict(&dataset), theirs.predict(&dataset));
    for (ours, theirs) in codes.0.columns().into_iter().zip(codes.1.columns()) {
        let sign = (ours.dot(&theirs)).signum();
        let largest = theirs.iter().fold(0f64, |max, x| max.max(x.abs()));
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert!(
                (ours - sign * theirs).abs() < 1e-4 * largest,
                "{ours} for {theirs}"
            );
        }
    }
    let variances = ours.explained_variance();
    let singular = theirs.singular_values().iter();
    for (variance, singular) in variances.iter().zip(singular) {
        assert!(close(singular.powi(2) / (n - 1.0), *variance, 1e-6));
    }
    // linfa divides by the number of components less one, where that of examples less one is meant,
    // and takes for the whole what the components explain together.
    let whole: f64 = variances.iter().sum();
    let (wrong, ratios) = (
        theirs.explained_variance(),
        theirs.explained_variance_ratio(),
    );
    for (i, variance) in variances.iter().enumerate() {
        assert!(close(
            wrong[i],
            variance * (n - 1.0) / (k as f64 - 1.0),
            1e-6
        ));
        assert!(close(ratios[i], variance / whole, 1e-6));
    }
    assert!(close(ratios.sum(), 1.0, 1e-9));
    assert!(ours.explained_variance_ratio().iter().sum::<f64>() < 0.999);
}

#[test]
fn whitened_coordinates_vary_alike_as_linfas_do() {
    let dataset = Dataset::from(examples(300, 6));
    let ours = Pca::params(3).whiten(true).fit(&dataset).unwrap();
    let theirs = linfa_reduction::Pca::params(3)
        .whiten(true)
        .fit(&dataset)
        .unwrap();
    for codes in [ours.predict(&dataset), theirs.predict(&dataset)] {
        let covariance = codes.t().dot(&codes) / 299.0;
        for ((i, j), value) in covariance.indexed_iter() {
            let right = f64::from(u8::from(i == j));
            assert!((value - right).abs() < 1e-5, "{covariance}");
        }
    }
    let rows: Tensor = dataset
        .records
        .view()
        .into_tensor()
        .unwrap()
        .to_dtype(DType::F32)
        .unwrap();
    let all = Pca::params(6).whiten(true).fit(&rows).unwrap();
    let restored = all
        .inverse_transform(&all.transform(&rows).unwrap())
        .unwrap();
    let difference = (restored - rows).unwrap().abs().unwrap().max_all().unwrap();
    assert!(difference.to_scalar::<f32>().unwrap() < 1e-3);
    let same = Tensor::cat(&[&Rng::new(1).normal(0.0, 1.0, &[9, 1]).unwrap(); 2], 1).unwrap();
    assert_eq!(
        Pca::params(2)
            .whiten(true)
            .fit(&same)
            .unwrap_err()
            .to_string(),
        "the number of components to whiten is 2, but it must be 1 at most, along which the \
         examples vary."
    );
}

/// What code written for linfa's traits sees.
fn codes_by<P, M>(params: &P, dataset: &Dataset<f64, usize, Ix1>) -> Array2<f64>
where
    P: Fit<Array2<f64>, Array1<usize>, Error, Object = M>,
    M: for<'a> Predict<&'a Dataset<f64, usize, Ix1>, Array2<f64>>
        + Transformer<Dataset<f64, usize, Ix1>, Dataset<f64, usize, Ix1>>,
{
    let model = params.fit(dataset).unwrap();
    let codes = model.predict(dataset);
    let transformed = model.transform(dataset.clone());
    assert_eq!(
        (&transformed.records, &transformed.targets),
        (&codes, &dataset.targets)
    );
    codes
}

#[test]
fn methods_are_linfas_traits() {
    let digits = digits(300);
    assert_eq!(codes_by(&Pca::params(5), &digits).dim(), (300, 5));

    let knn: Knn = Fit::fit(&Knn::params(3), &digits).unwrap();
    let classes: Array1<usize> = Predict::predict(&knn, &digits);
    let right = classes.iter().zip(&digits.targets).filter(|(a, b)| a == b);
    assert!(right.count() > 250);
    assert_eq!(knn.predict(&digits.records), classes);
    assert_eq!(knn.predict(digits.clone()).targets, classes);

    // A model selection of linfa's, which knows the traits alone.
    use cuaderno::linfa::dataset::DatasetBase;
    let mut few = DatasetBase::new(examples(60, 6), Array1::from_shape_fn(60, |i| i % 2));
    let folds: Vec<usize> = few
        .iter_fold(3, |train| {
            let rows = DatasetBase::new(train.records().to_owned(), train.targets().to_owned());
            Knn::params(1).fit(&rows).unwrap()
        })
        .map(|(knn, valid)| knn.predict(&valid).len())
        .collect();
    assert_eq!(folds, [20, 20, 20]);

    let refused = Fit::<_, _, Error>::fit(&Pca::params(0), &digits).map(|_: Pca| ());
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the number of components is 0, but it must be 1 or more."
    );
}

#[test]
fn scaled_columns_are_linfas_and_f64_comes_back_as_f64() {
    let x = examples(50, 6);
    let scaler = StandardScaler::params()
        .fit(Dataset::from(x.clone()))
        .unwrap();
    let scaled: Array2<f64> = scaler.transform(&x);
    let (mean, deviation) = (x.mean_axis(Axis(0)).unwrap(), x.std_axis(Axis(0), 0.0));
    for ((row, column), found) in scaled.indexed_iter() {
        let right = (x[[row, column]] - mean[column]) / deviation[column];
        assert!((found - right).abs() < 1e-6, "{found} for {right}");
    }
    let back = scaler.inverse_transform(scaled);
    assert!((back - x).iter().all(|error| error.abs() < 1e-5));
}

#[test]
#[should_panic(expected = "Pca::transform: it was fitted on rows of 6 numbers, but these have 2.")]
fn an_array_that_does_not_fit_panics_as_linfas_traits_have_it() {
    let pca = Pca::params(2).fit(examples(20, 6)).unwrap();
    pca.transform(Array2::<f64>::zeros((3, 2)));
}

#[test]
fn a_search_of_linfa_finds_the_neighbours_of_ours() {
    let x: Vec<f32> = examples(400, 6).iter().map(|&x| x as f32).collect();
    let x = Tensor::from_vec(x, (400, 6), &Device::Cpu).unwrap();
    let labels = Tensor::zeros(400, DType::U32, &Device::Cpu).unwrap();
    let queries = Rng::new(3).normal(0.0, 9.0, &[50, 6]).unwrap();
    // On a grid, most neighbours are as near as others.
    for scale in [1.0, 0.1] {
        let on_grid = |x: &Tensor| ((x * scale).unwrap().round().unwrap() / scale).unwrap();
        let (x, queries) = (on_grid(&x), on_grid(&queries));
        let found = |params: cuaderno::classic::KnnParams| {
            let knn = params.fit((&x, &labels)).unwrap();
            let found = knn.neighbours(&queries).unwrap();
            let indices = found.indices.to_vec2::<u32>().unwrap();
            (indices, found.distances.to_vec2::<f32>().unwrap())
        };
        let right = found(Knn::params(8).nn_algo(ExactSearch));
        assert_eq!(found(Knn::params(8)), right);
        assert_eq!(found(Knn::params(8).nn_algo(KdTree)), right);
        assert_eq!(found(Knn::params(8).nn_algo(BallTree)), right);
        assert_eq!(found(Knn::params(8).nn_algo(LinearSearch)), right);
        assert_eq!(
            found(Knn::params(8).nn_algo(CommonNearestNeighbour::BallTree)),
            right
        );
    }
}

#[test]
fn our_index_finds_the_points_of_linfas_linear_search() {
    fn check<D: cuaderno::linfa_nn::distance::Distance<f64> + 'static>(distance: D) {
        let (points, queries) = (examples(200, 6), examples(220, 6));
        let ours = ExactSearch.from_batch(&points, distance.clone()).unwrap();
        let theirs = LinearSearch.from_batch(&points, distance.clone()).unwrap();
        for query in queries.rows().into_iter().skip(200) {
            let nearest = ours.k_nearest(query, 9).unwrap();
            assert_eq!(nearest, theirs.k_nearest(query, 9).unwrap());
            let range = distance.distance(query, nearest[8].0);
            let within = ours.within_range(query, range * 1.000001).unwrap();
            assert_eq!(within.len(), 9);
            assert_eq!(
                within,
                theirs.within_range(query, range * 1.000001).unwrap()
            );
        }
        assert_eq!(ours.k_nearest(queries.row(0), 999).unwrap().len(), 200);
        assert!(ours.k_nearest(Array1::zeros(3).view(), 1).is_err());
    }
    check(L2Dist);
    check(L1Dist);
    check(LInfDist);
    assert!(
        ExactSearch
            .from_batch(&Array2::<f32>::zeros((3, 0)), L2Dist)
            .is_err()
    );
}

/// The divergence that t-SNE minimises, by its definition.
fn kl_divergence(x: &Array2<f64>, map: &Array2<f64>, perplexity: f64) -> f64 {
    let n = x.nrows();
    let squared = |rows: &Array2<f64>, i: usize, j: usize| -> f64 {
        let difference = &rows.row(i) - &rows.row(j);
        difference.dot(&difference)
    };
    let mut p = Array2::<f64>::zeros((n, n));
    for i in 0..n {
        let (mut low, mut high) = (0.0, f64::INFINITY);
        let mut precision = 1.0;
        for _ in 0..100 {
            let weight = |j: usize| {
                if j == i {
                    0.0
                } else {
                    (-precision * squared(x, i, j)).exp()
                }
            };
            let weights: Array1<f64> = (0..n).map(weight).collect();
            let weights = &weights / weights.sum();
            let entropy: f64 = -weights
                .iter()
                .map(|&p| if p > 0.0 { p * p.ln() } else { 0.0 })
                .sum::<f64>();
            p.row_mut(i).assign(&weights);
            if entropy > perplexity.ln() {
                low = precision;
                precision = if high.is_finite() {
                    (low + high) / 2.0
                } else {
                    precision * 2.0
                };
            } else {
                high = precision;
                precision = (low + high) / 2.0;
            }
        }
    }
    let p = (&p + &p.t()) / (2 * n) as f64;
    let student = |(i, j)| {
        if i == j {
            0.0
        } else {
            1.0 / (1.0 + squared(map, i, j))
        }
    };
    let q = Array2::from_shape_fn((n, n), student);
    let q = &q / q.sum();
    let terms = p.iter().zip(&q);
    terms
        .map(|(&p, &q)| if p > 0.0 { p * (p / q).ln() } else { 0.0 })
        .sum()
}

#[test]
fn a_map_is_as_good_as_linfas_by_divergence_and_trustworthiness() {
    // As in linfa-tsne's example on MNIST, with our PCA.
    let ds = digits(300);
    let ds = Pca::params(30)
        .whiten(false)
        .fit(&ds)
        .unwrap()
        .transform(ds);
    let ours = TSne::params().perplexity(20.0).quiet();
    let ours: Dataset<f64, usize, Ix1> = ours.transform(ds.clone()).unwrap();
    let theirs = linfa_tsne::TSneParams::embedding_size(2)
        .perplexity(20.0)
        .max_iter(1000);
    let theirs = theirs.transform(ds.clone()).unwrap();
    assert_eq!(ours.targets, ds.targets);

    let divergence = |map: &Array2<f64>| kl_divergence(&ds.records, map, 20.0);
    let (our_kl, their_kl) = (divergence(&ours.records), divergence(&theirs.records));
    let tensor = |x: &Array2<f64>| {
        x.view()
            .into_tensor()
            .unwrap()
            .to_dtype(DType::F32)
            .unwrap()
    };
    let trust = |map: &Array2<f64>| trustworthiness(&tensor(&ds.records), &tensor(map), 5).unwrap();
    let (our_trust, their_trust) = (trust(&ours.records), trust(&theirs.records));
    assert!(our_kl <= 1.02 * their_kl, "{our_kl} above {their_kl}");
    assert!(
        our_trust >= their_trust - 0.01,
        "{our_trust} below {their_trust}"
    );
}
