//! Recurrent layers against PyTorch, and what they do with masks, directions and states.

use candle_core::{DType, Tensor, Var};
use cuaderno::candle_core;
use cuaderno::nn::{
    Bidirectional, BidirectionalPlan, Gru, Layer, Lstm, Merge, Pass, Plan, RecurrentPlan,
    RecurrentState, SimpleRnn,
};
use cuaderno::ops::mask_of_lengths;
use cuaderno::{Result, Rng};

use crate::fixture::{Case, Fixture};
use crate::layers::set_weights;

fn recurrent_plan(kind: &str, units: usize) -> RecurrentPlan {
    match kind {
        "rnn_tanh" => SimpleRnn::units(units),
        "rnn_relu" => SimpleRnn::relu_units(units),
        "lstm" => Lstm::units(units),
        _ => Gru::units(units),
    }
}

const RECURRENT: [&str; 4] = ["rnn_tanh", "rnn_relu", "lstm", "gru"];

fn mask(case: &Case) -> Option<Tensor> {
    let lengths = case.optional("lengths")?.to_dtype(DType::U32).unwrap();
    let lengths = lengths.to_vec1::<u32>().unwrap();
    let lengths: Vec<usize> = lengths.into_iter().map(|n| n as usize).collect();
    Some(mask_of_lengths(&lengths, case.tensor("input").dims()[1]).unwrap())
}

#[test]
fn recurrent() {
    for kind in RECURRENT {
        let fixture = Fixture::load(&format!("recurrent/{kind}"));
        let cases = fixture.cases();
        for case in cases.filter(|case| !case.get::<bool>("bidirectional")) {
            let input = case.tensor("input");
            let initial = case
                .optional("initial_hidden")
                .map(|hidden| RecurrentState {
                    hidden,
                    cell: case.optional("initial_cell"),
                });
            let mut plan = recurrent_plan(kind, case.get("hidden_size"));
            if case.get("reverse") {
                plan = plan.reversed();
            }
            if case.optional("bias_ih").is_none() {
                plan = plan.without_bias();
            }
            for plan in [plan, plan.return_sequences()] {
                let layer = plan.build(&input.dims()[1..], &mut Rng::new(1)).unwrap();
                set_weights(&case, &layer, str::to_owned);
                let (sequence, state) = layer
                    .read(&input, initial.as_ref(), mask(&case).as_ref())
                    .unwrap();
                case.compare("output", &sequence);
                case.compare("hidden", &state.hidden);
                if let Some(cell) = &state.cell {
                    case.compare("cell", cell);
                }
                if initial.is_none() && mask(&case).is_none() {
                    let output = layer.apply(&input, &mut Pass::Evaluate).unwrap();
                    let promised = layer.output_shape(&input.dims()[1..]).unwrap();
                    assert_eq!(output.dims()[1..], promised, "{case}");
                    case.compare(
                        if promised.len() == 2 {
                            "output"
                        } else {
                            "hidden"
                        },
                        &output,
                    );
                }
            }
        }
    }
}

#[test]
fn bidirectional() {
    for kind in RECURRENT {
        let fixture = Fixture::load(&format!("recurrent/{kind}"));
        for case in fixture.cases().filter(|case| case.get("bidirectional")) {
            let plan = recurrent_plan(kind, case.get("hidden_size")).return_sequences();
            let input = case.tensor("input");
            let plan = Bidirectional::of(plan);
            let layer = plan.build(&input.dims()[1..], &mut Rng::new(1)).unwrap();
            set_weights(&case, &layer, |name| match name.split_once('.') {
                Some(("forward", name)) => name.to_owned(),
                Some((_, name)) => format!("{name}_reverse"),
                None => unreachable!("{name} belongs to a direction"),
            });
            let (output, state) = layer.read(&input, None, mask(&case).as_ref()).unwrap();
            case.compare("output", &output);
            case.compare("hidden", &state.hidden.get(0).unwrap());
            case.compare("hidden_reverse", &state.hidden.get(1).unwrap());
        }
    }
}

/// Gives a layer the case's weights, and compares what `read` returns and the gradients of the input
/// and of every parameter.
fn check_stack(
    case: &Case,
    layer: &dyn Layer,
    name_of: impl Fn(&str) -> String,
    read: impl Fn(&Tensor, Option<&RecurrentState>, Option<&Tensor>) -> Result<(Tensor, RecurrentState)>,
) {
    set_weights(case, layer, &name_of);
    let initial = case
        .optional("initial_hidden")
        .map(|hidden| RecurrentState {
            hidden,
            cell: case.optional("initial_cell"),
        });
    let input = Var::from_tensor(&case.tensor("input")).unwrap();
    let (output, state) = read(&input, initial.as_ref(), mask(case).as_ref()).unwrap();
    let mut outputs = vec![("output", &output), ("hidden", &state.hidden)];
    outputs.extend(state.cell.as_ref().map(|cell| ("cell", cell)));
    let weighted = outputs.iter().map(|(name, output)| {
        case.compare(name, output);
        let weighting = case.tensor(&format!("{name}_weighting"));
        (*output * weighting).unwrap().sum_all().unwrap()
    });
    let weighted: Vec<Tensor> = weighted.collect();
    let objective = Tensor::stack(&weighted, 0).unwrap().sum_all().unwrap();
    let gradients = objective.backward().unwrap();
    case.compare("grad_input", gradients.get(&input).unwrap());
    for (name, parameter) in layer.parameters().iter() {
        let gradient = gradients.get(&parameter.var()).unwrap();
        case.compare(&format!("grad_{}", name_of(name)), gradient);
    }
}

#[test]
fn stacks_in_one_direction_and_two() {
    for kind in RECURRENT {
        let fixture = Fixture::load(&format!("recurrent/{kind}_stacks"));
        for case in fixture.cases() {
            let layers: usize = case.get("layers");
            let mut plan = recurrent_plan(kind, case.get("hidden_size")).num_layers(layers);
            if case.optional("bias_ih_l0").is_none() {
                plan = plan.without_bias();
            }
            let input = &case.tensor("input").dims()[1..].to_vec();
            // A single layer has no number in its names.
            let number = if layers == 1 { "_l0" } else { "" };
            if case.get("bidirectional") {
                let plan = Bidirectional::of(plan);
                let layer = plan.build(input, &mut Rng::new(1)).unwrap();
                let name_of = |name: &str| match name.split_once('.') {
                    Some(("forward", name)) => format!("{name}{number}"),
                    Some((_, name)) => format!("{name}{number}_reverse"),
                    None => unreachable!("{name} belongs to a direction"),
                };
                check_stack(&case, &layer, name_of, |x, initial, mask| {
                    layer.read(x, initial, mask)
                });
            } else {
                let layer = plan.build(input, &mut Rng::new(1)).unwrap();
                let name_of = |name: &str| format!("{name}{number}");
                check_stack(&case, &layer, name_of, |x, initial, mask| {
                    layer.read(x, initial, mask)
                });
            }
        }
    }
}

#[test]
fn the_output_of_a_stack_is_the_state_on_top() {
    let x = Rng::new(2).normal(0.0, 1.0, &[3, 4, 5]).unwrap();
    let rows = |x: &Tensor| x.to_vec2::<f32>().unwrap();
    let plan = Gru::units(2).num_layers(3);
    let stack = plan.build(&[4, 5], &mut Rng::new(1)).unwrap();
    assert_eq!(stack.kind(), "Gru, 3 layers");
    assert_eq!(stack.output_shape(&[4, 5]).unwrap(), [2]);
    let (_, state) = stack.read(&x, None, None).unwrap();
    assert_eq!(state.hidden.dims(), [3, 3, 2]);
    let output = stack.apply(&x, &mut Pass::Evaluate).unwrap();
    assert_eq!(rows(&output), rows(&state.hidden.get(2).unwrap()));

    let both = Bidirectional::of(plan)
        .build(&[4, 5], &mut Rng::new(1))
        .unwrap();
    let (_, state) = both.read(&x, None, None).unwrap();
    assert_eq!(state.hidden.dims(), [6, 3, 2]);
    let output = both.apply(&x, &mut Pass::Evaluate).unwrap();
    let [forward, backward] = [4, 5].map(|at| state.hidden.get(at).unwrap());
    let expected = Tensor::cat(&[forward, backward], 1).unwrap();
    assert_eq!(rows(&output), rows(&expected));

    // A part of the sequence after the other, or all of it at once.
    let [start, end] = [0, 2].map(|at| x.narrow(1, at, 2).unwrap());
    let (_, middle) = stack.read(&start, None, None).unwrap();
    let (_, in_parts) = stack.read(&end, Some(&middle), None).unwrap();
    let (_, at_once) = stack.read(&x, None, None).unwrap();
    let difference = (in_parts.hidden - at_once.hidden).unwrap().abs().unwrap();
    let largest = difference.flatten_all().unwrap().max(0).unwrap();
    assert!(largest.to_scalar::<f32>().unwrap() < 1e-6);

    let error = both.read(&x, Some(&middle), None).unwrap_err().to_string();
    assert!(error.contains("[6, batch, units]"), "{error}");
}

#[test]
fn the_ways_to_merge_two_directions() {
    let plan = Bidirectional::of(Gru::units(2).return_sequences());
    let x = Rng::new(2).normal(0.0, 1.0, &[3, 4, 5]).unwrap();
    // The same weights whatever the way: they are drawn from the same seed.
    let output = |plan: BidirectionalPlan| {
        let layer = plan.build(&[4, 5], &mut Rng::new(1)).unwrap();
        let output = layer.apply(&x, &mut Pass::Evaluate).unwrap();
        assert_eq!(output.dims()[1..], layer.output_shape(&[4, 5]).unwrap());
        output
    };
    let both = output(plan).to_vec3::<f32>().unwrap();
    type Merged = fn(f32, f32) -> f32;
    let ways: [(Merge, Merged); 3] = [
        (Merge::Sum, |a, b| a + b),
        (Merge::Multiply, |a, b| a * b),
        (Merge::Average, |a, b| (a + b) * 0.5),
    ];
    for (merge, expected) in ways {
        let merged = output(plan.merge(merge)).to_vec3::<f32>().unwrap();
        for (merged, both) in merged.iter().flatten().zip(both.iter().flatten()) {
            for unit in 0..2 {
                assert_eq!(
                    merged[unit],
                    expected(both[unit], both[unit + 2]),
                    "{merge:?}"
                );
            }
        }
    }
}

#[test]
fn an_lstm_forgets_nothing_at_first_and_a_state_without_a_cell_is_refused() {
    let layer = Lstm::units(2).build(&[4, 3], &mut Rng::new(1)).unwrap();
    let bias = layer.parameters().get("bias_ih").unwrap().tensor();
    let expected = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(bias.to_vec1::<f32>().unwrap(), expected);

    let gru = Gru::units(2).build(&[4, 3], &mut Rng::new(1)).unwrap();
    let x = Rng::new(2).normal(0.0, 1.0, &[1, 4, 3]).unwrap();
    let (_, state) = gru.read(&x, None, None).unwrap();
    let error = layer.read(&x, Some(&state), None).unwrap_err().to_string();
    assert!(error.contains("a cell"), "{error}");
}
