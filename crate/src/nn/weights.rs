//! Saving and loading weights.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::Tensor;

use super::pytorch_file::{self, Kind};
use super::pytorch_pickle;
use super::{Parameters, tensor_file};
use crate::{Error, Result};

impl Parameters {
    /// Writes every parameter and buffer to a safetensors file, under its name, with a checksum.
    /// The file is written as a whole or not at all.
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

    /// Reads every parameter and buffer from a safetensors file, or from a file written by
    /// PyTorch's `torch.save`, whatever its name: a state dict, or a checkpoint with one under
    /// `state_dict`, `model_state_dict`, `model` or a single other key. PyTorch's counters
    /// `num_batches_tracked` are ignored. Nothing is changed unless all parameters and buffers are
    /// there.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged, or a tensor is missing, has the wrong shape, or
    /// does not belong to the model; the error names it.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let mut tensors = match pytorch_file::kind(path)? {
            Kind::Archive => pytorch_file::read(path)?,
            Kind::Pickle => pytorch_pickle::read(path)?,
            Kind::Other => tensor_file::read(path)?.tensors,
        };
        // A counter of PyTorch's batch norm that nothing reads.
        tensors.retain(|name, _| !name.ends_with("num_batches_tracked"));
        self.load_tensors(path, tensors)
    }

    /// Sets every parameter to its values in `tensors`, which were read from `path`.
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

pub(super) fn listed(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
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

    fn fixture(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/weights")
            .join(name)
    }

    /// The model of all fixtures: 3 inputs and 2 units, with weights from 1 to 6 and biases 0.5 and
    /// -0.5.
    fn small() -> Parameters {
        let plan = Sequential::input(&[3]).then("hidden", Dense::units(2));
        plan.build(&mut Rng::new(1)).unwrap().parameters()
    }

    #[test]
    fn weights_are_read_whatever_program_wrote_them() {
        for name in [
            "capitals.PTH",
            "nested.pth",
            "legacy.pth",
            "lightning.ckpt",
            "counter.safetensors",
        ] {
            let model = small();
            model.load(fixture(name)).unwrap();
            assert_eq!(
                values(&model),
                [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5, -0.5],
                "{name}"
            );
        }
    }

    #[test]
    fn weights_that_do_not_fit_are_refused_in_a_sentence() {
        let refused = |name: &str| {
            let error = small().load(fixture(name)).unwrap_err().to_string();
            error.split_once(": ").unwrap().1.to_owned()
        };
        assert_eq!(
            refused("bool_extra.safetensors"),
            "the file also holds mask, which the model does not have; it has hidden.weight, \
             hidden.bias."
        );
        assert_eq!(
            refused("short_arguments.pth"),
            "hidden.weight is described in a way that is not known here; save it as a plain \
             tensor."
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
