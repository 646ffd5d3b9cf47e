//! Where a run leaves what it made: the executed notebooks and each figure as PNG.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::notebook::Notebook;
use crate::engine::CellOutput;

/// A folder of results: `<name>.ipynb` and `<name>/cell-07.png` for each notebook.
pub struct Results {
    folder: PathBuf,
}

impl Results {
    /// Results in `folder`, which is made if it is missing.
    pub fn new(folder: &Path) -> Result<Self> {
        let folder = std::path::absolute(folder)?;
        std::fs::create_dir_all(&folder).with_context(|| {
            format!(
                "The folder {} for the results cannot be made",
                folder.display()
            )
        })?;
        Ok(Self { folder })
    }

    /// Where the figures of `notebook` go.
    pub fn figure_folder(&self, notebook: &Path) -> PathBuf {
        self.folder.join(notebook.file_stem().unwrap_or_default())
    }

    /// Writes the figures of a cell and returns how many there were.
    pub fn save_figures(
        &self,
        notebook: &Path,
        cell: usize,
        output: &[CellOutput],
    ) -> Result<usize> {
        let pictures = output.iter().filter_map(|output| match output {
            CellOutput::Value(contents) | CellOutput::Display(contents, _) => {
                contents.get("image/png")
            }
            _ => None,
        });
        let folder = self.figure_folder(notebook);
        let mut count = 0;
        for picture in pictures {
            count += 1;
            let name = if count == 1 {
                format!("cell-{cell:02}.png")
            } else {
                format!("cell-{cell:02}-{count}.png")
            };
            let bytes = STANDARD
                .decode(picture.trim())
                .with_context(|| format!("the figure of cell {cell} is not base64"))?;
            std::fs::create_dir_all(&folder)?;
            write(&folder.join(name), &bytes)?;
        }
        Ok(count)
    }

    /// Writes the executed notebook and returns where.
    pub fn save(&self, notebook: &Path, executed: &Notebook) -> Result<PathBuf> {
        let path = self.folder.join(notebook.file_name().unwrap_or_default());
        write(&path, executed.to_json()?.as_bytes())?;
        Ok(path)
    }
}

/// Writes all of the file or nothing.
fn write(path: &Path, contents: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let attempt = || -> Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(contents)?;
        file.persist(path)?;
        Ok(())
    };
    attempt().with_context(|| format!("{} cannot be written", path.display()))
}
