//! The only source of randomness: explicit, seeded and splittable.

mod seed;

use candle_core::{Device, Tensor};
use rand::{Rng as _, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

pub use seed::Seed;

use crate::{Error, Result};

/// A seeded random generator (ChaCha with 8 rounds): the same seed gives the same numbers on
/// every machine and with any number of threads.
///
/// ```
/// use cuaderno::Rng;
/// assert_eq!(Rng::new(7).permutation(5), Rng::new(7).permutation(5));
/// ```
#[derive(Clone, Debug)]
pub struct Rng {
    seed: u64,
    stream: ChaCha8Rng,
}

impl Rng {
    /// A generator whose numbers depend on `seed` alone.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            stream: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// An independent generator derived from this one's seed and `index`. It does not depend on
    /// what was drawn before, so step 1,000 of a resumed training draws the same numbers as step
    /// 1,000 of an uninterrupted one.
    pub fn child(&self, index: u64) -> Self {
        // The finaliser of SplitMix64 spreads neighbouring seeds and indices over all bits.
        let mut mixed = self
            .seed
            .wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self::new(mixed ^ (mixed >> 31))
    }

    /// An independent generator, seeded with the next number of this one.
    pub fn split(&mut self) -> Self {
        Self::new(self.stream.random())
    }

    /// A random integer in `0..n`.
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        self.stream.random_range(0..n)
    }

    /// A number from `low` to `high`, all alike.
    ///
    /// ```
    /// let x = cuaderno::Rng::new(7).between(-1.0, 1.0);
    /// assert!((-1.0..=1.0).contains(&x));
    /// ```
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.stream.random::<f64>()
    }

    /// Whether something of that probability happens: always at 1, never at 0.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.stream.random::<f64>() < probability
    }

    /// A draw from a distribution.
    pub(crate) fn sample<T>(&mut self, distribution: &impl Distribution<T>) -> T {
        distribution.sample(&mut self.stream)
    }

    /// The numbers `0..n` in random order (Fisher-Yates).
    pub fn permutation(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.shuffle(&mut self.stream);
        order
    }

    /// A tensor of independent uniform numbers in `[low, high)`, f32 on the CPU.
    ///
    /// # Errors
    /// If `low` is not below `high` or one of them is not finite.
    pub fn uniform(&mut self, low: f32, high: f32, shape: &[usize]) -> Result<Tensor> {
        if !(low < high && low.is_finite() && high.is_finite()) {
            return Err(Error::argument(
                "the range of uniform",
                format!("{low}..{high}"),
                "two finite numbers, the lower one first",
            ));
        }
        let values = self.fill(shape, |stream| low + (high - low) * stream.random::<f32>());
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
    }

    /// A tensor of independent Gaussian numbers, f32 on the CPU.
    ///
    /// # Errors
    /// If `std` is negative, or one of the two is not finite.
    pub fn normal(&mut self, mean: f32, std: f32, shape: &[usize]) -> Result<Tensor> {
        if !(std >= 0.0 && std.is_finite() && mean.is_finite()) {
            return Err(Error::argument(
                "the deviation of normal",
                std,
                "a finite number, zero or above, with a finite mean",
            ));
        }
        let values = self.fill(shape, |stream| {
            mean + std * stream.sample::<f32, _>(StandardNormal)
        });
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
    }

    fn fill(&mut self, shape: &[usize], mut draw: impl FnMut(&mut ChaCha8Rng) -> f32) -> Vec<f32> {
        let count = shape.iter().product();
        (0..count).map(|_| draw(&mut self.stream)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(tensor: Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let draw = |seed| values(Rng::new(seed).normal(0.0, 1.0, &[100]).unwrap());
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn a_child_does_not_depend_on_what_was_drawn_before() {
        let fresh = Rng::new(3);
        let mut used = Rng::new(3);
        used.permutation(1000);
        assert_eq!(fresh.child(5).below(1 << 40), used.child(5).below(1 << 40));
        assert_ne!(fresh.child(5).below(1 << 40), fresh.child(6).below(1 << 40));
    }

    #[test]
    fn normal_and_uniform_have_their_moments() {
        let moments = |v: &[f32]| {
            let mean = v.iter().sum::<f32>() / v.len() as f32;
            let var = v.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / v.len() as f32;
            (mean, var)
        };
        let mut rng = Rng::new(6202);
        let (mean, var) = moments(&values(rng.normal(2.0, 3.0, &[100_000]).unwrap()));
        assert!(
            (mean - 2.0).abs() < 0.05 && (var - 9.0).abs() < 0.2,
            "{mean} {var}"
        );
        let (mean, var) = moments(&values(rng.uniform(-1.0, 1.0, &[100_000]).unwrap()));
        assert!(
            mean.abs() < 0.01 && (var - 1.0 / 3.0).abs() < 0.01,
            "{mean} {var}"
        );
    }

    #[test]
    fn a_permutation_holds_every_number_once() {
        let mut order = Rng::new(1).permutation(1000);
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn a_bad_range_is_one_sentence() {
        let error = Rng::new(1).uniform(1.0, 1.0, &[2]).unwrap_err().to_string();
        assert_eq!(
            error,
            "the range of uniform is 1..1, but it must be two finite numbers, the lower one first."
        );
    }
}
