//! The family of vector instructions that kernels run on, found at run time.

use std::{cell::Cell, fmt, marker::PhantomData, sync::OnceLock};

use pulp::Arch;

use crate::{Error, Result};

thread_local! {
    static FORCED: Cell<Option<Level>> = const { Cell::new(None) };
}

/// A family of vector instructions, slowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What every processor of the target has (SSE2 on x86-64, NEON on ARM), without fused
    /// multiply-add on x86-64.
    Portable,
    /// 256-bit registers and fused multiply-add.
    Avx2,
    /// 512-bit registers, with the feature `avx512`.
    Avx512,
}

impl Level {
    /// All levels, slowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The best level of this machine.
    pub fn detected() -> Self {
        static DETECTED: OnceLock<Level> = OnceLock::new();
        *DETECTED.get_or_init(|| match Arch::new() {
            #[cfg(all(target_arch = "x86_64", feature = "avx512"))]
            Arch::V4(_) => Self::Avx512,
            #[cfg(target_arch = "x86_64")]
            Arch::V3(_) => Self::Avx2,
            _ => Self::Portable,
        })
    }

    /// The levels that this machine can run, slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(|level| *level <= Self::detected())
    }

    /// The level that kernels started by this thread run on.
    pub fn current() -> Self {
        FORCED.get().unwrap_or_else(Self::detected)
    }

    /// Runs this thread's kernels on this level until the guard is dropped: how tests and benchmarks
    /// compare the levels. The GEMM crate chooses its own instructions and is not affected; without
    /// this crate's feature `avx512` they are AVX2's at most.
    ///
    /// # Errors
    /// If this machine does not have the level.
    pub fn force(self) -> Result<Forced> {
        if self > Self::detected() {
            return Err(Error::argument(
                "the SIMD level",
                self,
                format!("at most {}, the best of this machine", Self::detected()),
            ));
        }
        Ok(Forced {
            previous: FORCED.replace(Some(self)),
            this_thread: PhantomData,
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "AVX2 and FMA",
            Self::Avx512 => "AVX-512",
        })
    }
}

/// Restores the previous level of its thread when dropped; see [`Level::force`].
#[must_use = "the level is forced only while the guard lives"]
pub struct Forced {
    previous: Option<Level>,
    this_thread: PhantomData<*const ()>,
}

impl Drop for Forced {
    fn drop(&mut self) {
        FORCED.set(self.previous);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_nest() {
        let _outer = Level::Portable.force().unwrap();
        drop(Level::detected().force().unwrap());
        assert_eq!(Level::current(), Level::Portable);
    }
}
