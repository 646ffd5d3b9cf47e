//! A folder of notebooks, the command run on them as a user types it, and what came of it.

// Not every file of tests uses all of it.
#![allow(dead_code)]

pub mod answer;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder of notebooks and the results of running them.
pub struct Desk(pub TempDir);

impl Desk {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Lets other users in.
    #[cfg(unix)]
    pub fn open_to_all(&self) {
        use std::os::unix::fs::PermissionsExt;
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.0.path(), open).unwrap();
    }

    pub fn notebook(&self, name: &str, cells: &[&str]) -> PathBuf {
        let cells: Vec<Value> = (0..)
            .zip(cells)
            .map(|(id, source)| {
                json!({
                    "cell_type": "code", "id": format!("cell-{id}"), "metadata": {},
                    "execution_count": null, "outputs": [], "source": source,
                })
            })
            .collect();
        let notebook = json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5});
        let path = self.0.path().join(name);
        fs::write(&path, notebook.to_string()).unwrap();
        path
    }

    pub fn runs(&self) -> PathBuf {
        self.0.path().join("runs")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cuaderno"));
        command
            .arg("run")
            .args(arguments)
            .arg("--out")
            .arg(self.runs());
        // No data but what is shipped, wherever this test runs.
        command.env("CUADERNO_DATA", self.0.path().join("no-data"));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        let output = self.command(arguments).output().unwrap();
        Run::new(output)
    }

    pub fn executed(&self, name: &str) -> Value {
        let text = fs::read_to_string(self.runs().join(name)).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

/// What a command said and how it ended.
pub struct Run {
    pub status: Option<i32>,
    pub text: String,
}

impl Run {
    pub fn new(output: Output) -> Self {
        let text =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        Self {
            status: output.status.code(),
            text: text.into_owned(),
        }
    }

    #[track_caller]
    pub fn says(&self, words: &str) {
        assert!(self.text.contains(words), "no {words:?} in:\n{}", self.text);
    }
}

pub fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Everything a cell put out, as text.
pub fn outputs(notebook: &Value, cell: usize) -> String {
    notebook["cells"][cell]["outputs"].to_string()
}

pub fn error(notebook: &Value, cell: usize) -> (&str, &str) {
    let outputs = notebook["cells"][cell]["outputs"].as_array().unwrap();
    let error = outputs
        .iter()
        .find(|output| output["output_type"] == "error");
    let error = error.unwrap_or_else(|| panic!("cell {cell} has no error: {outputs:?}"));
    (
        error["ename"].as_str().unwrap(),
        error["evalue"].as_str().unwrap(),
    )
}

/// Whether polars is there, which `cargo cuaderno setup` builds.
pub fn tables_are_built() -> bool {
    let target = Path::new(env!("CARGO_BIN_EXE_cuaderno"))
        .parent()
        .unwrap()
        .parent();
    let dependencies = fs::read_dir(target.unwrap().join("cuaderno/dependencies"));
    let libraries = dependencies
        .into_iter()
        .flatten()
        .flatten()
        .flat_map(|folder| {
            let libraries = fs::read_dir(folder.path().join("target/debug/deps"));
            libraries
                .into_iter()
                .flatten()
                .flatten()
                .map(|file| file.file_name())
        });
    let is_it = |name: OsString| name.to_string_lossy().starts_with("libcuaderno_tables-");
    let there = libraries.into_iter().any(is_it);
    if !there {
        let why = "tables are not built: run `cargo cuaderno setup`";
        assert!(
            std::env::var_os("CUADERNO_REQUIRE_TABLES").is_none(),
            "{why}"
        );
        eprintln!("This test did not run: {why}.");
    }
    there
}

/// Whether boxes can be made here: whether bubblewrap can, whatever this workbook makes of it.
pub fn boxes_can_be_made() -> bool {
    let mut trial = Command::new("bwrap");
    trial.args([
        "--ro-bind",
        "/",
        "/",
        "--unshare-pid",
        "--unshare-net",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "true",
    ]);
    let there = trial.output().is_ok_and(|output| output.status.success());
    if !there {
        let why = "there is no sandbox: install bubblewrap";
        assert!(
            std::env::var_os("CUADERNO_REQUIRE_SANDBOX").is_none(),
            "{why}"
        );
        eprintln!("This test did not run: {why}.");
    }
    there
}

/// Whether this test can make a container in which Landlock makes boxes, whatever this workbook makes
/// of it: whether this is root, who has bubblewrap, on Linux 6.12 or later.
#[cfg(target_os = "linux")]
pub fn landlock_can_be_tried() -> bool {
    /// Asks for the version.
    const VERSION: libc::c_ulong = 1;
    let nothing = std::ptr::null::<u8>();
    // SAFETY: a question without arguments.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0, VERSION) };
    // SAFETY: a plain system call.
    let is_root = unsafe { libc::geteuid() == 0 };
    if !is_root || version < 6 {
        eprintln!("This test did not run: it needs root and Landlock of Linux 6.12 or later.");
        return false;
    }
    boxes_can_be_made()
}

/// Has the command find no way to make boxes: no bubblewrap, and not the rights that Landlock needs.
#[cfg(target_os = "linux")]
pub fn without_boxes(command: &mut Command) -> &mut Command {
    use std::os::unix::process::CommandExt;
    // SAFETY: a plain system call.
    if unsafe { libc::geteuid() == 0 } {
        command.uid(65534);
    }
    command.env("PATH", "/nonexistent")
}

/// The same command in a container that has no bubblewrap, and whose users can reach the toolchain.
/// It shares the processes and the temporary files with this test, which sees what is left there.
pub fn in_container(command: &Command) -> Command {
    let home = std::env::home_dir().unwrap();
    let of_home = |variable: &str, name: &str| match std::env::var_os(variable) {
        Some(folder) => PathBuf::from(folder),
        None => home.join(name),
    };
    let binary = Path::new(env!("CARGO_BIN_EXE_cuaderno"));
    let needed = [
        of_home("CARGO_HOME", ".cargo"),
        of_home("RUSTUP_HOME", ".rustup"),
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .unwrap()
            .into(),
        binary.parent().unwrap().parent().unwrap().into(),
    ];
    let mut container = Command::new("bwrap");
    container.args(["--bind", "/", "/", "--dev-bind", "/dev", "/dev"]);
    container.args(["--perms", "0755", "--tmpfs"]).arg(&home);
    for folder in needed.iter().filter(|folder| folder.starts_with(&home)) {
        container.arg("--bind").arg(folder).arg(folder);
    }
    container.args(["--tmpfs", "/run"]);
    // Where users are reserved: what ends the processes of one must not meet another test's box.
    let reserved = "/run/cuaderno-boxes";
    fs::create_dir_all(reserved).unwrap();
    container.args(["--bind", reserved, reserved]);
    container.args(["--ro-bind", "/dev/null", "/run/.containerenv"]);
    let path = std::env::var_os("PATH").unwrap();
    for folder in std::env::split_paths(&path) {
        let bwrap = folder.join("bwrap");
        if bwrap.is_file() {
            container.arg("--ro-bind").arg("/dev/null").arg(bwrap);
        }
    }
    container.arg("--").arg(command.get_program());
    container.args(command.get_args());
    for (name, value) in command.get_envs() {
        container.env(name, value.unwrap());
    }
    container
}

/// Whether a process runs that has this word among its arguments.
pub fn is_running(word: &str) -> bool {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let mut arguments = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    arguments.any(|words| {
        words
            .split(|&byte| byte == 0)
            .any(|it| it == word.as_bytes())
    })
}
