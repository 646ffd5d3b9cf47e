//! The table of a network's layers.

use std::fmt;

use super::{Layer, Parameters, Parts, Sequential};
use crate::Result;
use crate::table::{Table, thousands};

/// A table of the layers of a network with their output shapes and parameter counts, like Keras'
/// `summary()`. It prints as text, and a notebook shows it as a table.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The input and output shape of the last layer.
    input: Vec<usize>,
    shape: Vec<usize>,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    name: String,
    kind: String,
    output: String,
    parameters: usize,
    trainable: usize,
}

impl Row {
    fn of(name: &str, layer: &dyn Layer, output: &[usize]) -> Self {
        let parameters = layer.parameters();
        Self {
            name: name.to_owned(),
            kind: layer.kind(),
            output: shape_with_batch(output),
            parameters: parameters.count(),
            trainable: trainable(&parameters),
        }
    }
}

const HEADINGS: [&str; 5] = ["Step", "Layer", "Output shape", "Parameters", "Trainable"];

impl Summary {
    /// An empty table for inputs of this shape, without the batch dimension.
    pub fn new(input: &[usize]) -> Self {
        Self {
            input: input.to_vec(),
            shape: input.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a layer that takes the output of the one before. If it joins branches, they come first,
    /// each in a row named after the layer and the branch.
    ///
    /// # Errors
    /// If it does not take this input.
    pub fn add(&mut self, name: &str, layer: &dyn Layer) -> Result<()> {
        if let Parts::Branches(branches, _) = layer.parts() {
            for (branch, layer) in branches {
                let output = layer.output_shape(&self.shape)?;
                let name = format!("{name}.{branch}");
                self.rows.push(Row::of(&name, layer, &output));
            }
            let output = layer.output_shape(&self.shape)?;
            self.add_step(name, &layer.kind(), &output);
            return Ok(());
        }
        let output = layer.output_shape(&self.shape)?;
        self.input = std::mem::replace(&mut self.shape, output);
        self.rows.push(Row::of(name, layer, &self.shape));
        Ok(())
    }

    /// Adds the layers of a network, the first of which takes the output of the layer before.
    ///
    /// # Errors
    /// If it does not take this input.
    pub fn add_all(&mut self, network: &Sequential) -> Result<()> {
        for (name, layer) in network.steps() {
            self.add(name, layer)?;
        }
        Ok(())
    }

    /// Adds a layer with the same input as the last one, such as the second of two heads. The layer
    /// after it takes the output of the first.
    ///
    /// # Errors
    /// If it does not take this input.
    pub fn add_beside(&mut self, name: &str, layer: &dyn Layer) -> Result<()> {
        let output = layer.output_shape(&self.input)?;
        self.rows.push(Row::of(name, layer, &output));
        Ok(())
    }

    /// Adds a step that is not a layer, such as joining the outputs of several heads. Its output
    /// has this shape, without the batch dimension, and is the input of the next layer.
    pub fn add_step(&mut self, name: &str, kind: &str, output: &[usize]) {
        self.input = std::mem::replace(&mut self.shape, output.to_vec());
        self.rows.push(Row {
            name: name.to_owned(),
            kind: kind.to_owned(),
            output: shape_with_batch(output),
            parameters: 0,
            trainable: 0,
        });
    }

    /// The number of all parameters.
    pub fn parameters(&self) -> usize {
        self.rows.iter().map(|row| row.parameters).sum()
    }

    /// The number of parameters that training changes.
    pub fn trainable(&self) -> usize {
        self.rows.iter().map(|row| row.trainable).sum()
    }

    /// Shows the table in a notebook, as HTML and text.
    pub fn evcxr_display(&self) {
        self.table().evcxr_display();
    }

    fn table(&self) -> Table {
        let line = |row: &Row| {
            let trainable = match row.trainable {
                _ if row.parameters == 0 => String::new(),
                0 => "no".into(),
                n if n == row.parameters => "yes".into(),
                n => format!("{} of them", thousands(n)),
            };
            vec![
                row.name.clone(),
                row.kind.clone(),
                row.output.clone(),
                thousands(row.parameters),
                trainable,
            ]
        };
        Table {
            headings: HEADINGS.map(String::from).to_vec(),
            lines: self.rows.iter().map(line).collect(),
            note: format!(
                "{} parameters, {} trainable",
                thousands(self.parameters()),
                thousands(self.trainable())
            ),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.table().fmt(f)
    }
}

fn trainable(parameters: &Parameters) -> usize {
    parameters
        .trainable()
        .map(|(_, p)| p.var().elem_count())
        .sum()
}

fn shape_with_batch(shape: &[usize]) -> String {
    let sizes: String = shape.iter().map(|n| format!(", {n}")).collect();
    format!("[batch{sizes}]")
}

#[cfg(test)]
mod tests {
    use crate::nn::{Activation, Dense, Flatten, Sequential};

    #[test]
    fn the_table_reads_like_keras() {
        let network = Sequential::input(&[1, 28, 28])
            .then("flatten", Flatten)
            .then("hidden", Dense::units(32).activation(Activation::Relu))
            .then("output", Dense::units(10))
            .build(1)
            .unwrap();
        let (_, hidden) = network.steps().nth(1).unwrap();
        hidden.parameters().freeze();
        let expected = "\
Step     Layer         Output shape  Parameters  Trainable
──────────────────────────────────────────────────────────
flatten  Flatten       [batch, 784]           0
hidden   Dense + Relu  [batch, 32]       25,120  no
output   Dense         [batch, 10]          330  yes
25,450 parameters, 330 trainable";
        assert_eq!(network.summary().unwrap().to_string(), expected);
    }
}
