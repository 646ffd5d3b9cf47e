//! Recurrent layers composed of candle's operations step by step, for devices other than the CPU.

use candle_core::Tensor;

use super::{Direction, RecurrentWeights, Sizes, Sweep, valid_steps};
use crate::Result;

/// Runs `step` over the sequence: from a step's products with the input (bias included) and the
/// states to the next states, of which the first is the hidden one. Returns the sequence and the
/// states at its end. `initial` holds `states` states, or none for zeros.
pub(super) fn run(
    states: usize,
    sizes: Sizes,
    input: &Tensor,
    weights: &RecurrentWeights,
    initial: &[&Tensor],
    sweep: &Sweep,
    step: impl Fn(&Tensor, &RecurrentWeights, &[Tensor]) -> Result<Vec<Tensor>>,
) -> Result<(Tensor, Vec<Tensor>)> {
    let Sizes {
        batch,
        time,
        features,
        hidden,
    } = sizes;
    let zeros = Tensor::zeros((batch, hidden), input.dtype(), input.device())?;
    let mut current: Vec<Tensor> = if initial.is_empty() {
        vec![zeros.clone(); states]
    } else {
        initial.iter().map(|&state| state.clone()).collect()
    };
    if batch == 0 {
        let sequence = Tensor::zeros((0, time, hidden), input.dtype(), input.device())?;
        return Ok((sequence, current));
    }
    let valid = sweep.mask.as_ref().map(valid_steps).transpose()?;
    // In the gradient of the weights, zero times a value in the padding may be NaN.
    let input = match &valid {
        Some(valid) => &valid
            .unsqueeze(2)?
            .broadcast_as(input.shape())?
            .contiguous()?
            .where_cond(input, &input.zeros_like()?)?,
        None => input,
    };
    // One product for all steps.
    let products = if features == 0 {
        let rows = weights.bias_ih.elem_count();
        Tensor::zeros((batch * time, rows), input.dtype(), input.device())?
    } else {
        let flat = input.reshape((batch * time, features))?;
        flat.matmul(&weights.weight_ih.t()?)?
    };
    let products = products
        .broadcast_add(&weights.bias_ih)?
        .reshape((batch, time, ()))?;

    let mut outputs = vec![None; time];
    for index in 0..time {
        let place = match sweep.direction {
            Direction::Forward => index,
            Direction::Reverse => time - 1 - index,
        };
        let product = products.narrow(1, place, 1)?.squeeze(1)?;
        let next = step(&product, weights, &current)?;
        match &valid {
            None => {
                outputs[place] = Some(next[0].clone());
                current = next;
            }
            Some(valid) => {
                let valid = valid
                    .narrow(1, place, 1)?
                    .broadcast_as((batch, hidden))?
                    .contiguous()?;
                outputs[place] = Some(valid.where_cond(&next[0], &zeros)?);
                current = next
                    .iter()
                    .zip(&current)
                    .map(|(next, current)| valid.where_cond(next, &current.contiguous()?))
                    .collect::<candle_core::Result<_>>()?;
            }
        }
    }
    let outputs: Vec<Tensor> = outputs.into_iter().flatten().collect();
    Ok((Tensor::stack(&outputs, 1)?, current))
}

/// `weight_hh hidden + bias_hh`, for each example.
pub(super) fn recurrent_product(weights: &RecurrentWeights, hidden: &Tensor) -> Result<Tensor> {
    let product = hidden.contiguous()?.matmul(&weights.weight_hh.t()?)?;
    Ok(product.broadcast_add(&weights.bias_hh)?)
}

/// `1 / (1 + exp(-x))`, as `(tanh(x / 2) + 1) / 2`: candle's core has no sigmoid.
pub(super) fn sigmoid(x: &Tensor) -> Result<Tensor> {
    Ok(((x * 0.5)?.tanh()? * 0.5)?.affine(1.0, 0.5)?)
}

/// The tensors of a list whose length the caller knows.
pub(super) fn array<const N: usize>(tensors: Vec<Tensor>) -> [Tensor; N] {
    match tensors.try_into() {
        Ok(tensors) => tensors,
        Err(tensors) => unreachable!("{} tensors for {N} names", tensors.len()),
    }
}
