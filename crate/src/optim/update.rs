//! The part that all optimisers share: running averages, and the pass over the parameters.

use std::cell::Cell;
use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, InplaceOp1, Layout, Tensor};

use super::State;
use super::arguments::{above_zero, not_negative};
use super::decay::Decayed;
use crate::nn::Parameters;
use crate::numerics::for_float;
use crate::numerics::simd::{Float, Simd, WithSimd};
use crate::numerics::storage::{Elements, elements_mut};
use crate::ops::fallback;
use crate::{Error, Result, notebook};

/// An update rule with `N` running averages per weight.
pub(super) trait Rule<const N: usize>: Sync {
    /// The names of the averages in a saved state.
    const AVERAGES: [&'static str; N];

    /// The new weight and averages of a single number, which runs on the CPU.
    fn number<T: Float>(&self, weight: T, gradient: T, averages: [T; N]) -> (T, [T; N]);

    /// The same for whole tensors, which runs on other devices.
    fn tensor(
        &self,
        weight: &Tensor,
        gradient: &Tensor,
        averages: [&Tensor; N],
    ) -> candle_core::Result<(Tensor, [Tensor; N])>;
}

/// The memory of an optimiser, for each parameter that has had a gradient.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory<const N: usize>(BTreeMap<String, Past<N>>);

/// The memory of one parameter.
#[derive(Clone, Debug)]
struct Past<const N: usize> {
    /// The number of steps in which it had a gradient, counted as in PyTorch.
    steps: u64,
    /// The running averages, which start at zero.
    averages: [Tensor; N],
}

impl<const N: usize> Memory<N> {
    /// Checks that the rate is positive, or, after the first step, that a schedule has not made it
    /// negative.
    pub(super) fn check_rate(&self, rate: f64) -> Result<()> {
        let name = "the learning rate";
        if self.0.is_empty() {
            above_zero(name, rate)
        } else {
            not_negative(name, rate)
        }
    }

    /// Updates every trainable parameter that has a gradient. `rule` is given the number of the
    /// parameter's step, counted from 1. An interrupted cell ends here, before anything changes.
    pub(super) fn update<R: Rule<N>>(
        &mut self,
        rule: impl Fn(u64) -> R,
        parameters: &Parameters,
        gradients: &GradStore,
    ) -> Result<()> {
        notebook::check_stop()?;
        for (name, parameter) in parameters.trainable() {
            let weight = parameter.var();
            let Some(gradient) = gradients.get(&weight) else {
                continue;
            };
            let Past { steps, averages } = self.of(name, &weight)?;
            for tensor in averages.iter().chain([gradient]) {
                if tensor.dims() != weight.dims() || tensor.dtype() != weight.dtype() {
                    return Err(Error::shape(
                        "optimiser",
                        format!(
                            "{name} is {:?} in {:?}, but its gradient or the optimiser's state for it is {:?} in {:?}; an optimiser belongs to one model.",
                            weight.dims(),
                            weight.dtype(),
                            tensor.dims(),
                            tensor.dtype()
                        ),
                    ));
                }
            }
            *steps += 1;
            let rule = rule(*steps);
            if fallback::fused(&weight) {
                let gradient = gradient.contiguous()?;
                for_float!(weight.dtype(), T => in_place::<T, N, R>(&rule, &weight, &gradient, averages))?;
            } else {
                let (new, new_averages) = rule.tensor(&weight, gradient, averages.each_ref())?;
                weight.set(&new.detach())?;
                *averages = new_averages.map(|average| average.detach());
            }
        }
        Ok(())
    }

    /// The same with an L2 penalty, whose code runs only if there is one.
    pub(super) fn update_decayed<R: Rule<N>>(
        &mut self,
        rule: impl Fn(u64) -> R,
        decay: f64,
        parameters: &Parameters,
        gradients: &GradStore,
    ) -> Result<()> {
        if decay == 0.0 {
            return self.update(rule, parameters, gradients);
        }
        let decayed = |step| Decayed {
            rule: rule(step),
            decay,
        };
        self.update(decayed, parameters, gradients)
    }

    fn of(&mut self, name: &str, weight: &Tensor) -> Result<&mut Past<N>> {
        if !self.0.contains_key(name) {
            let mut zeros = Vec::with_capacity(N);
            for _ in 0..N {
                // Not `zeros_like`, because the N averages must not share storage.
                zeros.push(Tensor::zeros(
                    weight.dims(),
                    weight.dtype(),
                    weight.device(),
                )?);
            }
            let past = Past {
                steps: 0,
                averages: zeros.try_into().expect("N of them"),
            };
            self.0.insert(name.to_owned(), past);
        }
        Ok(self.0.get_mut(name).expect("just inserted"))
    }

    pub(super) fn state<R: Rule<N>>(&self) -> State {
        let named = |(name, past): (&String, &Past<N>)| {
            let pairs = R::AVERAGES.iter().zip(&past.averages);
            let named = pairs.map(|(average, t)| (format!("{name}.{average}"), t.clone()));
            named.collect::<Vec<_>>()
        };
        State {
            steps: (self.0.iter())
                .map(|(name, past)| (name.clone(), past.steps))
                .collect(),
            averages: self.0.iter().flat_map(named).collect(),
        }
    }

    pub(super) fn restore<R: Rule<N>>(&mut self, state: &State) -> Result<()> {
        let mut averages: BTreeMap<String, Vec<Tensor>> = BTreeMap::new();
        for (name, tensor) in &state.averages {
            let parameter = R::AVERAGES.iter().find_map(|average| {
                let parameter = name.strip_suffix(average)?.strip_suffix('.')?;
                Some(parameter)
            });
            let parameter = parameter.ok_or_else(|| {
                Error::argument(
                    "the optimiser's state",
                    name,
                    format!(
                        "one of {:?} of a parameter; it is another optimiser's",
                        R::AVERAGES
                    ),
                )
            })?;
            // A copy, so that a saved state does not change when training continues.
            let copy = tensor.copy()?;
            averages.entry(parameter.to_owned()).or_default().push(copy);
        }
        let mut restored = BTreeMap::new();
        for (name, tensors) in averages {
            let averages = <[Tensor; N]>::try_from(tensors).map_err(|tensors| {
                Error::argument(
                    "the optimiser's state",
                    format!("{} averages of {name}", tensors.len()),
                    format!("{:?}; it is another optimiser's", R::AVERAGES),
                )
            })?;
            let steps = *state.steps.get(&name).ok_or_else(|| {
                Error::argument(
                    "the optimiser's state",
                    format!("without the number of steps of {name}"),
                    "one that `Optimiser::state` gave",
                )
            })?;
            restored.insert(name, Past { steps, averages });
        }
        self.0 = restored;
        Ok(())
    }
}

fn in_place<T: Float, const N: usize, R: Rule<N>>(
    rule: &R,
    weight: &Tensor,
    gradient: &Tensor,
    averages: &[Tensor; N],
) -> candle_core::Result<()> {
    let gradient = Elements::<T>::of(gradient)?;
    let mut tensors = vec![weight];
    tensors.extend(averages);
    let update = |slices: Vec<&mut [T]>| {
        let mut slices = slices.into_iter();
        let mut next = || slices.next().expect("one slice a tensor");
        Update {
            rule,
            weight: next(),
            gradient: &gradient,
            averages: std::array::from_fn(|_| next()),
        }
        .run();
    };
    with_slices(&tensors, Vec::new(), &update)
}

/// The update of a run of numbers. Each is updated on its own, so the bits do not depend on how
/// they are split among threads.
struct Update<'a, T, const N: usize, R> {
    rule: &'a R,
    weight: &'a mut [T],
    gradient: &'a [T],
    averages: [&'a mut [T]; N],
}

impl<T: Float, const N: usize, R: Rule<N>> Update<'_, T, N, R> {
    /// The number of elements below which a second thread does not pay.
    const CHUNK: usize = 1 << 15;

    fn run(self) {
        let n = self.gradient.len();
        if n <= Self::CHUNK || rayon::current_num_threads() == 1 {
            return T::dispatch(self);
        }
        let (weight_low, weight_high) = self.weight.split_at_mut(n / 2);
        let (gradient_low, gradient_high) = self.gradient.split_at(n / 2);
        let mut highs = Vec::with_capacity(N);
        let lows = self.averages.map(|average| {
            let (low, high) = average.split_at_mut(n / 2);
            highs.push(high);
            low
        });
        let mut highs = highs.into_iter();
        let low = Update {
            rule: self.rule,
            weight: weight_low,
            gradient: gradient_low,
            averages: lows,
        };
        let high = Update {
            rule: self.rule,
            weight: weight_high,
            gradient: gradient_high,
            averages: std::array::from_fn(|_| highs.next().expect("N of them")),
        };
        rayon::join(|| low.run(), || high.run());
    }
}

impl<T: Float, const N: usize, R: Rule<N>> WithSimd for Update<'_, T, N, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let n = self.gradient.len();
        let weight = &mut self.weight[..n];
        let averages = self.averages.map(|average| &mut average[..n]);
        for i in 0..n {
            let before = std::array::from_fn(|k| averages[k][i]);
            let (new, after) = self.rule.number(weight[i], self.gradient[i], before);
            weight[i] = new;
            for k in 0..N {
                // The averages of a unit that has died shrink with every step, and none of those below
                // this is seen beside an epsilon.
                averages[k][i] = after[k].zero_below(T::MIN_POSITIVE);
            }
        }
    }
}

/// Calls `f` with the values of all tensors as mutable slices, in order. candle lends one storage
/// at a time, inside an in-place operation, so the operation of each tensor runs that of the next.
fn with_slices<T: Float>(
    tensors: &[&Tensor],
    held: Vec<&mut [T]>,
    f: &dyn Fn(Vec<&mut [T]>),
) -> candle_core::Result<()> {
    struct Open<'a, 'h, T> {
        rest: &'a [&'a Tensor],
        held: Cell<Vec<&'h mut [T]>>,
        f: &'a dyn Fn(Vec<&mut [T]>),
    }

    impl<T: Float> InplaceOp1 for Open<'_, '_, T> {
        fn name(&self) -> &'static str {
            "optimiser"
        }

        fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
            let mut held: Vec<&mut [T]> = self.held.take();
            held.push(elements_mut(storage, layout)?);
            with_slices(self.rest, held, self.f)
        }
    }

    match tensors {
        [] => {
            f(held);
            Ok(())
        }
        [first, rest @ ..] => first.inplace_op1(&Open {
            rest,
            held: Cell::new(held),
            f,
        }),
    }
}

/// The methods of [`Optimiser`](super::Optimiser) that follow from the fields `learning_rate` and
/// `memory` and the rule's type.
macro_rules! remembers {
    ($rule:ty) => {
        fn learning_rate(&self) -> f64 {
            self.learning_rate
        }

        fn set_learning_rate(&mut self, learning_rate: f64) {
            self.learning_rate = learning_rate;
        }

        fn state(&self) -> State {
            self.memory.state::<$rule>()
        }

        fn restore(&mut self, state: &State) -> Result<()> {
            self.memory.restore::<$rule>(state)
        }
    };
}
pub(super) use remembers;
