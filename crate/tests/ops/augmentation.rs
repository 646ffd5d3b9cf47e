//! Changes of pictures, which are computed in f32 alone.

use cuaderno::prelude::*;

use crate::dense::on_every_case;
use crate::fixture::Case;

/// Runs `augmentation` on the input of every f32 case of a fixture.
fn compare(fixture: &str, augmentation: impl Fn(&Case) -> Augmentation) {
    on_every_case(fixture, |case| {
        if case.dtype == DType::F32 {
            let output = augmentation(case).apply(&case.tensor("input"), 1);
            case.compare("output", &output.unwrap());
        }
    });
}

#[test]
fn movements() {
    compare("augmentation/movements", |case| {
        let number = |name| case.get::<f64>(name);
        Augmentation::new()
            .zoom(number("zoom"))
            .rotate(number("degrees"))
            .shift(number("right"), number("down"))
    });
}

#[test]
fn sizes() {
    compare("augmentation/sizes", |case| {
        Augmentation::new().resize(case.get("size"))
    });
}

#[test]
fn light() {
    compare("augmentation/light", |case| {
        Augmentation::new()
            .brightness(case.get::<f64>("brightness"))
            .contrast(case.get::<f64>("contrast"))
    });
}
