//! The linear-chain conditional random field: a loss over whole sequences of tags, and the best one.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp3, DType, Device, Layout, Shape, Tensor, WithDType};
use rayon::prelude::*;

use crate::numerics::{
    for_float,
    simd::Float,
    storage::{Elements, elements},
};
use crate::ops::gradient::for_variable;
use crate::{Error, Result};

/// The negative log-likelihood of the tags `targets` `[batch, time]` of each sequence, `[batch]`,
/// under a linear-chain conditional random field (Lafferty, McCallum and Pereira 2001). The score
/// of a sequence of tags is the sum of the `emissions` `[batch, time, tags]` of its tags, of a
/// transition for each two neighbours, `transitions` `[from, to]`, and of `ends` `[2, tags]` for its
/// first tag (row 0) and its last (row 1). Its probability is the softmax over all sequences of
/// tags, which the forward algorithm sums up. Steps where `mask` `[batch, time]` is zero are left
/// out, as if the sequence were without them; one without any step has the loss 0.
///
/// ```
/// use cuaderno::{ops, prelude::*};
///
/// let emissions = Tensor::zeros((1, 3, 2), DType::F32, &Device::Cpu)?;
/// let (transitions, ends) = (emissions.i((0, ..2, ..))?, emissions.i((0, ..2, ..))?);
/// let tags = Tensor::new(&[[0u32, 1, 1]], &Device::Cpu)?;
/// let loss = ops::crf_loss(&emissions, &transitions, &ends, &tags, None)?;
/// assert!((loss.to_vec1::<f32>()?[0] - 8f32.ln()).abs() < 1e-5); // one of 2 * 2 * 2
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If the shapes do not fit, or a target at a step that counts is not a tag.
pub fn crf_loss(
    emissions: &Tensor,
    transitions: &Tensor,
    ends: &Tensor,
    targets: &Tensor,
    mask: Option<&Tensor>,
) -> Result<Tensor> {
    let sizes = Sizes::of("crf_loss", emissions, transitions, ends)?;
    let steps = sizes.steps("crf_loss", mask)?;
    if targets.dims() != [sizes.batch, sizes.time] {
        return Err(Error::shape(
            "crf_loss",
            format!(
                "the emissions are {:?} and the targets {:?}, but they must be [batch, time, tags] \
                 and [batch, time].",
                emissions.dims(),
                targets.dims()
            ),
        ));
    }
    let all = targets.to_dtype(DType::I64)?.to_vec2::<i64>()?;
    let mut targets = Vec::new();
    for (sequence, steps) in steps.iter().enumerate() {
        let target = |&step: &usize| {
            let tag = usize::try_from(all[sequence][step]).ok();
            tag.filter(|&tag| tag < sizes.tags).ok_or_else(|| {
                Error::argument(
                    "a target of crf_loss",
                    format!("{} (sequence {sequence}, step {step})", all[sequence][step]),
                    format!("a tag: at least 0 and below {}", sizes.tags),
                )
            })
        };
        targets.push(steps.iter().map(target).collect::<Result<Vec<_>>>()?);
    }
    let device = emissions.device();
    let on_cpu = |tensor: &Tensor| tensor.to_device(&Device::Cpu)?.contiguous();
    let (emissions, transitions) = (on_cpu(emissions)?, on_cpu(transitions)?);
    let op = CrfLoss {
        sizes,
        steps,
        targets,
    };
    let losses = emissions.apply_op3(&transitions, &on_cpu(ends)?, op)?;
    Ok(losses.to_device(device)?)
}

/// The most probable sequence of tags, `[batch, time]` of u32, under the field of [`crf_loss`], by
/// Viterbi's algorithm. Where `mask` is zero, it is 0.
///
/// # Errors
/// If the shapes do not fit.
pub fn crf_decode(
    emissions: &Tensor,
    transitions: &Tensor,
    ends: &Tensor,
    mask: Option<&Tensor>,
) -> Result<Tensor> {
    let sizes = Sizes::of("crf_decode", emissions, transitions, ends)?;
    let steps = sizes.steps("crf_decode", mask)?;
    let values = |tensor: &Tensor| -> Result<Vec<f64>> {
        Ok(tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
    };
    let (scores, chain) = (
        values(emissions)?,
        Chain {
            tags: sizes.tags,
            transitions: &values(transitions)?,
            ends: &values(ends)?,
        },
    );
    let mut best = vec![0u32; sizes.batch * sizes.time];
    let rows = best.par_chunks_mut(sizes.time.max(1)).zip(&steps);
    rows.enumerate().for_each(|(sequence, (row, steps))| {
        let path = chain.best(&sizes.emissions(&scores, sequence, steps));
        for (&step, tag) in steps.iter().zip(path) {
            row[step] = tag as u32;
        }
    });
    let best = Tensor::from_vec(best, (sizes.batch, sizes.time), &Device::Cpu)?;
    Ok(best.to_device(emissions.device())?)
}

#[derive(Clone, Copy)]
struct Sizes {
    batch: usize,
    time: usize,
    tags: usize,
}

impl Sizes {
    fn of(
        name: &'static str,
        emissions: &Tensor,
        transitions: &Tensor,
        ends: &Tensor,
    ) -> Result<Self> {
        match (emissions.dims(), transitions.dims(), ends.dims()) {
            (&[batch, time, tags], &[from, to], &[2, last])
                if tags > 0 && [from, to, last] == [tags; 3] =>
            {
                Ok(Self { batch, time, tags })
            }
            (emissions, transitions, ends) => Err(Error::shape(
                name,
                format!(
                    "the emissions are {emissions:?}, the transitions {transitions:?} and the ends \
                     {ends:?}; they must be [batch, time, tags], [tags, tags] and [2, tags]."
                ),
            )),
        }
    }

    /// The steps of each sequence that count.
    fn steps(&self, name: &'static str, mask: Option<&Tensor>) -> Result<Vec<Vec<usize>>> {
        let Some(mask) = mask else {
            return Ok(vec![(0..self.time).collect(); self.batch]);
        };
        if mask.dims() != [self.batch, self.time] {
            let (found, expected) = (mask.dims(), [self.batch, self.time]);
            let problem = format!("the mask is {found:?}, but it must be {expected:?}.");
            return Err(Error::shape(name, problem));
        }
        let mask = mask.ne(&mask.zeros_like()?)?.to_vec2::<u8>()?;
        let steps = |row: Vec<u8>| (0..self.time).filter(|&step| row[step] != 0).collect();
        Ok(mask.into_iter().map(steps).collect())
    }

    /// The emissions of the steps of a sequence that count, one after the other.
    fn emissions<T: Float>(&self, all: &[T], sequence: usize, steps: &[usize]) -> Vec<f64> {
        let start = |step: usize| (sequence * self.time + step) * self.tags;
        let of_step = |&step: &usize| &all[start(step)..][..self.tags];
        let values = steps.iter().flat_map(of_step);
        values.map(|&value| value.to_f64()).collect()
    }
}

/// The scores between neighbours and at the ends.
struct Chain<'a> {
    tags: usize,
    transitions: &'a [f64],
    ends: &'a [f64],
}

impl Chain<'_> {
    fn between(&self, from: usize, to: usize) -> f64 {
        self.transitions[from * self.tags + to]
    }

    /// The logarithm of the sum over all beginnings that end in this tag at this step, with its
    /// emission.
    fn forward(&self, emissions: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; emissions.len()];
        let mut terms = vec![0.0; self.tags];
        for place in 0..emissions.len() {
            let tag = place % self.tags;
            sums[place] = emissions[place]
                + if place < self.tags {
                    self.ends[tag]
                } else {
                    let before = &sums[place - tag - self.tags..][..self.tags];
                    for (from, term) in terms.iter_mut().enumerate() {
                        *term = before[from] + self.between(from, tag);
                    }
                    log_sum_exp(&terms)
                };
        }
        sums
    }

    /// The logarithm of the sum over all that can follow this tag at this step.
    fn backward(&self, emissions: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; emissions.len()];
        let mut terms = vec![0.0; self.tags];
        for place in (0..emissions.len()).rev() {
            let tag = place % self.tags;
            let next = place - tag + self.tags;
            sums[place] = if next == emissions.len() {
                self.ends[self.tags + tag]
            } else {
                for (to, term) in terms.iter_mut().enumerate() {
                    *term = self.between(tag, to) + emissions[next + to] + sums[next + to];
                }
                log_sum_exp(&terms)
            };
        }
        sums
    }

    /// The logarithm of the sum over all sequences of tags.
    fn total(&self, forward: &[f64]) -> f64 {
        let last = &forward[forward.len() - self.tags..];
        let terms: Vec<f64> = (0..self.tags)
            .map(|tag| last[tag] + self.ends[self.tags + tag])
            .collect();
        log_sum_exp(&terms)
    }

    /// The score of these tags.
    fn score(&self, emissions: &[f64], targets: &[usize]) -> f64 {
        let (first, last) = (targets[0], targets[targets.len() - 1]);
        let mut score = self.ends[first] + self.ends[self.tags + last];
        for (step, &tag) in targets.iter().enumerate() {
            score += emissions[step * self.tags + tag];
        }
        for pair in targets.windows(2) {
            score += self.between(pair[0], pair[1]);
        }
        score
    }

    fn loss(&self, emissions: &[f64], targets: &[usize]) -> f64 {
        if targets.is_empty() {
            return 0.0;
        }
        self.total(&self.forward(emissions)) - self.score(emissions, targets)
    }

    /// The gradients of the loss: what the field expects, less what is there.
    fn gradients(&self, emissions: &[f64], targets: &[usize]) -> Gradients {
        let tags = self.tags;
        let mut all = Gradients {
            emissions: vec![0.0; emissions.len()],
            transitions: vec![0.0; tags * tags],
            ends: vec![0.0; 2 * tags],
        };
        if targets.is_empty() {
            return all;
        }
        let (forward, backward) = (self.forward(emissions), self.backward(emissions));
        let total = self.total(&forward);
        for (place, gradient) in all.emissions.iter_mut().enumerate() {
            *gradient = (forward[place] + backward[place] - total).exp();
        }
        for step in 1..targets.len() {
            let (before, now) = ((step - 1) * tags, step * tags);
            for from in 0..tags {
                for to in 0..tags {
                    let log = forward[before + from]
                        + self.between(from, to)
                        + emissions[now + to]
                        + backward[now + to];
                    all.transitions[from * tags + to] += (log - total).exp();
                }
            }
        }
        for (step, &tag) in targets.iter().enumerate() {
            all.emissions[step * tags + tag] -= 1.0;
        }
        for pair in targets.windows(2) {
            all.transitions[pair[0] * tags + pair[1]] -= 1.0;
        }
        // The gradient of an end is that of the emission there.
        all.ends[..tags].copy_from_slice(&all.emissions[..tags]);
        all.ends[tags..].copy_from_slice(&all.emissions[emissions.len() - tags..]);
        all
    }

    /// The best tags.
    fn best(&self, emissions: &[f64]) -> Vec<usize> {
        let (tags, steps) = (self.tags, emissions.len() / self.tags);
        if steps == 0 {
            return Vec::new();
        }
        let mut scores: Vec<f64> = (0..tags)
            .map(|tag| emissions[tag] + self.ends[tag])
            .collect();
        let mut came_from = Vec::with_capacity(emissions.len());
        for step in 1..steps {
            let mut next = vec![0.0; tags];
            for (to, next) in next.iter_mut().enumerate() {
                let (from, score) =
                    best((0..tags).map(|from| scores[from] + self.between(from, to)));
                came_from.push(from);
                *next = score + emissions[step * tags + to];
            }
            scores = next;
        }
        let (mut tag, _) = best((0..tags).map(|tag| scores[tag] + self.ends[tags + tag]));
        let mut path = vec![tag];
        for step in (0..steps - 1).rev() {
            tag = came_from[step * tags + tag];
            path.push(tag);
        }
        path.reverse();
        path
    }
}

/// The place of the largest score, the first of equal ones, and the score.
fn best(scores: impl Iterator<Item = f64>) -> (usize, f64) {
    let better = |best: (usize, f64), new: (usize, f64)| if new.1 > best.1 { new } else { best };
    scores.enumerate().fold((0, f64::NEG_INFINITY), better)
}

fn log_sum_exp(terms: &[f64]) -> f64 {
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !largest.is_finite() {
        return largest;
    }
    largest
        + terms
            .iter()
            .map(|term| (term - largest).exp())
            .sum::<f64>()
            .ln()
}

struct Gradients {
    emissions: Vec<f64>,
    transitions: Vec<f64>,
    ends: Vec<f64>,
}

struct CrfLoss {
    sizes: Sizes,
    steps: Vec<Vec<usize>>,
    targets: Vec<Vec<usize>>,
}

impl CrfLoss {
    /// Applies `f` to each sequence on all threads; the results are in the order of sequences.
    fn each<T: Float, R: Send>(
        &self,
        [emissions, transitions, ends]: [&[T]; 3],
        f: impl Fn(&Chain, &[f64], &[usize]) -> R + Sync,
    ) -> Vec<R> {
        let wide = |values: &[T]| -> Vec<f64> { values.iter().map(|v| v.to_f64()).collect() };
        let chain = Chain {
            tags: self.sizes.tags,
            transitions: &wide(transitions),
            ends: &wide(ends),
        };
        let sequences = (0..self.sizes.batch).into_par_iter();
        let of = |sequence: usize| {
            let emissions = self
                .sizes
                .emissions(emissions, sequence, &self.steps[sequence]);
            f(&chain, &emissions, &self.targets[sequence])
        };
        sequences.map(of).collect()
    }

    fn losses<T: Float>(&self, inputs: [&[T]; 3]) -> Vec<T> {
        self.each(inputs, |chain, emissions, targets| {
            T::of(chain.loss(emissions, targets))
        })
    }

    /// The gradients of emissions, transitions and ends.
    fn backward<T: Float>(&self, inputs: [&[T]; 3], upstream: &[T]) -> [Vec<T>; 3] {
        let Sizes { time, tags, .. } = self.sizes;
        let mut of_emissions = vec![T::zero(); self.sizes.batch * time * tags];
        let (mut of_transitions, mut of_ends) = (vec![0.0; tags * tags], vec![0.0; 2 * tags]);
        let all = self.each(inputs, |chain, emissions, targets| {
            chain.gradients(emissions, targets)
        });
        for (sequence, gradients) in all.into_iter().enumerate() {
            let factor = upstream[sequence].to_f64();
            let rows = gradients.emissions.chunks(tags);
            for (&step, row) in self.steps[sequence].iter().zip(rows) {
                let place = (sequence * time + step) * tags;
                for (value, gradient) in of_emissions[place..].iter_mut().zip(row) {
                    *value = T::of(factor * gradient);
                }
            }
            for (sums, gradients) in [
                (&mut of_transitions, gradients.transitions),
                (&mut of_ends, gradients.ends),
            ] {
                for (sum, gradient) in sums.iter_mut().zip(gradients) {
                    *sum += factor * gradient;
                }
            }
        }
        let narrow = |values: Vec<f64>| values.into_iter().map(T::of).collect();
        [of_emissions, narrow(of_transitions), narrow(of_ends)]
    }
}

impl CustomOp3 for CrfLoss {
    fn name(&self) -> &'static str {
        "crf_loss"
    }

    fn cpu_fwd(
        &self,
        emissions: &CpuStorage,
        of_emissions: &Layout,
        transitions: &CpuStorage,
        of_transitions: &Layout,
        ends: &CpuStorage,
        of_ends: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        for_float!(emissions.dtype(), T => {
            let losses = self.losses([
                elements::<T>(emissions, of_emissions)?,
                elements::<T>(transitions, of_transitions)?,
                elements::<T>(ends, of_ends)?,
            ]);
            Ok((T::to_cpu_storage_owned(losses), self.sizes.batch.into()))
        })
    }

    fn bwd(
        &self,
        emissions: &Tensor,
        transitions: &Tensor,
        ends: &Tensor,
        _losses: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        for_float!(emissions.dtype(), T => {
            let inputs = [
                &Elements::<T>::of(emissions)?[..],
                &Elements::<T>::of(transitions)?,
                &Elements::<T>::of(ends)?,
            ];
            let [of_emissions, of_transitions, of_ends] =
                self.backward(inputs, &Elements::of(&gradient)?);
            Ok((
                for_variable(emissions, of_emissions)?,
                for_variable(transitions, of_transitions)?,
                for_variable(ends, of_ends)?,
            ))
        })
    }
}
