//! Profiles: how much of its work a notebook does.

/// The profile of a run, which decides how much work a notebook does. The option `--profile` of
/// `cargo cuaderno run` and `cargo cuaderno lab` sets it; the default is `Full`.
///
/// ```
/// use cuaderno::Profile;
/// let profile = Profile::Course;
/// let epochs = profile.quick(1).full(10).course(40);
/// assert_eq!(epochs, 40);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// A small sample and few epochs, for a quick check.
    Quick,
    /// All of the data, in the time of a lesson.
    Full,
    /// The course's own numbers of epochs, to run overnight.
    Course,
}

/// A choice of which only the value for the quick profile has been given.
#[must_use = "say what is chosen in the other profiles: `.full(…).course(…)`"]
#[derive(Clone, Copy, Debug)]
pub struct Quick<T>(Profile, T);

/// A choice of which the value for the course profile is still missing.
#[must_use = "say what is chosen in the course's profile: `.course(…)`"]
#[derive(Clone, Copy, Debug)]
pub struct QuickOrFull<T>(Profile, T);

impl Profile {
    /// The profile named by the environment variable `CUADERNO_PROFILE`, `quick` or `course`;
    /// otherwise `Full`.
    pub fn current() -> Self {
        match std::env::var("CUADERNO_PROFILE").as_deref() {
            Ok("quick") => Self::Quick,
            Ok("course") => Self::Course,
            _ => Self::Full,
        }
    }

    /// Starts a choice by profile with the value for `Quick`:
    /// `profile.quick(1).full(10).course(40)`.
    pub fn quick<T>(self, quick: T) -> Quick<T> {
        Quick(self, quick)
    }
}

impl<T> Quick<T> {
    /// Gives the value for `Full`.
    pub fn full(self, full: T) -> QuickOrFull<T> {
        match self {
            Self(Profile::Quick, quick) => QuickOrFull(Profile::Quick, quick),
            Self(profile, _) => QuickOrFull(profile, full),
        }
    }
}

impl<T> QuickOrFull<T> {
    /// Gives the value for `Course`, and returns the value for the current profile.
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
