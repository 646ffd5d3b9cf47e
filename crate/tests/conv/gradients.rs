//! Every gradient against finite differences, in f64, fused and composed.

use candle_core::{Tensor, Var};
use cuaderno::{
    candle_core,
    ops::{Activation, Pool2d, fallback},
};
use proptest::prelude::*;

use crate::cases::{Case, Operation, convolution, resize, tensor, values};

const STEP: f64 = 1e-6;

/// The sum of the result times fixed random weights, so that every element counts differently.
fn objective(case: &Case, arguments: &[Tensor]) -> Tensor {
    let y = case.run(arguments).unwrap();
    let weights = (0..y.elem_count()).map(|i| ((i * 7919 + 13) % 101) as f64 / 50.0 - 1.0);
    let weights = tensor(weights.collect(), y.dims());
    (y * weights).unwrap().sum_all().unwrap()
}

/// Numbers in the same order, so far apart that a step changes no maximum.
fn apart(numbers: &Tensor) -> Tensor {
    let found = values(numbers);
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_by(|&a, &b| found[a].total_cmp(&found[b]));
    let mut spread = vec![0.0; found.len()];
    for (rank, at) in order.into_iter().enumerate() {
        spread[at] = 0.01 * rank as f64 - 1.0;
    }
    tensor(spread, numbers.dims())
}

/// Whether no step crosses the kink of the activation, which is at 0.
fn is_smooth(case: &Case, arguments: &[Tensor]) -> bool {
    let mut case = case.clone();
    if let Operation::Conv { activation, .. } | Operation::ConvTranspose { activation, .. } =
        &mut case.operation
    {
        *activation = Activation::Linear;
        let before = values(&case.run(arguments).unwrap());
        return before.iter().all(|y| y.abs() > 10.0 * STEP);
    }
    true
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let mut arguments = case.arguments();
    prop_assume!(is_smooth(case, &arguments));
    if matches!(case.operation, Operation::MaxPool(_)) {
        arguments[0] = apart(&arguments[0]);
    }
    let variables: Vec<Var> = arguments
        .iter()
        .map(|argument| Var::from_tensor(argument).unwrap())
        .collect();
    let tensors: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let gradients = objective(case, &tensors).backward().unwrap();
    for (which, variable) in variables.iter().enumerate() {
        let gradient = gradients.get(variable);
        prop_assert!(gradient.is_some(), "argument {which} got no gradient");
        let gradient = gradient.unwrap();
        prop_assert_eq!(gradient.dims(), variable.dims());
        let (found, point) = (values(gradient), values(variable));
        let scale = found.iter().fold(1f64, |scale, g| scale.max(g.abs()));
        // A few elements of each argument, at different places in different cases.
        let every = (point.len() / 12).max(1);
        for at in (case.seed as usize % every..point.len()).step_by(every) {
            let shifted = |step: f64| {
                let mut point = point.clone();
                point[at] += step;
                let mut arguments: Vec<Tensor> = tensors.iter().map(Tensor::detach).collect();
                arguments[which] = tensor(point, variable.dims());
                objective(case, &arguments).to_scalar::<f64>().unwrap()
            };
            let expected = (shifted(STEP) - shifted(-STEP)) / (2.0 * STEP);
            prop_assert!(
                (found[at] - expected).abs() < 1e-6 * scale,
                "argument {which}, element {at}: found {}, expected {expected}",
                found[at]
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn of_convolutions(case in convolution(5, 3)) {
        check(&case)?;
    }

    #[test]
    fn of_composed_convolutions(case in convolution(4, 2)) {
        prop_assume!(case.input[0] > 0); // candle gives an empty sum no gradient
        let _composed = fallback::force();
        check(&case)?;
    }

    #[test]
    fn of_pools_and_upsamplings(case in resize(5)) {
        check(&case)?;
    }

    #[test]
    fn of_composed_pools_and_upsamplings(case in resize(4)) {
        let _composed = fallback::force();
        check(&case)?;
    }
}

/// The last window is cut to two rows, which the one before it has read, too.
#[test]
fn of_windows_that_overlap_where_the_last_is_cut() {
    let windows = Pool2d {
        kernel: [4, 3],
        stride: [2, 4],
        padding: [1, 1],
        ceil_mode: true,
    };
    for seed in 0..20 {
        let operation = Operation::MaxPool(windows);
        let input = [1, 1, 5, 3];
        check(&Case {
            operation,
            input,
            seed,
        })
        .unwrap();
    }
}
