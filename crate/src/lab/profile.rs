//! How much a notebook computes: all that the course asks for, or just enough to check that it works.

/// The profile of a run, as `cargo cuaderno run --profile` sets it; in Jupyter it is `Full`.
///
/// ```
/// use cuaderno::Profile;
/// let epochs = Profile::current().choose(1, 10);
/// assert_eq!(epochs, 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// A small sample and few epochs, for checks.
    Quick,
    /// The course's own numbers.
    Full,
}

impl Profile {
    /// The profile that the environment variable `CUADERNO_PROFILE` names: `quick`, or else `Full`.
    pub fn current() -> Self {
        match std::env::var("CUADERNO_PROFILE").as_deref() {
            Ok("quick") => Self::Quick,
            _ => Self::Full,
        }
    }

    /// `quick` in the quick profile, `full` in the full one.
    pub fn choose<T>(self, quick: T, full: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.choose("quick", "full"))
    }
}
