//! Reading spectra from files.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use candle_core::Tensor;

use super::array::{Array, MOST_NUMBERS};
use super::envi::Header;
use super::{Spectra, mat, npy, numbered, table};
use crate::{Error, Result};

/// What may stand in place of `.hdr` in the name of an ENVI file of numbers, after nothing.
const RAW: [&str; 6] = ["img", "dat", "raw", "bsq", "bil", "bip"];

/// The most bytes of a file: 16 for each number, as a table may have them.
const MOST_BYTES: u64 = 16 * MOST_NUMBERS as u64;

impl Spectra {
    /// Reads spectra from a file, whose ending says its format:
    ///
    /// | ending | what is read |
    /// |---|---|
    /// | `.csv` | a spectrum a row; line 1 names each band by its wavelength, and maybe a column `label` |
    /// | `.npy` | an array `[spectra, bands]`, or a scene `[height, width, bands]` |
    /// | `.mat` | the only matrix of numbers in a MATLAB file of format 5 (`-v6` or `-v7`), as for `.npy`; if there are several, see [`Spectra::read_variable`] |
    /// | `.hdr` | ENVI's header; the numbers are in the file of the same name without it, or with `.img`, `.dat`, `.raw`, `.bsq`, `.bil` or `.bip` in its place |
    ///
    /// # Errors
    /// If the file cannot be read, is truncated or contradicts itself, has more than 2²⁶ numbers or
    /// 2³⁰ bytes, a number that is not finite, or wavelengths that do not ascend. The sentence names
    /// the file and the place.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = &path.display().to_string();
        match ending(path).as_str() {
            "csv" => table::parse(file, &content(path)?),
            "npy" => npy::parse(file, &content(path)?)?.into_spectra(file),
            "mat" => only_matrix(file, &content(path)?)?.into_spectra(file),
            "hdr" => {
                let text = String::from_utf8_lossy(&content(path)?).into_owned();
                let header = Header::parse(file, &text)?;
                let raw = raw_file(path)?;
                header.scene(&raw.display().to_string(), &content(&raw)?)
            }
            _ => Err(unknown(file)),
        }
    }

    /// Reads the matrix of this name from a MATLAB file of format 5.
    ///
    /// # Errors
    /// As [`Spectra::read`], and if there is no such matrix; the sentence names those there are.
    pub fn read_variable(path: impl AsRef<Path>, name: &str) -> Result<Self> {
        let path = path.as_ref();
        let file = &path.display().to_string();
        let content = mat::parse(file, &content(path)?)?;
        let listed = content.listed();
        let mut matrices = content.matrices.into_iter();
        let found = matrices.find(|matrix| matrix.name == name);
        let found = found.ok_or_else(|| {
            let problem = format!("there is no matrix of real numbers `{name}` in it; {listed}");
            Error::data(file, problem)
        })?;
        found.array.into_spectra(file)
    }

    /// Reads several files and puts their spectra one after the other.
    ///
    /// # Errors
    /// As [`Spectra::read`], and if there is no file, or one has other bands or wavelengths than the
    /// first.
    pub fn read_all<P: AsRef<Path>>(paths: &[P]) -> Result<Self> {
        let Some((first, others)) = paths.split_first() else {
            return Err(Error::argument(
                "the number of files to read",
                0,
                "1 or more",
            ));
        };
        let mut all = Self::read(first)?;
        let name = first.as_ref().display().to_string();
        let mut tensors = vec![all.spectra.clone()];
        // Labels of files are names; each file numbers its own.
        let names_of = |spectra: &Self| {
            let name = |label: u32| spectra.classes.get(label as usize).cloned();
            let labels = spectra.labels.iter();
            labels.map(|label| label.and_then(name)).collect::<Vec<_>>()
        };
        let mut labels = names_of(&all);
        for path in others {
            let more = Self::read(path)?;
            let problem = if more.bands() != all.bands() {
                format!(
                    "it has {} bands, but {name} has {}",
                    more.bands(),
                    all.bands()
                )
            } else if more.wavelengths != all.wavelengths {
                format!("its bands have other wavelengths than those of {name}")
            } else {
                labels.extend(names_of(&more));
                tensors.push(more.spectra);
                continue;
            };
            return Err(Error::data(path.as_ref().display(), problem));
        }
        if !others.is_empty() {
            all.spectra = Tensor::cat(&tensors, 0)?;
            all.size = None;
            (all.labels, all.classes) = numbered(&labels);
        }
        Ok(all)
    }

    /// The same spectra with labels from another file: a `.csv` of one column, where an empty field
    /// is no label, or a `.npy` or `.mat` of whole numbers, one for each spectrum or pixel.
    ///
    /// # Errors
    /// If the file cannot be read, does not have one label for each spectrum, or is a map of another
    /// size than the scene.
    pub fn with_labels_from(self, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = &path.display().to_string();
        let (labels, classes) = match ending(path).as_str() {
            "csv" => numbered(&table::parse_labels(file, &content(path)?)?),
            "npy" => self.whole(file, npy::parse(file, &content(path)?)?)?,
            "mat" => self.whole(file, only_matrix(file, &content(path)?)?)?,
            _ => return Err(unknown(file)),
        };
        let mut labelled = self.with_labels(labels).map_err(|error| error.at(file))?;
        labelled.classes = classes;
        Ok(labelled)
    }

    fn whole(&self, file: &str, array: Array) -> Result<(Vec<Option<u32>>, Vec<String>)> {
        let labels = array.into_labels(file, self.size)?;
        Ok((labels.into_iter().map(Some).collect(), Vec::new()))
    }
}

fn ending(path: &Path) -> String {
    let ending = path.extension().unwrap_or_default();
    ending.to_string_lossy().to_lowercase()
}

fn content(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = |file: File| match file.metadata()?.len() {
        size if size > MOST_BYTES => Ok(size),
        _ => file
            .take(MOST_BYTES + 1)
            .read_to_end(&mut bytes)
            .map(|size| size as u64),
    };
    let size = File::open(path).and_then(read);
    if size.map_err(|error| Error::io(path, error))? > MOST_BYTES {
        let problem = format!("it has more than {MOST_BYTES} bytes; cut the file into parts");
        return Err(Error::data(path.display(), problem));
    }
    Ok(bytes)
}

fn unknown(file: &str) -> Error {
    let problem = "its name should end in .csv, .npy, .mat or .hdr, which says its format";
    Error::data(file, problem)
}

fn only_matrix(file: &str, bytes: &[u8]) -> Result<Array> {
    let mut content = mat::parse(file, bytes)?;
    // Sizes of the scene stand beside it as single numbers.
    let large = |matrix: &mat::Variable| matrix.array.values.len() > 1;
    if content.matrices.iter().any(large) {
        content.matrices.retain(large);
    }
    let advice = match content.matrices.len() {
        1 => return Ok(content.matrices.remove(0).array),
        0 => "",
        _ => "; name the one to read with `Spectra::read_variable`",
    };
    let listed = content.listed();
    let problem = format!("expected one matrix of real numbers, but {listed}{advice}");
    Err(Error::data(file, problem))
}

/// The file of numbers that belongs to an ENVI header.
fn raw_file(header: &Path) -> Result<PathBuf> {
    // `scene.img.hdr` or `scene.hdr` of a file `scene`, and `scene.hdr` of `scene.img`.
    let bare = header.with_extension("");
    let mut candidates = vec![bare];
    candidates.extend(RAW.map(|ending| header.with_extension(ending)));
    let found = candidates.into_iter().find(|candidate| candidate.is_file());
    found.ok_or_else(|| {
        let problem = format!(
            "the file of its numbers is not beside it; it has the same name without `.hdr`, or with \
             .{}",
            RAW.join(", .")
        );
        Error::data(header.display(), problem)
    })
}
