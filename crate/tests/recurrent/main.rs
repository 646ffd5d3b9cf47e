//! Recurrent layers, normalisation, embedding and dropout: gradients against finite differences,
//! padding, SIMD levels, threads and composed versions against each other, and messages.

mod agreement;
mod gradients;
mod messages;
mod padding;
mod precision;
mod regressions;

use cuaderno::ops::{
    self, LstmState, RecurrentWeights, RnnActivation, Sweep, fallback, mask_of_lengths,
};
use cuaderno::prelude::*;

/// The recurrent operations.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Rnn(RnnActivation),
    Gru,
    Lstm,
}

pub const KINDS: [Kind; 4] = [
    Kind::Rnn(RnnActivation::Tanh),
    Kind::Rnn(RnnActivation::Relu),
    Kind::Gru,
    Kind::Lstm,
];

impl Kind {
    pub fn gates(self) -> usize {
        match self {
            Kind::Rnn(_) => 1,
            Kind::Gru => 3,
            Kind::Lstm => 4,
        }
    }

    /// Four weights, then the initial states, drawn from `seed`, in f64.
    pub fn parameters(
        self,
        seed: u64,
        batch: usize,
        features: usize,
        hidden: usize,
    ) -> Vec<Tensor> {
        let rows = self.gates() * hidden;
        let mut shapes = vec![
            vec![rows, features],
            vec![rows, hidden],
            vec![rows],
            vec![rows],
        ];
        let states = if matches!(self, Kind::Lstm) { 2 } else { 1 };
        shapes.extend(vec![vec![batch, hidden]; states]);
        let mut rng = Rng::new(seed);
        let mut draw = |shape: &Vec<usize>| numbers(&mut rng, 0.5, shape);
        shapes.iter().map(&mut draw).collect()
    }

    /// The sequence and the states at its end, from [`parameters`](Self::parameters) with or
    /// without the initial states.
    pub fn run(self, input: &Tensor, parameters: &[Tensor], sweep: &Sweep) -> Result<Vec<Tensor>> {
        let [weight_ih, weight_hh, bias_ih, bias_hh, states @ ..] = parameters else {
            panic!("four weights at least");
        };
        let weights = RecurrentWeights {
            weight_ih: weight_ih.clone(),
            weight_hh: weight_hh.clone(),
            bias_ih: bias_ih.clone(),
            bias_hh: bias_hh.clone(),
        };
        let output = match self {
            Kind::Rnn(activation) => ops::rnn(input, &weights, activation, states.first(), sweep)?,
            Kind::Gru => ops::gru(input, &weights, states.first(), sweep)?,
            Kind::Lstm => {
                let initial = states.first().map(|hidden| LstmState {
                    hidden: hidden.clone(),
                    cell: states[1].clone(),
                });
                let output = ops::lstm(input, &weights, initial.as_ref(), sweep)?;
                return Ok(vec![
                    output.sequence,
                    output.state.hidden,
                    output.state.cell,
                ]);
            }
        };
        Ok(vec![output.sequence, output.hidden])
    }
}

/// `cuaderno::Result` under the name that proptest's prelude leaves free.
pub type Result<T> = cuaderno::Result<T>;

/// Gaussian numbers in f64.
pub fn numbers(rng: &mut Rng, deviation: f32, shape: &[usize]) -> Tensor {
    let normal = rng.normal(0.0, deviation, shape).unwrap();
    normal.to_dtype(DType::F64).unwrap()
}

/// All numbers of all tensors, one after the other.
pub fn joined(tensors: &[Tensor]) -> Result<Tensor> {
    let flat: candle_core::Result<Vec<Tensor>> = tensors.iter().map(Tensor::flatten_all).collect();
    Ok(Tensor::cat(&flat?, 0)?)
}

/// The numbers of a tensor, as f64.
pub fn values(tensor: &Tensor) -> Vec<f64> {
    let tensor = tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap();
    tensor.to_vec1().unwrap()
}

/// The largest difference between two tensors, as a share of the largest number of the second.
pub fn difference(found: &Tensor, right: &Tensor) -> f64 {
    assert_eq!(found.dims(), right.dims());
    let (found, right) = (values(found), values(right));
    let scale = right.iter().fold(1e-30f64, |scale, x| scale.max(x.abs()));
    let pairs = found.iter().zip(&right);
    // NaN counts as a difference.
    pairs.fold(0.0, |worst, (a, b)| {
        let error = (a - b).abs() / scale;
        if error <= worst { worst } else { error }
    })
}

/// Runs a test on the fused operations, then on the composed ones.
pub fn fused_and_composed(test: impl Fn()) {
    test();
    let _forced = fallback::force();
    test();
}

/// A mask drawn from `seed`: about a third of the steps are padding, and the first row all of them.
pub fn random_mask(seed: u64, batch: usize, time: usize) -> Tensor {
    let mut rng = Rng::new(seed);
    let steps = (0..batch * time)
        .map(|place| u32::from(place >= time && rng.below(3) > 0))
        .collect();
    Tensor::from_vec::<_, u32>(steps, (batch, time), &Device::Cpu).unwrap()
}

/// The mask of those lengths, padded on the left.
pub fn left_padding(lengths: &[usize], time: usize) -> Tensor {
    let padding: Vec<usize> = lengths.iter().map(|length| time - length).collect();
    let padded = mask_of_lengths(&padding, time).unwrap();
    padded.eq(0u8).unwrap()
}
