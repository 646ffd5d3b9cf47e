//! `cargo cuaderno lab`: JupyterLab with the kernel.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::kernel::{Place, install};
use crate::python::Python;
use crate::toolchain::Toolchain;
use crate::{setup, workbook};

#[derive(Args)]
pub struct LabArguments {
    /// The notebook to open: a number (09) or a path.
    notebook: Option<String>,
    /// Print the address and open no browser.
    #[arg(long)]
    no_browser: bool,
    /// The port to listen on; by default the first free one from 8888.
    #[arg(long, value_name = "N")]
    port: Option<u16>,
}

/// Opens JupyterLab and becomes it.
///
/// # Errors
/// If there is no such notebook, the support crate does not compile, or there is no JupyterLab and
/// none can be installed.
pub fn run(arguments: LabArguments) -> Result<()> {
    let notebook = arguments
        .notebook
        .as_deref()
        .map(workbook::notebook)
        .transpose()?;
    setup::prepare(&Toolchain::discover()?)?;
    let python = find_jupyterlab()?;
    let place = Place::Prefix(python.folder().to_owned());
    install(&place, &std::env::current_exe()?)?;

    let root = match &notebook {
        Some(notebook) if !notebook.starts_with(workbook::notebooks()) => {
            notebook.parent().map(Path::to_owned).unwrap_or_default()
        }
        _ => workbook::notebooks(),
    };
    let mut lab = Command::new(python.interpreter());
    lab.args(["-m", "jupyterlab", "--ServerApp.ip=127.0.0.1"])
        .arg(format!("--ServerApp.root_dir={}", root.display()))
        .current_dir(&root);
    if arguments.no_browser {
        lab.arg("--no-browser");
    }
    if let Some(port) = arguments.port {
        lab.arg(format!("--ServerApp.port={port}"))
            .arg("--ServerApp.port_retries=0");
    }
    // SAFETY: a plain system call.
    if unsafe { libc::geteuid() } == 0 {
        println!("You are root, as one is in a container; JupyterLab starts with --allow-root.");
        lab.arg("--allow-root");
    }
    if let Some(notebook) = &notebook {
        lab.arg(notebook);
    }
    Err(lab.exec()).with_context(|| format!("{} cannot be started", python.interpreter().display()))
}

/// The JupyterLab of the Python environment that is active, or one of our own.
fn find_jupyterlab() -> Result<Python> {
    if let Ok(Place::Prefix(folder)) = Place::active_environment() {
        let python = Python::at(folder);
        if python.has_command("jupyter-lab") {
            println!("Using the JupyterLab in {}.", python.folder().display());
            return Ok(python);
        }
    }
    Python::prepare(&private_environment()?, &[requirements()])
}

fn private_environment() -> Result<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "cuaderno")
        .context("This user has no home folder in which JupyterLab could be installed.")?;
    Ok(folders.data_local_dir().join("jupyter"))
}

fn requirements() -> PathBuf {
    workbook::root().join("environment/jupyter/requirements.txt")
}
