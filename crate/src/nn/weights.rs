//! Weights on disk.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Tensor, pickle};

use super::{Parameters, tensor_file};
use crate::{Error, Result};

impl Parameters {
    /// Writes every parameter and buffer to a safetensors file, under its name, with a checksum. The
    /// file is there whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let tensors = self
            .iter()
            .map(|(name, p)| (name.to_owned(), p.var().into_inner()));
        tensor_file::write(path, tensors, String::new())
    }

    /// Reads every parameter and buffer from a safetensors file, or from a PyTorch state dict if
    /// the name ends in `.pth` or `.pt`. Nothing changes unless all of them are there.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged, or if a tensor is missing in it, has another shape, or is not
    /// the model's; the sentence names it.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let tensors = match path.extension().and_then(|e| e.to_str()) {
            Some("pth" | "pt") => read_pickle(path)?,
            _ => tensor_file::read(path)?.tensors,
        };
        self.load_tensors(path, tensors)
    }

    /// Takes every parameter from `tensors`, which were read from `path`.
    pub(crate) fn load_tensors(
        &self,
        path: &Path,
        mut tensors: BTreeMap<String, Tensor>,
    ) -> Result<()> {
        let names = listed(tensors.keys());
        let mut values = Vec::with_capacity(self.len());
        for (name, parameter) in self.iter() {
            let tensor = tensors.remove(name).ok_or_else(|| {
                Error::data(
                    path.display(),
                    format!(
                        "there is no tensor {name}, which the model has; the file holds {names}"
                    ),
                )
            })?;
            let expected = parameter.dims();
            if tensor.dims() != expected {
                return Err(Error::data(
                    path.display(),
                    format!(
                        "{name} is {:?} in the file, but {expected:?} in the model",
                        tensor.dims()
                    ),
                ));
            }
            let var = parameter.var();
            values.push(tensor.to_dtype(var.dtype())?.to_device(var.device())?);
        }
        if !tensors.is_empty() {
            let model = listed(self.iter().map(|(name, _)| name));
            let extra = listed(tensors.keys());
            return Err(Error::data(
                path.display(),
                format!(
                    "the file also holds {extra}, which the model does not have; it has {model}"
                ),
            ));
        }
        for ((_, parameter), value) in self.iter().zip(&values) {
            parameter.set(value)?;
        }
        Ok(())
    }
}

fn read_pickle(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    // Asked for first: a missing file should not be called a broken one.
    std::fs::metadata(path).map_err(|error| Error::io(path, error))?;
    let broken = |error| {
        Error::data(
            path.display(),
            format!("this is no PyTorch state dict: {error}"),
        )
    };
    for info in pickle::read_pth_tensor_info(path, false, None).map_err(broken)? {
        // candle would read it from the wrong place.
        if info.layout.start_offset() != 0 {
            return Err(Error::data(
                path.display(),
                format!(
                    "{} is a view of another tensor; save a `.clone()` of it",
                    info.name
                ),
            ));
        }
    }
    let tensors = pickle::read_all(path).map_err(broken)?;
    // What PyTorch's batch norm counts and nobody reads.
    let counter = |name: &str| name.ends_with("num_batches_tracked");
    Ok(tensors
        .into_iter()
        .filter(|(name, _)| !counter(name))
        .collect())
}

fn listed(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<_> = names.into_iter().map(|n| n.as_ref().to_owned()).collect();
    match names.len() {
        0 => "nothing".into(),
        1..=8 => names.join(", "),
        n => format!("{} and {} others", names[..8].join(", "), n - 8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use crate::nn::{Dense, Layer, Sequential};

    fn network(seed: u64, units: usize) -> Parameters {
        let plan = Sequential::input(&[3])
            .then("hidden", Dense::units(units))
            .then("output", Dense::units(1));
        plan.build(&mut Rng::new(seed)).unwrap().parameters()
    }

    fn values(parameters: &Parameters) -> Vec<f32> {
        let flat = |p: &crate::nn::Parameter| p.tensor().flatten_all()?.to_vec1::<f32>();
        let all = parameters.iter().map(|(_, p)| flat(p).unwrap());
        all.collect::<Vec<_>>().concat()
    }

    #[test]
    fn what_was_saved_is_loaded_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/weights.safetensors");
        let (saved, loaded) = (network(1, 4), network(2, 4));
        assert_ne!(values(&saved), values(&loaded));
        saved.save(&path).unwrap();
        loaded.load(&path).unwrap();
        assert_eq!(values(&saved), values(&loaded));
    }

    fn load_error(saved: &Parameters) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        saved.save(&path).unwrap();
        let model = network(2, 4);
        let before = values(&model);
        let error = model.load(&path).unwrap_err().to_string();
        assert_eq!(values(&model), before, "a failed load changes nothing");
        error.replace(&path.display().to_string(), "w")
    }

    #[test]
    fn a_misshapen_tensor_is_named() {
        assert_eq!(
            load_error(&network(1, 5)),
            "w: hidden.weight is [5, 3] in the file, but [4, 3] in the model."
        );
    }

    #[test]
    fn a_missing_tensor_is_named() {
        let all = network(1, 4);
        let mut few = Parameters::new();
        for (name, p) in all.iter().filter(|(name, _)| *name != "output.bias") {
            few = few.with(name, p);
        }
        assert_eq!(
            load_error(&few),
            "w: there is no tensor output.bias, which the model has; the file holds hidden.bias, hidden.weight, output.weight."
        );
    }

    #[test]
    fn an_extra_tensor_is_named() {
        let more = network(1, 4).nest("third", network(1, 1));
        let error = load_error(&more);
        assert!(
            error.starts_with("w: the file also holds third.hidden.bias, third.hidden.weight,"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_safetensors_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        std::fs::write(&path, "not weights").unwrap();
        let error = network(1, 4).load(&path).unwrap_err().to_string();
        assert!(error.contains("no whole safetensors file"), "{error}");
        let error = network(1, 4)
            .load(folder.path().join("none.pth"))
            .unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
    }
}
