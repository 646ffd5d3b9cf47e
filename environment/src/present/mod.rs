//! `cargo cuaderno present`: a notebook, executed, as slides in a browser.

mod deck;
mod earlier;
mod markdown;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use crate::files;
use crate::profile::{ProfileArguments, Theme};
use crate::run::{self, RunArguments};
use crate::toolchain::Toolchain;
use crate::{setup, workbook};
use deck::Deck;
use earlier::Sources;

#[derive(Args)]
pub struct PresentArguments {
    /// The notebook: a number (09) or a path.
    #[arg(value_name = "NUMBER|PATH")]
    notebook: String,
    #[command(flatten)]
    profile: ProfileArguments,
    /// Where the executed notebook and the slides go.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    /// Print where the slides are and open no browser.
    #[arg(long)]
    no_browser: bool,
}

/// Executes the notebook, its figures in the projector's theme unless another one is named, and opens
/// its slides. Those of a lab that an earlier run has made are opened at once, if nothing that they
/// come from has changed.
///
/// # Errors
/// Where the notebook could not be run or the slides cannot be written. A cell that fails is reported
/// and gives exit status 1.
pub fn run(arguments: PresentArguments) -> Result<ExitCode> {
    let profile = arguments.profile.with_theme(Theme::Projector);
    let path = workbook::notebook(&arguments.notebook)?;
    // What a notebook of one's own reads is not known.
    let lab = (path.parent() == Some(&workbook::notebooks())).then_some(path);
    let settings = earlier::settings(&profile);
    let support = setup::prepare(&Toolchain::discover()?)?;
    let sources = || Some(Sources::of(lab.as_deref()?, &settings, &support));
    let before = sources();
    if let (Some(before), Some(lab)) = (&before, &lab) {
        let name = Path::new(lab.file_name().unwrap_or_default());
        let slides = std::path::absolute(&arguments.out)?.join(slides_of(name));
        if !profile.retrains() && before.gave(&slides) {
            println!(
                "Nothing has changed since these slides were made, so the lab is not run again; delete the file if it should be."
            );
            show(&slides, arguments.no_browser);
            return Ok(ExitCode::SUCCESS);
        }
    }
    let run = RunArguments::of(arguments.notebook, profile, arguments.out);
    let outcome = run::notebooks(run)?;
    if !outcome.is_success() {
        return Ok(outcome.exit());
    }
    for notebook in &outcome.executed {
        let slides = write_slides(notebook)?;
        if let Some(before) = before
            .as_ref()
            .filter(|before| sources().as_ref() == Some(before))
        {
            before.have_given(&slides)?;
        }
        show(&slides, arguments.no_browser);
    }
    Ok(outcome.exit())
}

/// Says where the slides are and opens them.
fn show(slides: &Path, no_browser: bool) {
    println!("The slides are in {}.", slides.display());
    println!(
        "Keys: space goes on, S opens the speaker's notes, O shows all slides, F fills the screen."
    );
    if !no_browser {
        open_in_browser(slides);
    }
}

/// Where the slides of an executed notebook are: beside it.
fn slides_of(executed: &Path) -> PathBuf {
    executed.with_extension("slides.html")
}

/// Writes the slides of an executed notebook beside it and returns where.
fn write_slides(executed: &Path) -> Result<PathBuf> {
    let text = std::fs::read_to_string(executed)
        .with_context(|| format!("{} cannot be read", executed.display()))?;
    let notebook: Value = serde_json::from_str(&text)?;
    let name = executed.file_stem().unwrap_or_default().to_string_lossy();
    let slides = slides_of(executed);
    files::write(&slides, Deck::of(&notebook).page(&name).as_bytes())?;
    Ok(slides)
}

/// Asks the desktop to show a file.
fn open_in_browser(page: &Path) {
    let command = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let opened = Command::new(command)
        .arg(page)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !opened.is_ok_and(|status| status.success()) {
        println!("No browser could be opened from here; open the file in one.");
    }
}
