//! A box for code that nobody has read: it sees the toolchain and the engine, read-only, and a
//! scratch folder; it has no network, no environment, and an end.
//!
//! [`bubblewrap`](https://github.com/containers/bubblewrap) makes the box. In it, before anything
//! else runs, this command takes its own rights away (`inside.rs`). From outside, it is watched
//! (`watch.rs`). Where no box can be made, nothing runs.

mod bubblewrap;
mod escapes;
mod inside;
mod watch;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::engine::Support;
use crate::toolchain::Toolchain;
use crate::workbook;

pub use escapes::{Escape, EscapeArguments, attempt, try_escapes};
pub use inside::{BoxedArguments, is_inside, run as enter};
pub use watch::{End, watch};

/// What a box may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long it may live, in seconds.
    pub seconds: u64,
    /// How much memory all its processes may hold, in bytes.
    pub memory: u64,
    /// How many processes and threads there may be.
    pub processes: u64,
    /// How much each of its scratch folders holds, in bytes.
    pub scratch: u64,
}

impl Limits {
    /// What a notebook needs, with room to spare.
    pub fn new(seconds: u64) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
        Self {
            seconds,
            memory: 4 << 30,
            processes: 256 + 4 * processors,
            scratch: 1 << 30,
        }
    }
}

/// What a box shows, each thing under its own path.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Files and folders that are there already.
    pub read_only: Vec<PathBuf>,
    /// Folders that are empty at first and go with the box.
    pub scratch: Vec<PathBuf>,
    /// A folder that outlives the box, and where the box shows it.
    pub kept: Option<(PathBuf, PathBuf)>,
    /// Where the program runs.
    pub folder: PathBuf,
    /// All of its environment.
    pub environment: Vec<(String, String)>,
}

/// The way in which this machine can make boxes.
#[derive(Clone, Debug)]
pub struct Sandbox {
    bwrap: PathBuf,
}

/// Where a box has its scratch.
pub const SCRATCH: &str = "/tmp";

/// What to do where there is no box.
const MEND: &str = "install bubblewrap (Debian: apt-get install bubblewrap; Fedora: dnf install \
    bubblewrap), and in a container allow it to make namespaces (docker run --privileged, or \
    --security-opt seccomp=unconfined --security-opt apparmor=unconfined with user namespaces)";

impl Sandbox {
    /// Finds out by making a box.
    ///
    /// # Errors
    /// If none can be made; the sentence says what to install. Nothing may run outside then.
    pub fn find() -> Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut candidates = std::env::split_paths(&path).map(|folder| folder.join("bwrap"));
        let Some(bwrap) = candidates.find(|file| file.is_file()) else {
            bail!("There is no sandbox here, so nothing runs: {MEND}.");
        };
        let sandbox = Self { bwrap };
        let mut trial =
            sandbox.command(&Plan::bare(), &Limits::new(10), Path::new("/usr/bin/true"))?;
        let output = trial.output().context("bwrap could not be started")?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            bail!(
                "There is no sandbox here, so nothing runs: bwrap says {:?}; {MEND}.",
                why.trim()
            );
        }
        Ok(sandbox)
    }

    /// What makes the boxes, for a receipt.
    pub fn name(&self) -> &'static str {
        "bwrap"
    }

    /// `program` in a box.
    ///
    /// # Errors
    /// If there is no user for the box.
    pub fn command(&self, plan: &Plan, limits: &Limits, program: &Path) -> Result<Command> {
        bubblewrap::command(&self.bwrap, plan, limits, program)
    }
}

impl Plan {
    /// The system, this command, and a scratch folder.
    pub fn bare() -> Self {
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let own_binary = std::env::current_exe().ok();
        Self {
            read_only: own_binary.into_iter().collect(),
            scratch: vec![SCRATCH.into()],
            kept: None,
            folder: SCRATCH.into(),
            environment: vec![
                set("HOME", SCRATCH),
                set("TMPDIR", SCRATCH),
                set("PATH", "/usr/bin:/bin"),
                set("LANG", "C.UTF-8"),
            ],
        }
    }

    /// What the notebook engine needs besides: compiler, support crate, and the sources that the
    /// analyser reads. No notebook is among it, and nothing of the user's.
    pub fn for_engine(toolchain: &Toolchain, support: &Support) -> Self {
        let mut plan = Self::bare();
        let (root, target) = (workbook::root(), workbook::target());
        let folder = |path: &Path| path.parent().map(Path::to_path_buf);
        plan.read_only.extend([
            toolchain.sysroot.clone(),
            workbook::ecosystem(),
            target.join("CACHEDIR.TAG"),
            support.library.clone(),
        ]);
        plan.read_only
            .extend(["crate", "datasets", "protocol"].map(|name| root.join(name)));
        plan.read_only
            .extend(support.dependencies().filter_map(|file| folder(&file)));
        plan.read_only.extend(support.sources());
        // What the standard library depends on, for the analyser, which asks cargo.
        if let Some(home) = cargo_home()
            && let (registry, Some(home)) = (home.join("registry"), home.to_str())
            && registry.is_dir()
        {
            plan.set("CARGO_HOME", home);
            plan.set("CARGO_NET_OFFLINE", "true");
            plan.read_only.push(registry);
        }
        plan.read_only.sort();
        plan.read_only.dedup();
        plan.scratch.push(workbook::state());
        let tools = format!("{}:/usr/bin:/bin", toolchain.sysroot.join("bin").display());
        plan.set("PATH", &tools);
        plan
    }

    /// Gives a variable of the environment a value.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(other, _)| other != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }
}

/// Where cargo keeps the crates that it has fetched.
fn cargo_home() -> Option<PathBuf> {
    match std::env::var_os("CARGO_HOME") {
        Some(home) => Some(home.into()),
        None => Some(std::env::home_dir()?.join(".cargo")),
    }
}
