//! Seeds: a number or a generator.

use super::Rng;

/// A source of random numbers: a seed, which gives the same numbers every time, or `&mut rng`, a
/// generator that continues where it was.
///
/// Build the networks of one model from one generator: built from the same seed, both would start
/// with the same numbers.
///
/// ```
/// use cuaderno::prelude::*;
/// let network = Sequential::input(&[3]).then("dense", Dense::units(2));
/// let (one, same) = (network.build(6202)?, network.build(&mut Rng::new(6202))?);
/// assert!(one.parameters().same_values(&same.parameters())?);
///
/// let mut rng = Rng::new(6202);
/// let (first, second) = (network.build(&mut rng)?, network.build(&mut rng)?);
/// assert!(!first.parameters().same_values(&second.parameters())?);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no seed",
    label = "neither a seed nor a generator",
    note = "a seed is a `u64`: write the number itself, or `let seed: u64 = 6202;`",
    note = "a generator that goes on is passed as `&mut rng`"
)]
pub trait Seed {
    /// Calls `with` with a new generator for a seed, or with the given generator.
    fn draw<T>(self, with: impl FnOnce(&mut Rng) -> T) -> T;
}

impl Seed for u64 {
    fn draw<T>(self, with: impl FnOnce(&mut Rng) -> T) -> T {
        with(&mut Rng::new(self))
    }
}

/// The type that a match on `Pass::Train(rng)` gives.
impl Seed for &mut &mut Rng {
    fn draw<T>(self, with: impl FnOnce(&mut Rng) -> T) -> T {
        with(self)
    }
}

impl Seed for &mut Rng {
    fn draw<T>(self, with: impl FnOnce(&mut Rng) -> T) -> T {
        with(self)
    }
}
