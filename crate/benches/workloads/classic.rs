//! Principal components, nearest neighbours and t-SNE, on MNIST.

use std::collections::HashMap;
use std::path::Path;

use cuaderno::candle_core::safetensors;
use cuaderno::prelude::*;
use cuaderno::{Error, Result};

use crate::Task;

/// The names, as `compare.py` knows them.
pub const NAMES: [&str; 3] = ["pca", "knn", "tsne"];

/// What is computed over and over, and from what.
pub struct Classic {
    compute: fn(&Data) -> Result<f64>,
    data: Data,
}

type Data = HashMap<&'static str, Tensor>;

/// The workload of that name.
pub fn build(name: &str) -> Result<Classic> {
    let mnist = Mnist::load_or_sample()?;
    let pixels = mnist.train.images.flatten_from(1)?;
    if name == "pca" {
        return Ok(Classic {
            compute: pca,
            data: HashMap::from([("x", pixels)]),
        });
    }
    let pca = Pca::params(32).fit(&pixels)?;
    let codes = pca.transform(&pixels)?;
    if name == "tsne" {
        let codes = codes.narrow(0, 0, codes.dims()[0].min(5000))?;
        return Ok(Classic {
            compute: tsne,
            data: HashMap::from([("x", codes)]),
        });
    }
    let queries = pca.transform(&mnist.test.images.flatten_from(1)?)?;
    Ok(Classic {
        compute: knn,
        data: HashMap::from([
            ("x", codes),
            ("labels", mnist.train.labels),
            ("queries", queries),
            ("query_labels", mnist.test.labels),
        ]),
    })
}

/// The part of the variance that 32 components explain.
fn pca(data: &Data) -> Result<f64> {
    let pca = Pca::params(32).fit(&data["x"])?;
    pca.transform(&data["x"])?;
    Ok(pca.explained_variance_ratio().iter().sum())
}

/// The accuracy of the classes by 10 neighbours.
fn knn(data: &Data) -> Result<f64> {
    let knn = Knn::params(10).fit((&data["x"], &data["labels"]))?;
    accuracy(&data["query_labels"], &knn.predict(&data["queries"])?)
}

/// The divergence of a map after 1000 iterations.
fn tsne(data: &Data) -> Result<f64> {
    let params = TSne::params().perplexity(30.0).seed(6202).quiet();
    Ok(params.fit(&data["x"])?.kl_divergence)
}

impl Task for Classic {
    fn least_steps(&self) -> usize {
        1
    }

    fn step(&mut self) -> Result<f64> {
        (self.compute)(&self.data)
    }

    fn export(&self, path: &Path) -> Result<()> {
        safetensors::save(&self.data, path).map_err(Error::from)
    }
}
