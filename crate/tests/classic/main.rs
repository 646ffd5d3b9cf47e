//! The methods and metrics against scikit-learn.

#[path = "../common/fixture.rs"]
mod fixture;

mod audio;
mod linfa;
mod methods;
mod metrics;

use candle_core::DType;
use cuaderno::candle_core;
use fixture::{Case, Fixture};

/// Runs `test` on every case in f32, in which these rooms work.
fn on_every_case(name: &str, test: impl Fn(&Case)) {
    let fixture = Fixture::load(name);
    let cases = fixture.cases().filter(|case| case.dtype == DType::F32);
    assert!(cases.map(|case| test(&case)).count() > 0);
}

/// Panics unless the numbers agree to six digits of the largest.
fn assert_close(case: &Case, what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{case}, {what}");
    let largest = expected
        .iter()
        .fold(0f64, |largest, e| largest.max(e.abs()));
    for (found, expected) in found.iter().zip(expected) {
        let error = (found - expected).abs();
        assert!(
            error <= 1e-6 * largest.max(1e-6),
            "{case}, {what}: {found} for {expected}"
        );
    }
}
