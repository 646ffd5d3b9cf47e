//! Sums and maps over all elements, with a value for each channel.

use rayon::prelude::*;

use super::Channels;
use crate::numerics::{
    reduce::{RUN, sum},
    simd::{Float, Simd, WithSimd},
    zeros::zeros,
};

impl Channels {
    /// The number of elements, in whole examples, that a thread takes at a time. It depends on the
    /// shape of an example alone, so that sums do not depend on the number of threads.
    fn block(self) -> usize {
        let example = (self.channels * self.inner).max(1);
        65_536usize.div_ceil(example) * example
    }

    /// For each channel, the sum over the batch of `f(a, b, value of the channel)`.
    #[inline(always)]
    pub(super) fn sum<S: Simd, T: Float, C: Copy + Sync, F: Fn(T, T, C) -> T + Copy + Sync>(
        self,
        simd: S,
        a: &[T],
        b: &[T],
        of_channel: &[C],
        f: F,
    ) -> Vec<f64> {
        let blocks = a.par_chunks(self.block()).zip(b.par_chunks(self.block()));
        let partial: Vec<Vec<f64>> = blocks
            .map(|(a, b)| {
                simd.vectorize(SumOfBlock {
                    shape: self,
                    a,
                    b,
                    of_channel,
                    f,
                })
            })
            .collect();
        let mut sums = vec![0.0; self.channels];
        for partial in partial {
            for (sum, partial) in sums.iter_mut().zip(partial) {
                *sum += partial;
            }
        }
        sums
    }

    /// `f(a, b, value of the channel)` for each element.
    #[inline(always)]
    pub(super) fn map<S: Simd, T: Float, C: Copy + Sync, F: Fn(T, T, C) -> T + Copy + Sync>(
        self,
        simd: S,
        a: &[T],
        b: &[T],
        of_channel: &[C],
        f: F,
    ) -> Vec<T> {
        let mut out = zeros(a.len());
        out.par_chunks_mut(self.block())
            .zip(a.par_chunks(self.block()))
            .zip(b.par_chunks(self.block()))
            .for_each(|((out, a), b)| {
                simd.vectorize(MapOfBlock {
                    shape: self,
                    out,
                    a,
                    b,
                    of_channel,
                    f,
                });
            });
        out
    }
}

struct SumOfBlock<'a, T, C, F> {
    shape: Channels,
    a: &'a [T],
    b: &'a [T],
    of_channel: &'a [C],
    f: F,
}

impl<T: Float, C: Copy, F: Fn(T, T, C) -> T> WithSimd for SumOfBlock<'_, T, C, F> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f64> {
        let Channels {
            channels, inner, ..
        } = self.shape;
        let mut sums = vec![0.0; channels];
        if inner == 1 {
            // The channels are side by side.
            let mut of_run = vec![T::zero(); channels];
            let runs = self.a.chunks(RUN * channels);
            for (a, b) in runs.zip(self.b.chunks(RUN * channels)) {
                of_run.fill(T::zero());
                for (a, b) in a.chunks_exact(channels).zip(b.chunks_exact(channels)) {
                    for (((sum, &a), &b), &c) in
                        of_run.iter_mut().zip(a).zip(b).zip(self.of_channel)
                    {
                        *sum += (self.f)(a, b, c);
                    }
                }
                for (sum, of_run) in sums.iter_mut().zip(&of_run) {
                    *sum += of_run.to_f64();
                }
            }
        } else {
            let planes = self.a.chunks_exact(inner).zip(self.b.chunks_exact(inner));
            for (plane, (a, b)) in planes.enumerate() {
                let channel = plane % channels;
                let c = self.of_channel[channel];
                sums[channel] += sum(a, b, |a, b| (self.f)(a, b, c));
            }
        }
        sums
    }
}

struct MapOfBlock<'a, T, C, F> {
    shape: Channels,
    out: &'a mut [T],
    a: &'a [T],
    b: &'a [T],
    of_channel: &'a [C],
    f: F,
}

impl<T: Float, C: Copy, F: Fn(T, T, C) -> T> WithSimd for MapOfBlock<'_, T, C, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Channels {
            channels, inner, ..
        } = self.shape;
        if inner == 1 {
            let examples = self
                .a
                .chunks_exact(channels)
                .zip(self.b.chunks_exact(channels));
            for (out, (a, b)) in self.out.chunks_exact_mut(channels).zip(examples) {
                for (((out, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(self.of_channel) {
                    *out = (self.f)(a, b, c);
                }
            }
        } else {
            let planes = self.a.chunks_exact(inner).zip(self.b.chunks_exact(inner));
            for (plane, (out, (a, b))) in self.out.chunks_exact_mut(inner).zip(planes).enumerate() {
                let c = self.of_channel[plane % channels];
                for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                    *out = (self.f)(a, b, c);
                }
            }
        }
    }
}
