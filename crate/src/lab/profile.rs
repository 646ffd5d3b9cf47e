//! How much a notebook does: all that the course does, what a lesson allows, or a check.

/// The profile of a run, as the `--profile` of `cargo cuaderno run` and `lab` sets it; otherwise
/// `Full`.
///
/// ```
/// use cuaderno::Profile;
/// let profile = Profile::Course;
/// let epochs = profile.quick(1).full(10).course(40);
/// assert_eq!(epochs, 40);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// A small sample and few epochs, for checks.
    Quick,
    /// All of the data, for as long as a lesson allows.
    Full,
    /// The course's own numbers, for a night.
    Course,
}

/// What is chosen in the quick profile; the others are to be given.
#[must_use = "say what is chosen in the other profiles: `.full(…).course(…)`"]
#[derive(Clone, Copy, Debug)]
pub struct Quick<T>(Profile, T);

/// What is chosen in the quick and in the full profile; the course's is to be given.
#[must_use = "say what is chosen in the course's profile: `.course(…)`"]
#[derive(Clone, Copy, Debug)]
pub struct QuickOrFull<T>(Profile, T);

impl Profile {
    /// The profile that the environment variable `CUADERNO_PROFILE` names: `quick`, `course`, or
    /// else `Full`.
    pub fn current() -> Self {
        match std::env::var("CUADERNO_PROFILE").as_deref() {
            Ok("quick") => Self::Quick,
            Ok("course") => Self::Course,
            _ => Self::Full,
        }
    }

    /// Begins a choice between the three profiles: `profile.quick(1).full(10).course(40)`.
    pub fn quick<T>(self, quick: T) -> Quick<T> {
        Quick(self, quick)
    }
}

impl<T> Quick<T> {
    /// What is chosen in the full profile.
    pub fn full(self, full: T) -> QuickOrFull<T> {
        match self {
            Self(Profile::Quick, quick) => QuickOrFull(Profile::Quick, quick),
            Self(profile, _) => QuickOrFull(profile, full),
        }
    }
}

impl<T> QuickOrFull<T> {
    /// What is chosen in the course's profile, and with it the choice itself.
    pub fn course(self, course: T) -> T {
        match self {
            Self(Profile::Course, _) => course,
            Self(_, chosen) => chosen,
        }
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.quick("quick").full("full").course("course"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_chooses_its_own() {
        let all = [Profile::Quick, Profile::Full, Profile::Course];
        let chosen = all.map(|profile| profile.quick(1).full(10).course(40));
        assert_eq!(chosen, [1, 10, 40]);
        assert_eq!(
            all.map(|profile| profile.to_string()),
            ["quick", "full", "course"]
        );
    }
}
