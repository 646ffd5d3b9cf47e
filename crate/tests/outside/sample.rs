//! The samples that `make_samples.py` has written.

use std::{collections::BTreeMap, path::PathBuf};

use cuaderno::prelude::*;
use serde::Deserialize;
use serde_json::Value;

/// One sample in the form of our operation, and what PyTorch computed in f64.
#[derive(Clone)]
pub struct Sample {
    pub name: String,
    pub operation: String,
    pub config: Value,
    /// In f32, which f64 holds exactly.
    pub inputs: Vec<(String, Tensor)>,
    /// Whole numbers: targets, words, lengths.
    pub ids: Vec<(String, Tensor)>,
    pub outputs: Vec<(String, Tensor)>,
    /// The outputs that have a gradient.
    pub differentiable: Vec<String>,
    /// One for each input.
    pub gradients: Vec<Tensor>,
}

type Shapes = Vec<(String, Vec<usize>)>;

#[derive(Deserialize)]
struct Suite {
    samples: Vec<Entry>,
    left_out: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    operation: String,
    config: Value,
    inputs: Shapes,
    ids: Shapes,
    outputs: Shapes,
    differentiable: Vec<String>,
}

/// All samples, and how many have no form here, by reason.
pub fn load() -> (Vec<Sample>, BTreeMap<String, usize>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/outside/samples.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let suite = &metadata.metadata().as_ref().unwrap()["suite"];
    let suite: Suite = serde_json::from_str(suite).unwrap();

    let values = cuaderno::candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap();
    let mut inputs = Values::new(&values["inputs"]);
    let mut results = Values::new(&values["results"]);
    let mut ids = Values::new(&values["ids"]);
    let samples = suite
        .samples
        .into_iter()
        .map(|entry| Sample {
            outputs: results.named(&entry.outputs),
            gradients: entry
                .inputs
                .iter()
                .map(|(_, shape)| results.next(shape))
                .collect(),
            inputs: inputs.named(&entry.inputs),
            ids: ids.named(&entry.ids),
            name: entry.name,
            operation: entry.operation,
            config: entry.config,
            differentiable: entry.differentiable,
        })
        .collect();
    (samples, suite.left_out)
}

/// Numbers of which one tensor after the other is taken.
struct Values<'a> {
    all: &'a Tensor,
    taken: usize,
}

impl<'a> Values<'a> {
    fn new(all: &'a Tensor) -> Self {
        Self { all, taken: 0 }
    }

    fn next(&mut self, shape: &[usize]) -> Tensor {
        let count = shape.iter().product();
        let tensor = self.all.narrow(0, self.taken, count).unwrap();
        self.taken += count;
        tensor.force_contiguous().unwrap().reshape(shape).unwrap()
    }

    fn named(&mut self, shapes: &Shapes) -> Vec<(String, Tensor)> {
        let named = shapes
            .iter()
            .map(|(name, shape)| (name.clone(), self.next(shape)));
        named.collect()
    }
}
