//! Principal components, neighbours, scaling and maps.

use cuaderno::prelude::*;

use crate::{assert_close, on_every_case};

#[test]
fn pca() {
    on_every_case("classic/pca", |case| {
        let x = case.tensor("x");
        let pca = Pca::params(case.get("k")).fit(&x).unwrap();
        case.compare("mean", &pca.mean().unwrap());
        if case.optional("components").is_some() {
            case.compare("components", &pca.components().unwrap());
            case.compare("codes", &pca.transform(&x).unwrap());
        }
        let codes = pca.transform(&x).unwrap();
        case.compare("restored", &pca.inverse_transform(&codes).unwrap());
        for (what, found) in [
            ("explained_variance", pca.explained_variance()),
            ("explained_variance_ratio", pca.explained_variance_ratio()),
        ] {
            assert_close(case, what, &found, &case.get::<Vec<f64>>(what));
        }
    });
}

#[test]
fn knn() {
    on_every_case("classic/knn", |case| {
        let (points, queries) = (case.tensor("points"), case.tensor("queries"));
        let knn = Knn::params(case.get("k")).fit((&points, &case.tensor("labels")));
        let knn = knn.unwrap();
        let found = knn.neighbours(&queries).unwrap();
        case.compare("distances", &found.distances);
        let numbers = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<u32>().unwrap();
        if let Some(indices) = case.optional("indices") {
            assert_eq!(numbers(&found.indices), numbers(&indices), "{case}");
            let classes = knn.predict(&queries).unwrap();
            assert_eq!(
                numbers(&classes),
                numbers(&case.tensor("classes")),
                "{case}"
            );
        }
    });
}

#[test]
fn standard_scaler() {
    on_every_case("classic/scaler", |case| {
        let x = case.tensor("x");
        let scaler = StandardScaler::params().fit(&x).unwrap();
        case.compare("mean", &scaler.mean().unwrap());
        case.compare("deviation", &scaler.deviation().unwrap());
        // Far from zero f32 holds fewer digits of what is left of the mean.
        if case.name == "plain" {
            case.compare("scaled", &scaler.transform(&x).unwrap());
        }
    });
}

#[test]
fn tsne_is_as_good_a_map() {
    on_every_case("classic/tsne", |case| {
        let x = case.tensor("x");
        let params = TSne::params().perplexity(case.get("perplexity")).quiet();
        let tsne = params.fit(&x).unwrap();
        let bound = 1.02 * case.get::<f64>("kl_divergence");
        assert!(
            tsne.kl_divergence <= bound,
            "{case}: {} above {bound}",
            tsne.kl_divergence
        );
        let trust = trustworthiness(&x, &tsne.embedding, 5).unwrap();
        let bound = case.get::<f64>("trustworthiness") - 0.005;
        assert!(trust >= bound, "{case}: {trust} below {bound}");
    });
}

#[test]
fn trustworthiness_of_a_projection() {
    on_every_case("classic/tsne", |case| {
        let trust = trustworthiness(&case.tensor("x"), &case.tensor("flat"), 7).unwrap();
        let expected = case.get("trustworthiness_of_flat");
        assert_close(case, "trustworthiness", &[trust], &[expected]);
    });
}

#[test]
fn frechet_distance_of_two_clouds() {
    on_every_case("classic/frechet", |case| {
        let distance = frechet_distance(&case.tensor("real"), &case.tensor("generated")).unwrap();
        assert_close(case, "distance", &[distance], &[case.get("distance")]);
    });
}
