//! Embeddings: vectors for words.

use candle_core::Tensor;

use super::layer::{Layer, Pass, Plan, forward_is_evaluation};
use super::{Initialiser, Parameter, Parameters};
use crate::{Error, Result, Rng, ops};

/// Looks up a row of a table for each id: integers `[batch, time]` become vectors `[batch, time,
/// dimensions]`. See [`ops::embedding`](crate::ops::embedding).
///
/// ```
/// use cuaderno::{nn::{Embedding, Plan}, prelude::*};
/// let layer = Embedding::table(8169, 32).build(&[75], &mut Rng::new(6202))?;
/// let words = Tensor::zeros((4, 75), DType::U32, &Device::Cpu)?;
/// assert_eq!(layer.forward(&words)?.dims(), [4, 75, 32]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Embedding {
    weight: Parameter,
    padding: Option<u32>,
}

/// Configuration of an [`Embedding`] layer. Its table is initialised as in Keras, uniformly within
/// ±0.05.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddingPlan {
    vocabulary: usize,
    dimensions: usize,
    padding: Option<u32>,
    initialiser: Initialiser,
}

impl Embedding {
    /// A layer with a vector of `dimensions` numbers for each id below `vocabulary`.
    pub fn table(vocabulary: usize, dimensions: usize) -> EmbeddingPlan {
        EmbeddingPlan {
            vocabulary,
            dimensions,
            padding: None,
            initialiser: Initialiser::Uniform(0.05),
        }
    }

    /// A layer with these vectors, `[vocabulary, dimensions]`, such as those of GloVe. Freeze its
    /// parameters to keep them.
    ///
    /// # Errors
    /// If `vectors` is not a matrix.
    pub fn pretrained(vectors: &Tensor) -> Result<Self> {
        if vectors.rank() != 2 {
            return Err(Error::shape(
                "Embedding",
                format!(
                    "the vectors are {:?}, but they must be [vocabulary, dimensions].",
                    vectors.dims()
                ),
            ));
        }
        Ok(Self {
            weight: Parameter::new(vectors)?,
            padding: None,
        })
    }

    /// The table, `[vocabulary, dimensions]`.
    pub fn weight(&self) -> &Parameter {
        &self.weight
    }
}

impl EmbeddingPlan {
    /// Sets the id of padding, whose vector is zero and is not trained.
    pub fn padding(mut self, id: u32) -> Self {
        self.padding = Some(id);
        self
    }

    /// Sets how the table is initialised. PyTorch uses `Initialiser::Normal(1.0)`.
    pub fn initialiser(mut self, initialiser: Initialiser) -> Self {
        self.initialiser = initialiser;
        self
    }
}

impl Plan for EmbeddingPlan {
    type Built = Embedding;

    fn build(&self, _: &[usize], rng: &mut Rng) -> Result<Embedding> {
        let shape = [self.vocabulary, self.dimensions];
        if shape.contains(&0)
            || self
                .padding
                .is_some_and(|id| id as usize >= self.vocabulary)
        {
            return Err(Error::argument(
                "the table of an Embedding",
                format!("{shape:?} with the padding {:?}", self.padding),
                "one word and one dimension or more, the padding being one of the words",
            ));
        }
        let mut table = self.initialiser.draw(&shape, rng)?;
        if let Some(id) = self.padding {
            let zeros = Initialiser::Zeros.draw(&[1, self.dimensions], rng)?;
            let row = id as usize;
            table = table.slice_assign(&[row..row + 1, 0..self.dimensions], &zeros)?;
        }
        Ok(Embedding {
            weight: Parameter::new(&table)?,
            padding: self.padding,
        })
    }
}

impl Layer for Embedding {
    fn apply(&self, ids: &Tensor, _: &mut Pass) -> Result<Tensor> {
        ops::embedding(ids, &self.weight.tensor(), self.padding)
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok([input, &self.weight.dims()[1..]].concat())
    }

    fn parameters(&self) -> Parameters {
        Parameters::new().with("weight", &self.weight)
    }

    fn kind(&self) -> String {
        "Embedding".into()
    }
}

forward_is_evaluation!(Embedding);
