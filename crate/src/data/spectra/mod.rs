//! Spectra: light by its wavelength, one list of numbers for each pixel or sample.

mod array;
mod envi;
mod mat;
mod npy;
mod number;
mod read;
mod scene;
mod table;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

pub use scene::spectral_scene;

use crate::train::{Batch, Examples};
use crate::{Error, Result, Seed, notebook};

/// Spectra `[n, bands]`, some of which may have a label.
///
/// As [`Examples`], the inputs of a batch are the spectra and its targets their labels, with 0 in
/// place of a missing one, which the mask leaves out. A model of features ignores both.
///
/// ```
/// use cuaderno::prelude::*;
/// let spectra = Tensor::new(&[[0.1f32, 0.2, 0.4], [0.3, 0.3, 0.2], [0.1, 0.3, 0.4]], &Device::Cpu)?;
/// let spectra = Spectra::new(spectra)?.with_wavelengths(vec![450.0, 550.0, 650.0])?
///     .with_labels(vec![Some(0), Some(1), None])?;
/// assert_eq!((spectra.len(), spectra.bands()), (3, 3));
/// let (labelled, unlabelled) = spectra.parts()?;
/// assert_eq!(labelled.unwrap().targets()?.to_vec1::<u32>()?, [0, 1]);
/// assert_eq!(unlabelled.unwrap().len(), 1);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Spectra {
    /// The spectra, `[n, bands]` of f32, all finite.
    pub spectra: Tensor,
    /// The wavelength of each band, ascending, in the file's unit, if known.
    pub wavelengths: Option<Vec<f64>>,
    /// The label of each spectrum, `None` where there is none.
    pub labels: Vec<Option<u32>>,
    /// The name of each label, if labels have names.
    pub classes: Vec<String>,
    /// Height and width if the spectra are the pixels of one scene, row by row.
    pub size: Option<[usize; 2]>,
}

impl Spectra {
    /// Spectra `[n, bands]` of f32 without wavelengths and labels.
    ///
    /// # Errors
    /// If the tensor has another shape or type, is empty, or has a number that is NaN or infinite;
    /// the sentence names its place.
    pub fn new(spectra: Tensor) -> Result<Self> {
        let (n, bands) = match spectra.dims() {
            [n, bands] if n * bands > 0 && spectra.dtype() == DType::F32 => (*n, *bands),
            other => {
                let found = spectra.dtype();
                return Err(Error::shape(
                    "Spectra",
                    format!(
                        "spectra are [n, bands] of F32 and not empty, but got {other:?} of {found:?}."
                    ),
                ));
            }
        };
        let spectra = spectra.contiguous()?;
        let values = spectra.flatten_all()?.to_vec1::<f32>()?;
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::argument(
                "a spectrum",
                format!(
                    "{} in band {} of spectrum {}",
                    values[place],
                    place % bands + 1,
                    place / bands + 1
                ),
                "finite in every band; leave spectra with gaps out, or fill the gaps",
            ));
        }
        Ok(Self {
            spectra,
            wavelengths: None,
            labels: vec![None; n],
            classes: Vec::new(),
            size: None,
        })
    }

    /// The same spectra with the wavelength of each band.
    ///
    /// # Errors
    /// If there is not one for each band, or they do not ascend.
    pub fn with_wavelengths(mut self, wavelengths: Vec<f64>) -> Result<Self> {
        if wavelengths.len() != self.bands() {
            return Err(Error::argument(
                "the number of wavelengths",
                wavelengths.len(),
                format!("{}, one for each band", self.bands()),
            ));
        }
        if let Some(wrong) = wavelengths
            .iter()
            .find(|wavelength| !wavelength.is_finite())
        {
            return Err(Error::argument("a wavelength", wrong, "a finite number"));
        }
        let wrong = |place: &usize| wavelengths[place - 1] >= wavelengths[*place];
        let unsorted = (1..wavelengths.len()).find(wrong);
        if let Some(place) = unsorted {
            return Err(Error::argument(
                "the list of wavelengths",
                format!(
                    "unsorted: {} in band {} and {} in band {}",
                    wavelengths[place - 1],
                    place,
                    wavelengths[place],
                    place + 1
                ),
                "ascending from band to band; sort the bands by their wavelengths",
            ));
        }
        self.wavelengths = Some(wavelengths);
        Ok(self)
    }

    /// The same spectra with these labels, `None` where one is missing. Their names are forgotten:
    /// [`Spectra::classes`] is empty.
    ///
    /// # Errors
    /// If there is not one for each spectrum.
    pub fn with_labels(mut self, labels: Vec<Option<u32>>) -> Result<Self> {
        self.labels = labels;
        self.classes = Vec::new();
        self.check_labels()?;
        Ok(self)
    }

    /// The fields are public, so anyone may have put other labels in.
    fn check_labels(&self) -> Result<()> {
        if self.labels.len() == self.len() {
            return Ok(());
        }
        Err(Error::argument(
            "the number of labels",
            self.labels.len(),
            format!("{}, one for each spectrum", self.len()),
        ))
    }

    /// The number of spectra.
    pub fn len(&self) -> usize {
        self.spectra.dims()[0]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of bands.
    pub fn bands(&self) -> usize {
        self.spectra.dims()[1]
    }

    /// The spectra at `indices`, in this order. They are no scene any more.
    ///
    /// # Errors
    /// If there is no index, or one is not below [`Spectra::len`]; in a notebook, if the user has
    /// interrupted the cell.
    pub fn select(&self, indices: &[u32]) -> Result<Self> {
        notebook::check_stop()?;
        self.check_labels()?;
        let n = self.len();
        if indices.is_empty() {
            return Err(Error::argument(
                "the number of spectra to select",
                0,
                "1 or more",
            ));
        }
        if let Some(wrong) = indices.iter().find(|&&index| index as usize >= n) {
            return Err(Error::argument(
                "the index of a spectrum",
                wrong,
                format!("below {n}, the number of spectra"),
            ));
        }
        let rows = Tensor::new(indices, &Device::Cpu)?;
        let labels = indices.iter().map(|&index| self.labels[index as usize]);
        Ok(Self {
            spectra: self.spectra.index_select(&rows, 0)?,
            wavelengths: self.wavelengths.clone(),
            labels: labels.collect(),
            classes: self.classes.clone(),
            size: None,
        })
    }

    /// The spectra with labels and those without, each `None` if there are none of them.
    ///
    /// # Errors
    /// In a notebook, if the user has interrupted the cell.
    pub fn parts(&self) -> Result<(Option<Self>, Option<Self>)> {
        self.check_labels()?;
        let part = |is_labelled: bool| {
            let of_part = |index: &u32| self.labels[*index as usize].is_some() == is_labelled;
            let indices: Vec<u32> = (0..self.len() as u32).filter(of_part).collect();
            (!indices.is_empty())
                .then(|| self.select(&indices))
                .transpose()
        };
        Ok((part(true)?, part(false)?))
    }

    /// All labels, `[n]` of u32.
    ///
    /// # Errors
    /// If a spectrum has none.
    pub fn targets(&self) -> Result<Tensor> {
        self.check_labels()?;
        let missing = self.labels.iter().filter(|label| label.is_none()).count();
        let labels: Option<Vec<u32>> = self.labels.iter().copied().collect();
        let labels = labels.ok_or_else(|| {
            Error::argument(
                "the number of spectra without a label",
                missing,
                "0 here; `.parts()?` separates them",
            )
        })?;
        Ok(Tensor::new(labels, &Device::Cpu)?)
    }

    /// Splits the spectra at random into those to train with and this share of them, at least one, to
    /// validate with.
    ///
    /// # Errors
    /// If the share is not between 0 and 1, or there is a single spectrum.
    pub fn split(&self, valid: f64, seed: impl Seed) -> Result<(Self, Self)> {
        if !(0.0..1.0).contains(&valid) || self.len() < 2 {
            return Err(Error::argument(
                "the share of spectra to validate with",
                format!("{valid} of {}", self.len()),
                "from 0 up to 1, of at least 2 spectra",
            ));
        }
        let order = seed.draw(|rng| rng.permutation(self.len()));
        let count = ((valid * self.len() as f64).round() as usize).clamp(1, self.len() - 1);
        Ok((self.select(&order[count..])?, self.select(&order[..count])?))
    }
}

impl Examples for Spectra {
    fn len(&self) -> usize {
        self.len()
    }

    fn batch(&self, indices: &[u32]) -> Result<Batch> {
        let chosen = self.select(indices)?;
        let labels = chosen.labels.iter().map(|label| label.unwrap_or(0));
        let mask = chosen.labels.iter().map(|label| u8::from(label.is_some()));
        let targets = Tensor::from_iter(labels, &Device::Cpu)?;
        let mut batch = Batch::new(chosen.spectra, targets);
        if self.labels.contains(&None) {
            batch.mask = Some(Tensor::from_iter(mask, &Device::Cpu)?);
        }
        Ok(batch)
    }
}

/// The number of each name in the order of all, and the names. Names that are all numbers go by their
/// size, others by the alphabet.
fn numbered(labels: &[Option<String>]) -> (Vec<Option<u32>>, Vec<String>) {
    let mut names: Vec<String> = labels.iter().flatten().cloned().collect();
    names.sort();
    names.dedup();
    let numbers: Option<Vec<f64>> = names.iter().map(|name| name.parse().ok()).collect();
    if let Some(numbers) = numbers {
        let mut order: Vec<(f64, String)> = numbers.into_iter().zip(names).collect();
        order.sort_by(|(first, _), (second, _)| first.total_cmp(second));
        names = order.into_iter().map(|(_, name)| name).collect();
    }
    let places: HashMap<&String, u32> = names.iter().zip(0..).collect();
    let place = |label: &Option<String>| places.get(label.as_ref()?).copied();
    (labels.iter().map(place).collect(), names)
}
