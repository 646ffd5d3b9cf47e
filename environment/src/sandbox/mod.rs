//! A box for code that nobody has read: it sees the toolchain and the engine, read-only, and a
//! scratch folder; it has no network, no environment, and an end.
//!
//! [`bubblewrap`](https://github.com/containers/bubblewrap) makes the box, or Landlock in a container
//! in which bubblewrap cannot. In it, before anything else runs, this command takes its own rights
//! away (`inside.rs`). From outside, it is watched (`watch.rs`). Where no box can be made, nothing
//! runs.

mod bubblewrap;
mod escapes;
mod inside;
mod keeper;
mod landlock;
mod users;
mod watch;

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use anyhow::{Context, Result, ensure};

use crate::engine::Support;
use crate::toolchain::Toolchain;
use crate::workbook;

pub use escapes::{Escape, EscapeArguments, attempt, try_escapes};
pub use inside::{BoxedArguments, is_inside, run as enter};
pub use keeper::{KeeperArguments, run as keep};
pub use watch::End;

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
#[derive(Debug)]
pub enum Sandbox {
    /// By this program.
    Bubblewrap(PathBuf),
    Landlock(landlock::Place),
}

/// What to do where there is no box.
const MEND: &str = "install bubblewrap (Debian: apt-get install bubblewrap; Fedora: dnf install \
    bubblewrap), and in a container allow it to make namespaces (docker run --privileged, or \
    --security-opt seccomp=unconfined --security-opt apparmor=unconfined with user namespaces); \
    or go on without it as root in a container on Linux 6.12 or later, where Landlock makes boxes";

impl Sandbox {
    /// Finds out by making a box.
    ///
    /// # Errors
    /// If none can be made; the sentence says what to install. Nothing may run outside then.
    pub fn find() -> Result<Self> {
        let no_bubblewrap = match Self::bubblewrap() {
            Ok(sandbox) => return Ok(sandbox),
            Err(error) => error,
        };
        Self::landlock().map_err(|no_landlock| {
            anyhow::anyhow!(
                "There is no sandbox here, so nothing runs: {MEND}. Bubblewrap: {no_bubblewrap:#}. \
                 Landlock: {no_landlock:#}."
            )
        })
    }

    fn bubblewrap() -> Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut candidates = std::env::split_paths(&path).map(|folder| folder.join("bwrap"));
        let bwrap = candidates.find(|file| file.is_file());
        Self::Bubblewrap(bwrap.context("there is no bwrap in PATH")?).tried()
    }

    fn landlock() -> Result<Self> {
        Self::Landlock(landlock::Place::find()?).tried()
    }

    fn tried(self) -> Result<Self> {
        let plan = Plan::bare(&self);
        let mut trial = self.command(&plan, &Limits::new(10), Path::new("/usr/bin/true"))?;
        let output = trial.output().context("the box does not start")?;
        let why = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{:?}", why.trim());
        Ok(self)
    }

    /// What makes the boxes, for a receipt.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bubblewrap(_) => "bwrap",
            Self::Landlock(_) => "landlock",
        }
    }

    /// Whether several boxes can be there at a time. Those by Landlock share one folder of the disk
    /// and one user, so that whatever one leaves is gone before the next is made.
    pub fn makes_several(&self) -> bool {
        matches!(self, Self::Bubblewrap(_))
    }

    /// Whether the kernel bounds what a box writes in all.
    pub fn bounds_scratch(&self) -> bool {
        matches!(self, Self::Bubblewrap(_))
    }

    /// Where a box has its temporary files.
    pub fn scratch(&self) -> PathBuf {
        match self {
            Self::Bubblewrap(_) => "/tmp".into(),
            Self::Landlock(place) => place.scratch(),
        }
    }

    /// Where the engine in a box keeps its state.
    fn state(&self) -> PathBuf {
        match self {
            Self::Bubblewrap(_) => workbook::state(),
            Self::Landlock(place) => place.state(),
        }
    }

    /// Where a box has what the plan shows at `path`.
    pub fn shown(&self, plan: &Plan, path: &Path) -> PathBuf {
        match self {
            Self::Bubblewrap(_) => path.to_path_buf(),
            Self::Landlock(place) => place.shown(plan, path),
        }
    }

    /// `program` in a box.
    ///
    /// # Errors
    /// If there is no user for the box, or the user cannot reach what the plan shows.
    pub fn command(&self, plan: &Plan, limits: &Limits, program: &Path) -> Result<Command> {
        match self {
            Self::Bubblewrap(bwrap) => bubblewrap::command(bwrap, plan, limits, program),
            Self::Landlock(place) => place.command(plan, limits, program),
        }
    }

    /// Waits for the end of the box that `child` made, and sees to it that there is one.
    ///
    /// # Errors
    /// If the process cannot be waited for.
    pub fn watch(&self, child: &mut Child, limits: &Limits) -> Result<End> {
        let signal = match self {
            Self::Bubblewrap(_) => libc::SIGKILL,
            // The keeper ends the others first.
            Self::Landlock(_) => libc::SIGTERM,
        };
        watch::watch(child, limits, signal)
    }
}

impl Plan {
    /// The system, this command, and a scratch folder.
    pub fn bare(sandbox: &Sandbox) -> Self {
        let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let own_binary = std::env::current_exe().ok();
        let folder = sandbox.scratch();
        let scratch = folder.display().to_string();
        Self {
            read_only: own_binary.into_iter().collect(),
            scratch: vec![folder.clone()],
            kept: None,
            folder,
            environment: vec![
                set("HOME", &scratch),
                set("TMPDIR", &scratch),
                set("PATH", "/usr/bin:/bin"),
                set("LANG", "C.UTF-8"),
            ],
        }
    }

    /// What the notebook engine needs besides: compiler, support crate, and the sources that the
    /// analyser reads. No notebook is among it, and nothing of the user's.
    pub fn for_engine(sandbox: &Sandbox, toolchain: &Toolchain, support: &Support) -> Self {
        let mut plan = Self::bare(sandbox);
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
        let state = sandbox.state();
        plan.set(workbook::STATE, &state.display().to_string());
        plan.scratch.push(state);
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
