//! `cuaderno kernel`: the notebook engine behind Jupyter's messages.

mod channels;
mod complete;
mod expressions;
mod history;
mod install;
mod messages;
mod replies;
mod server;
mod shared;
mod start;
mod stock;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use jupyter_protocol::ConnectionInfo;

pub use install::{Place, install};

#[derive(Args)]
pub struct KernelArguments {
    /// The file in which Jupyter says where it listens; Jupyter starts kernels with it.
    #[arg(long, value_name = "FILE")]
    connection_file: Option<PathBuf>,
    /// Be evcxr's own front end instead, for comparison: figures are shown at a cell's end.
    #[arg(long, requires = "connection_file")]
    stock: bool,
    #[command(subcommand)]
    command: Option<KernelCommand>,
}

#[derive(Subcommand)]
enum KernelCommand {
    /// Let the Jupyter of this machine know the kernel.
    Install(PlaceArguments),
    /// Take that back.
    Uninstall(PlaceArguments),
}

#[derive(Args)]
struct PlaceArguments {
    /// For the user; this is the default.
    #[arg(long, group = "place")]
    user: bool,
    /// In the Python environment that is active.
    #[arg(long, group = "place")]
    sys_prefix: bool,
    /// In the Python environment at DIR.
    #[arg(long, group = "place", value_name = "DIR")]
    prefix: Option<PathBuf>,
}

impl PlaceArguments {
    fn place(self) -> Result<Place> {
        match self.prefix {
            Some(folder) => Ok(Place::Prefix(folder)),
            None if self.sys_prefix => Place::active_environment(),
            None => Ok(Place::User),
        }
    }
}

/// Serves a notebook, or installs the kernel.
///
/// # Errors
/// If there is no connection file, or something cannot be written.
pub fn run(arguments: KernelArguments) -> Result<ExitCode> {
    match (arguments.command, arguments.connection_file) {
        (Some(KernelCommand::Install(place)), _) => {
            let folder = install(&place.place()?, &std::env::current_exe()?)?;
            println!("The kernel is installed: {}", folder.display());
        }
        (Some(KernelCommand::Uninstall(place)), _) => match install::uninstall(&place.place()?)? {
            Some(folder) => println!("The kernel is removed: {}", folder.display()),
            None => println!("The kernel was not installed there."),
        },
        (None, Some(file)) if arguments.stock => match stock::become_stock(&file)? {},
        (None, Some(file)) => {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            let connection: ConnectionInfo = serde_json::from_str(&text)
                .with_context(|| format!("{} is not a connection file", file.display()))?;
            return server::serve(connection);
        }
        (None, None) => bail!(
            "Jupyter starts the kernel itself, with --connection-file. Install it with `cargo \
             cuaderno kernel install`, or open the notebooks with `cargo cuaderno lab`."
        ),
    }
    Ok(ExitCode::SUCCESS)
}
