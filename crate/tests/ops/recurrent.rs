//! Recurrent layers against PyTorch, fused and composed.

use candle_core::Tensor;
use cuaderno::{
    candle_core,
    ops::{
        self, Direction, LstmState, RecurrentWeights, RnnActivation, Sweep, fallback,
        mask_of_lengths,
    },
};

use crate::fixture::{Case, Fixture};

/// The weights whose names end in `suffix`; without biases, zeros.
fn weights(case: &Case, suffix: &str) -> RecurrentWeights {
    let tensor = |name: &str| case.optional_var(&format!("{name}{suffix}"));
    let weight_hh = tensor("weight_hh").unwrap().as_tensor().clone();
    let bias = |name: &str| match tensor(name) {
        Some(bias) => bias.as_tensor().clone(),
        None => weight_hh
            .narrow(1, 0, 1)
            .unwrap()
            .squeeze(1)
            .unwrap()
            .zeros_like()
            .unwrap(),
    };
    RecurrentWeights {
        weight_ih: tensor("weight_ih").unwrap().as_tensor().clone(),
        bias_ih: bias("bias_ih"),
        bias_hh: bias("bias_hh"),
        weight_hh,
    }
}

/// The sequence, then the states at its end.
fn run(kind: &str, case: &Case, input: &Tensor, suffix: &str, sweep: &Sweep) -> Vec<Tensor> {
    let weights = weights(case, suffix);
    let hidden = case.optional_var("initial_hidden");
    let hidden = hidden.as_ref().map(|hidden| hidden.as_tensor());
    let output = match kind {
        "lstm" => {
            let initial = hidden.map(|hidden| LstmState {
                hidden: hidden.clone(),
                cell: case.var("initial_cell").as_tensor().clone(),
            });
            let output = ops::lstm(input, &weights, initial.as_ref(), sweep).unwrap();
            return vec![output.sequence, output.state.hidden, output.state.cell];
        }
        "gru" => ops::gru(input, &weights, hidden, sweep),
        "rnn_tanh" => ops::rnn(input, &weights, RnnActivation::Tanh, hidden, sweep),
        "rnn_relu" => ops::rnn(input, &weights, RnnActivation::Relu, hidden, sweep),
        _ => unreachable!("{kind}"),
    };
    let output = output.unwrap();
    vec![output.sequence, output.hidden]
}

fn compare(kind: &str) {
    for case in Fixture::load(&format!("recurrent/{kind}")).cases() {
        let input = case.var("input");
        let mask = case.optional("lengths").map(|lengths| {
            let lengths: Vec<u32> = lengths.to_vec1().unwrap();
            let lengths: Vec<usize> = lengths.into_iter().map(|length| length as usize).collect();
            mask_of_lengths(&lengths, input.dim(1).unwrap()).unwrap()
        });
        let forward = Sweep {
            direction: Direction::Forward,
            mask,
        };
        let backward = forward.clone().reversed();
        let names = ["output", "hidden", "cell"];
        if case.get("bidirectional") {
            let ahead = run(kind, &case, &input, "", &forward);
            let back = run(kind, &case, &input, "_reverse", &backward);
            let sequence = Tensor::cat(&[&ahead[0], &back[0]], 2).unwrap();
            let mut outputs = vec![("output", &sequence)];
            let reverse = ["hidden_reverse", "cell_reverse"];
            for ((name, reverse), (ahead, back)) in names[1..]
                .iter()
                .zip(reverse)
                .zip(ahead[1..].iter().zip(&back[1..]))
            {
                outputs.extend([(*name, ahead), (reverse, back)]);
            }
            case.check(&outputs);
        } else {
            let sweep = if case.get("reverse") {
                backward
            } else {
                forward
            };
            let outputs = run(kind, &case, &input, "", &sweep);
            let outputs: Vec<_> = names.into_iter().zip(&outputs).collect();
            case.check(&outputs);
        }
    }
}

macro_rules! against_pytorch {
    ($($kind:ident)*) => {
        mod fused {
            $(#[test] fn $kind() { super::compare(stringify!($kind)); })*
        }
        mod composed {
            $(#[test] fn $kind() {
                let _forced = super::fallback::force();
                super::compare(stringify!($kind));
            })*
        }
    };
}
against_pytorch!(rnn_tanh rnn_relu gru lstm);
