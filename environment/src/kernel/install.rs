//! The kernelspec: the file by which Jupyter finds the kernel.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::json;

/// The name under which Jupyter knows the kernel.
pub const NAME: &str = "cuaderno";

/// Where a kernelspec goes.
pub enum Place {
    User,
    /// A Python environment.
    Prefix(PathBuf),
}

impl Place {
    /// The environment that is active in this shell.
    ///
    /// # Errors
    /// If there is none.
    pub fn active_environment() -> Result<Self> {
        for variable in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
            if let Some(folder) = std::env::var_os(variable) {
                return Ok(Self::Prefix(folder.into()));
            }
        }
        bail!(
            "No Python environment is active; activate one, name it with --prefix DIR, or install \
             for the user with --user."
        );
    }

    fn kernels(&self) -> Result<PathBuf> {
        match self {
            Self::Prefix(folder) if !folder.is_dir() => {
                bail!("There is no folder {}.", folder.display())
            }
            Self::Prefix(folder) => Ok(folder.join("share/jupyter/kernels")),
            // The same folder as Jupyter's own `jupyter --data-dir`.
            Self::User => Ok(jupyter_zmq_client::user_data_dir()?.join("kernels")),
        }
    }
}

/// Writes the kernelspec for `binary`, a `cuaderno`, and returns its folder.
///
/// # Errors
/// If the place is not there or cannot be written.
pub fn install(place: &Place, binary: &Path) -> Result<PathBuf> {
    let folder = place.kernels()?.join(NAME);
    let spec = json!({
        "argv": [binary, "kernel", "--connection-file", "{connection_file}"],
        "display_name": "Cuaderno (Rust)",
        "language": "rust",
        "interrupt_mode": "message",
    });
    write(&folder, &serde_json::to_string_pretty(&spec)?)
        .with_context(|| format!("The kernel cannot be installed in {}", folder.display()))?;
    Ok(folder)
}

fn write(folder: &Path, spec: &str) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    Ok(std::fs::write(folder.join("kernel.json"), spec)?)
}

/// Removes the kernelspec; `None` if there was none.
///
/// # Errors
/// If it cannot be removed.
pub fn uninstall(place: &Place) -> Result<Option<PathBuf>> {
    let folder = place.kernels()?.join(NAME);
    if !folder.exists() {
        return Ok(None);
    }
    std::fs::remove_dir_all(&folder)
        .with_context(|| format!("{} cannot be removed", folder.display()))?;
    Ok(Some(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernelspec_comes_and_goes() {
        let environment = tempfile::tempdir().unwrap();
        let place = Place::Prefix(environment.path().to_owned());
        let folder = install(&place, Path::new("/bin/cuaderno")).unwrap();
        assert!(folder.ends_with("share/jupyter/kernels/cuaderno"));
        let spec = std::fs::read_to_string(folder.join("kernel.json")).unwrap();
        let spec: serde_json::Value = serde_json::from_str(&spec).unwrap();
        assert_eq!(spec["argv"][1], "kernel");
        assert_eq!(spec["interrupt_mode"], "message");
        assert_eq!(uninstall(&place).unwrap(), Some(folder));
        assert_eq!(uninstall(&place).unwrap(), None);
    }

    #[test]
    fn a_place_that_is_not_there_is_named() {
        let place = Place::Prefix("/no/such/environment".into());
        let error = install(&place, Path::new("cuaderno"))
            .unwrap_err()
            .to_string();
        assert_eq!(error, "There is no folder /no/such/environment.");
    }
}
