//! Where a run leaves what it made: the executed notebooks and each figure as PNG.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::engine::CellOutput;
use crate::files::write;
use crate::notebook::Notebook;

/// A folder of results: `<name>.ipynb` and `<name>/cell-07.png` for each notebook. Notebooks of one
/// name keep the folders by which they differ: `a/<name>.ipynb` and `b/<name>.ipynb`.
pub struct Results {
    folder: PathBuf,
    /// Where in it the result of each notebook goes.
    places: HashMap<PathBuf, PathBuf>,
}

impl Results {
    /// Results of `notebooks`, absolute paths without `..`, in `folder`, which is made if it is
    /// missing.
    ///
    /// # Errors
    /// If nothing can be written there, or a result would replace one of the notebooks.
    pub fn new(folder: &Path, notebooks: &[PathBuf]) -> Result<Self> {
        let folder = std::path::absolute(folder)?;
        let places = places(notebooks);
        for path in places.values().map(|place| folder.join(place)) {
            let within = path.parent().unwrap_or(&folder);
            std::fs::create_dir_all(within)
                .and_then(|()| tempfile::NamedTempFile::new_in(within))
                .with_context(|| {
                    format!(
                        "The folder {} for the results cannot be written; give another one with --out",
                        within.display()
                    )
                })?;
            if let Some(notebook) = notebooks.iter().find(|notebook| same_file(notebook, &path)) {
                bail!(
                    "The results would replace the notebook {} itself; give another folder with --out.",
                    notebook.display()
                );
            }
        }
        Ok(Self { folder, places })
    }

    fn place(&self, notebook: &Path) -> PathBuf {
        let name = notebook.file_name().unwrap_or_default();
        let place = self.places.get(notebook);
        self.folder
            .join(place.map_or(Path::new(name), PathBuf::as_path))
    }

    /// Where the figures of `notebook` go.
    pub fn figure_folder(&self, notebook: &Path) -> PathBuf {
        self.place(notebook).with_extension("")
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
                contents.by_type.get("image/png")
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
        let path = self.place(notebook);
        write(&path, executed.to_json()?.as_bytes())?;
        Ok(path)
    }
}

/// The place of each notebook's result: its name, or where that is not unique its path below the
/// folder that all notebooks of the name lie in.
fn places(notebooks: &[PathBuf]) -> HashMap<PathBuf, PathBuf> {
    // Some systems do not tell capitals from small letters.
    let name = |path: &Path| {
        let name = path.file_stem().unwrap_or_default();
        name.to_string_lossy().to_lowercase()
    };
    let place = |notebook: &PathBuf| {
        let of_one_name = notebooks
            .iter()
            .filter(|other| *other != notebook && name(other) == name(notebook));
        // How many parts of the path, at least the name, are told.
        let told = of_one_name.map(|other| {
            let parts = notebook.components().zip(other.components());
            let shared = parts.take_while(|(one, other)| one == other).count();
            notebook.components().count() - shared
        });
        let told = told.max().unwrap_or(1).max(1);
        let skipped = notebook.components().count() - told;
        notebook.components().skip(skipped).collect::<PathBuf>()
    };
    let both = |notebook: &PathBuf| (notebook.clone(), place(notebook));
    notebooks.iter().map(both).collect()
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_results_have_one_place() {
        let notebooks = [
            "/t/x.ipynb",
            "/t/a/hw1.ipynb",
            "/t/b/HW1.ipynb",
            "/t/b/c/hw1.ipynb",
        ];
        let notebooks = notebooks.map(PathBuf::from);
        let places = places(&notebooks);
        let places = notebooks.map(|notebook| places[&notebook].clone());
        assert_eq!(
            places,
            ["x.ipynb", "a/hw1.ipynb", "b/HW1.ipynb", "b/c/hw1.ipynb"].map(PathBuf::from)
        );
        let above = ["/t/hw1.ipynb", "/t/b/hw1.ipynb"].map(PathBuf::from);
        let places = super::places(&above);
        assert_eq!(places[&above[0]], Path::new("hw1.ipynb"));
        assert_eq!(places[&above[1]], Path::new("b/hw1.ipynb"));
    }

    #[test]
    fn a_result_never_replaces_a_notebook() {
        let folder = tempfile::tempdir().unwrap();
        let notebook = folder.path().join("hw1.ipynb");
        std::fs::write(&notebook, "{}").unwrap();
        let into = |out: PathBuf| Results::new(&out, std::slice::from_ref(&notebook));
        let error = into(folder.path().to_owned()).err().unwrap().to_string();
        assert!(
            error.contains("hw1.ipynb itself; give another folder"),
            "{error}"
        );
        assert!(into(folder.path().join("runs")).is_ok());
        let error = into(notebook.clone()).err().unwrap().to_string();
        assert!(
            error.contains("cannot be written; give another one"),
            "{error}"
        );
    }
}
