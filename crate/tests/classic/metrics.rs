//! Scores of classifiers, taggers, reconstructions and clusters.

use std::collections::BTreeMap;

use cuaderno::metrics::{PixelScores, Scores};
use cuaderno::prelude::*;

use crate::{assert_close, on_every_case};

#[test]
fn classification() {
    on_every_case("metrics/classification", |case| {
        let (labels, predicted) = (case.tensor("labels"), case.tensor("predicted"));
        let expected: f64 = case.get("accuracy");
        let report = classification_report(&labels, &predicted).unwrap();
        let found = [report.accuracy, accuracy(&labels, &predicted).unwrap()];
        assert_close(case, "accuracy", &found, &[expected; 2]);

        let numbers = |s: &Scores| [s.precision, s.recall, s.f1, s.support as f64];
        let classes: BTreeMap<u32, [f64; 4]> = case.get("classes");
        assert_eq!(report.classes.len(), classes.len(), "{case}");
        for (class, expected) in report.classes.iter().zip(classes) {
            assert_eq!(class.class, expected.0, "{case}");
            assert_close(case, "a class", &numbers(&class.scores), &expected.1);
        }
        let expected: [f64; 4] = case.get("macro");
        assert_close(case, "macro", &numbers(&report.macro_average), &expected);
        let expected: [f64; 4] = case.get("weighted");
        assert_close(
            case,
            "weighted",
            &numbers(&report.weighted_average),
            &expected,
        );

        let confusion = confusion_matrix(&labels, &predicted).unwrap();
        let counts = |tensor: &Tensor| tensor.to_vec2::<u32>().unwrap();
        assert_eq!(
            counts(&confusion),
            counts(&case.tensor("confusion")),
            "{case}"
        );
    });
}

#[test]
fn reconstruction() {
    on_every_case("metrics/reconstruction", |case| {
        let (images, restored) = (case.tensor("images"), case.tensor("reconstructions"));
        let mse = reconstruction_mse(&images, &restored).unwrap();
        let bce = reconstruction_bce(&images, &restored).unwrap();
        assert_close(case, "mse", &[mse], &[case.get("mse")]);
        assert_close(case, "bce", &[bce], &[case.get("bce")]);
    });
}

#[test]
fn clustering() {
    on_every_case("metrics/clustering", |case| {
        let report = clustering_report(&case.tensor("labels"), &case.tensor("clusters")).unwrap();
        for (what, found) in [
            ("nmi", report.nmi),
            ("ari", report.ari),
            ("homogeneity", report.homogeneity),
            ("completeness", report.completeness),
            ("v_measure", report.v_measure),
            ("accuracy", report.accuracy),
        ] {
            assert_close(case, what, &[found], &[case.get(what)]);
        }
    });
}

#[test]
fn segmentation() {
    on_every_case("metrics/segmentation", |case| {
        let (masks, predicted) = (case.tensor("masks"), case.tensor("predicted"));
        let report = segmentation_report(&masks, &predicted, case.get("ignored")).unwrap();
        let means = [report.mean_iou, report.accuracy];
        let expected = [case.get("mean_iou"), case.get("accuracy")];
        assert_close(case, "means", &means, &expected);
        let of_class = |score: fn(&PixelScores) -> f64| -> Vec<f64> {
            report.classes.iter().map(score).collect()
        };
        for (name, found) in [
            ("precision", of_class(|class| class.precision)),
            ("recall", of_class(|class| class.recall)),
            ("iou", of_class(|class| class.iou)),
            ("pixels", of_class(|class| class.pixels as f64)),
        ] {
            assert_close(case, name, &found, &case.get::<Vec<f64>>(name));
        }
    });
}

#[test]
fn entities() {
    on_every_case("metrics/entities", |case| {
        let tags = |name| -> Vec<Vec<String>> { case.get(name) };
        let (truth, predicted) = (tags("truth"), tags("predicted"));
        let report = entity_report(&truth, &predicted).unwrap();
        let numbers = |s: &Scores| [s.precision, s.recall, s.f1, s.support as f64];
        let kinds: BTreeMap<String, [f64; 4]> = case.get("kinds");
        assert_eq!(report.kinds.len(), kinds.len(), "{case}");
        for ((kind, scores), expected) in report.kinds.iter().zip(kinds) {
            assert_eq!(*kind, expected.0, "{case}");
            assert_close(case, kind, &numbers(scores), &expected.1);
        }
        for (name, scores) in [
            ("micro", &report.micro_average),
            ("macro", &report.macro_average),
            ("weighted", &report.weighted_average),
        ] {
            let expected: [f64; 4] = case.get(name);
            assert_close(case, name, &numbers(scores), &expected);
        }
    });
}
