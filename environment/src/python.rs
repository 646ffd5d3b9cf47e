//! A private Python environment with pinned packages: JupyterLab and the tests of the kernel need
//! one. Nothing of the user's own Python is touched.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// The oldest Python for which the pinned versions are.
const OLDEST: (u32, u32) = (3, 10);
/// In an environment that is complete: the requirements that it was made for.
const COMPLETE: &str = "cuaderno-requirements.txt";

/// A Python environment.
pub struct Python {
    folder: PathBuf,
}

impl Python {
    /// The environment at `folder` if it has what `requirements` name, made or made anew if not.
    ///
    /// # Errors
    /// If there is no Python or no `venv`, or the packages cannot be fetched.
    pub fn prepare(folder: &Path, requirements: &[PathBuf]) -> Result<Self> {
        let wanted = requirements
            .iter()
            .map(|file| {
                fs::read_to_string(file).with_context(|| format!("{} is gone", file.display()))
            })
            .collect::<Result<String>>()?;
        let environment = Self::at(folder);
        fs::create_dir_all(folder)
            .with_context(|| format!("The folder {} cannot be made", folder.display()))?;
        // Two commands at once must not both make it.
        let lock = File::create(folder.with_extension("lock"))?;
        lock.lock()?;
        let complete = folder.join(COMPLETE);
        if fs::read_to_string(&complete).is_ok_and(|there| there == wanted) {
            return Ok(environment);
        }
        environment.make(requirements)?;
        fs::write(complete, wanted)?;
        Ok(environment)
    }

    /// The environment at `folder`, whatever is in it.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The environment's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The environment's own interpreter.
    pub fn interpreter(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    /// Whether the environment has a command of that name.
    pub fn has_command(&self, name: &str) -> bool {
        self.folder.join("bin").join(name).is_file()
    }

    fn make(&self, requirements: &[PathBuf]) -> Result<()> {
        let python = find_python()?;
        println!(
            "Making a Python environment in {}; that takes a minute or two ...",
            self.folder.display()
        );
        let status = Command::new(python)
            .args(["-m", "venv", "--clear"])
            .arg(&self.folder)
            .status()?;
        ensure!(
            status.success(),
            "{python} has no module `venv`, which makes environments. Install it; on Debian and \
             Ubuntu it is the package python3-venv."
        );
        let mut pip = Command::new(self.interpreter());
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        for file in requirements {
            pip.arg("--requirement").arg(file);
        }
        ensure!(
            pip.status()?.success(),
            "The packages that JupyterLab needs cannot be fetched; pip's messages above say why. \
             They come from the Python package index, once."
        );
        Ok(())
    }
}

/// The command of a Python that is recent enough.
fn find_python() -> Result<&'static str> {
    const PRINT_VERSION: &str = "import sys; print(sys.version_info[0], sys.version_info[1])";
    let (major, minor) = OLDEST;
    let mut too_old = None;
    for name in ["python3", "python"] {
        let Ok(output) = Command::new(name).args(["-c", PRINT_VERSION]).output() else {
            continue;
        };
        let text = String::from_utf8_lossy(&output.stdout);
        let numbers: Vec<u32> = text.split_whitespace().flat_map(str::parse).collect();
        match numbers[..] {
            [a, b] if (a, b) >= OLDEST => return Ok(name),
            [a, b] => too_old = Some(format!("{name} is Python {a}.{b}")),
            _ => {}
        }
    }
    match too_old {
        Some(found) => bail!("{found}, but JupyterLab needs Python {major}.{minor} or later."),
        None => bail!(
            "There is no python3 on the path. JupyterLab needs Python {major}.{minor} or later; \
             notebooks run without it by `cargo cuaderno run`."
        ),
    }
}
