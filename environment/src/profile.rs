//! How much notebooks do, as the command's arguments say it and cells read it.

use clap::{Args, ValueEnum};

/// Cells read it with `Profile::current()`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Profile {
    /// A small sample and few epochs: checks that every cell works.
    Quick,
    /// All of the data, for as long as a lesson allows.
    Full,
    /// The courses' own numbers of epochs, for a night.
    Course,
}

/// How figures look, unless a cell says otherwise.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Theme {
    /// Dark on white.
    Page,
    /// Light on black.
    Dark,
    /// Large type and strong colours.
    Projector,
}

impl Theme {
    fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Dark => "dark",
            Self::Projector => "projector",
        }
    }
}

#[derive(Args)]
pub struct ProfileArguments {
    /// How much the notebooks do.
    #[arg(long, value_enum, default_value = "full")]
    profile: Profile,
    /// Train again what was trained and kept before; the same seeds give the same weights.
    #[arg(long)]
    retrain: bool,
    /// How figures look.
    #[arg(long, value_enum)]
    theme: Option<Theme>,
}

impl ProfileArguments {
    /// Whether what was kept is to be trained again.
    pub fn retrains(&self) -> bool {
        self.retrain
    }

    /// How much the notebooks do.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// `quick`, `full` or `course`.
    pub fn name(&self) -> &'static str {
        match self.profile {
            Profile::Quick => "quick",
            Profile::Full => "full",
            Profile::Course => "course",
        }
    }

    /// The same with another theme where none was named.
    pub fn with_theme(mut self, theme: Theme) -> Self {
        self.theme.get_or_insert(theme);
        self
    }

    /// The same as arguments of a command.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![format!("--profile={}", self.name())];
        if self.retrain {
            arguments.push("--retrain".to_owned());
        }
        arguments.extend(self.theme.map(|theme| format!("--theme={}", theme.name())));
        arguments
    }

    /// The environment variables by which cells know.
    pub fn variables(&self) -> Vec<(&'static str, &'static str)> {
        let mut variables = vec![("CUADERNO_PROFILE", self.name())];
        if self.retrain {
            variables.push(("CUADERNO_RETRAIN", "1"));
        }
        variables.extend(self.theme.map(|theme| ("CUADERNO_THEME", theme.name())));
        variables
    }
}
