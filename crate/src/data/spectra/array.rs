//! Arrays of numbers as files hold them, before they are spectra.

use candle_core::{Device, Tensor};

use super::Spectra;
use crate::{Error, Result};

/// The most numbers that a file may hold: 256 MB of f32. Scenes that are studied have a third of it.
pub(super) const MOST_NUMBERS: usize = 1 << 26;

/// The most dimensions of an array, as in NumPy 1.
const MOST_DIMENSIONS: usize = 32;

/// Numbers in row-major order.
#[derive(Debug)]
pub(super) struct Array {
    pub(super) dims: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// How many numbers an array of these sizes has.
pub(super) fn count(file: &str, dims: &[usize]) -> Result<usize> {
    if dims.len() > MOST_DIMENSIONS {
        let problem = format!(
            "the header announces {} dimensions, but an array has at most {MOST_DIMENSIONS}; the \
             header is wrong",
            dims.len()
        );
        return Err(Error::data(file, problem));
    }
    let product = dims.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
    product
        .filter(|n| (1..=MOST_NUMBERS).contains(n))
        .ok_or_else(|| {
            Error::data(
                file,
                format!(
                    "the header announces {}, but an array of spectra has from 1 to {MOST_NUMBERS} \
                     numbers; the header is wrong, or cut the scene into parts",
                    sizes(dims)
                ),
            )
        })
}

/// `95 x 95 x 156`.
pub(super) fn sizes(dims: &[usize]) -> String {
    const MOST: usize = 6;
    let sizes: Vec<String> = dims.iter().take(MOST).map(usize::to_string).collect();
    match dims.len() {
        0 => "a single number".to_owned(),
        1..=MOST => sizes.join(" x "),
        more => format!("{} x …, {more} dimensions", sizes.join(" x ")),
    }
}

impl Array {
    /// An array of `dims` whose number at `[i, j, ..]` lies in `stored` at `i * steps[0] + j *
    /// steps[1] + ..`.
    pub(super) fn rearranged(stored: Vec<f32>, dims: Vec<usize>, steps: &[usize]) -> Self {
        if steps == row_major(&dims) {
            return Self {
                dims,
                values: stored,
            };
        }
        // A place is below MOST_NUMBERS.
        let mut places = vec![0u32];
        for (&size, &step) in dims.iter().zip(steps) {
            let along = |&place: &u32| (0..size).map(move |i| place + (i * step) as u32);
            places = places.iter().flat_map(along).collect();
        }
        let values = places.iter().map(|&place| stored[place as usize]).collect();
        Self { dims, values }
    }

    /// The same for numbers that are stored column by column, as Fortran and MATLAB have them.
    pub(super) fn of_columns(stored: Vec<f32>, dims: Vec<usize>) -> Self {
        let step = |place: usize| dims[..place].iter().product();
        let steps: Vec<usize> = (0..dims.len()).map(step).collect();
        Self::rearranged(stored, dims, &steps)
    }

    /// The spectra of `file`: a row for each, or a scene `[height, width, bands]`.
    pub(super) fn into_spectra(self, file: &str) -> Result<Spectra> {
        let (n, bands, size) = match self.dims[..] {
            [n, bands] => (n, bands, None),
            [height, width, bands] => (height * width, bands, Some([height, width])),
            ref other => {
                return Err(Error::data(
                    file,
                    format!(
                        "the array is {}, but spectra are [spectra, bands] and a scene is [height, \
                         width, bands]",
                        sizes(other)
                    ),
                ));
            }
        };
        let spectra = Tensor::from_vec(self.values, (n, bands), &Device::Cpu)?;
        let mut spectra = Spectra::new(spectra).map_err(|error| error.at(file))?;
        spectra.size = size;
        Ok(spectra)
    }

    /// The numbers as labels: whole, from 0 to below 2²⁴, where f32 has all of them. Those of a scene
    /// of this size may be a list, or a map of the same size.
    pub(super) fn into_labels(self, file: &str, scene: Option<[usize; 2]>) -> Result<Vec<u32>> {
        if let (&[height, width], Some(scene)) = (&self.dims[..], scene)
            && height.min(width) > 1
            && [height, width] != scene
        {
            let (found, scene) = (sizes(&self.dims), sizes(&scene));
            let problem = format!(
                "the map of labels is {found}, but the scene is {scene}; it may be transposed"
            );
            return Err(Error::data(file, problem));
        }
        let label = |(place, value): (usize, f32)| {
            let label = value as u32;
            match label as f32 == value && label < 1 << 24 {
                true => Ok(label),
                false => Err(Error::data(
                    file,
                    format!(
                        "number {} is {value}, but a label is 0, 1, 2, …, at most 16777215",
                        place + 1
                    ),
                )),
            }
        };
        self.values.into_iter().enumerate().map(label).collect()
    }
}

fn row_major(dims: &[usize]) -> Vec<usize> {
    (1..=dims.len())
        .map(|place| dims[place..].iter().product())
        .collect()
}
