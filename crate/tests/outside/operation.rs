//! Our operation for a sample.

use std::collections::HashMap;

use cuaderno::ops::{
    self, Activation, ChannelStatistics, Conv1dOptions, Conv2dOptions, ConvTranspose1dOptions,
    ConvTranspose2dOptions, CrossEntropy, Direction, LstmState, Pool2d, RecurrentWeights,
    Reduction, Resize, RnnActivation, Sweep,
};
use cuaderno::{Result, prelude::*};
use serde::de::DeserializeOwned;

use crate::sample::Sample;

/// A sample's operation on given inputs.
pub struct Call<'a> {
    sample: &'a Sample,
    inputs: HashMap<&'a str, Tensor>,
}

impl<'a> Call<'a> {
    /// `inputs` in the order of those of the sample.
    pub fn new(sample: &'a Sample, inputs: &[Tensor]) -> Self {
        let names = sample.inputs.iter().map(|(name, _)| name.as_str());
        Self {
            sample,
            inputs: names.zip(inputs.iter().cloned()).collect(),
        }
    }

    /// The outputs, in the order of those of the sample.
    pub fn run(&self) -> Result<Vec<Tensor>> {
        let linear = Activation::Linear;
        let output = match self.sample.operation.as_str() {
            "activation" => self.get::<Activation>("activation").apply(self.x()),
            "prelu" => ops::prelu(self.x(), self.weight()),
            "linear" => ops::linear(self.x(), self.weight(), self.bias(), linear),
            "conv1d" => {
                let config = Conv1dOptions {
                    stride: self.axes::<1>("stride")[0],
                    padding: self.axes::<1>("padding")[0],
                    dilation: self.axes::<1>("dilation")[0],
                    groups: self.get("groups"),
                };
                ops::conv1d(self.x(), self.weight(), self.bias(), config, linear)
            }
            "conv2d" => {
                let config = Conv2dOptions {
                    stride: self.axes("stride"),
                    padding: self.axes("padding"),
                    dilation: self.axes("dilation"),
                    groups: self.get("groups"),
                };
                ops::conv2d(self.x(), self.weight(), self.bias(), config, linear)
            }
            "conv_transpose1d" => {
                let config = ConvTranspose1dOptions {
                    stride: self.axes::<1>("stride")[0],
                    padding: self.axes::<1>("padding")[0],
                    output_padding: self.axes::<1>("output_padding")[0],
                    dilation: self.axes::<1>("dilation")[0],
                    groups: self.get("groups"),
                };
                ops::conv_transpose1d(self.x(), self.weight(), self.bias(), config, linear)
            }
            "conv_transpose2d" => {
                let config = ConvTranspose2dOptions {
                    stride: self.axes("stride"),
                    padding: self.axes("padding"),
                    output_padding: self.axes("output_padding"),
                    dilation: self.axes("dilation"),
                    groups: self.get("groups"),
                };
                ops::conv_transpose2d(self.x(), self.weight(), self.bias(), config, linear)
            }
            "max_pool2d" => ops::max_pool2d(self.x(), self.windows()),
            "avg_pool2d" => ops::avg_pool2d(self.x(), self.windows(), self.get("count_padding")),
            "upsample_nearest2d" => ops::upsample_nearest2d(self.x(), self.size()),
            "upsample_bilinear2d" => {
                ops::upsample_bilinear2d(self.x(), self.size(), self.get("align_corners"))
            }
            "softmax" => ops::softmax(self.x(), self.get::<usize>("dim")),
            "log_softmax" => ops::log_softmax(self.x(), self.get::<usize>("dim")),
            "embedding" => ops::embedding(self.ids("ids"), self.weight(), self.get("padding")),
            "layer_norm" => {
                let epsilon = self.get("epsilon");
                ops::layer_norm(self.x(), self.weight(), self.input("bias"), epsilon)
            }
            "batch_norm" => return self.batch_norm(),
            "cross_entropy" => {
                let options = CrossEntropy {
                    class_weights: self.inputs.get("class_weights").cloned(),
                    ignore_index: Some(self.get("ignore_index")),
                    label_smoothing: self.get("label_smoothing"),
                    reduction: self.reduction(),
                };
                ops::cross_entropy(self.input("logits"), self.ids("targets"), &options)
            }
            "bce_with_logits" => {
                ops::bce_with_logits(self.x(), self.input("target"), self.reduction())
            }
            "weighted_bce_with_logits" => {
                let weight = self.input("pos_weight").detach();
                let (x, target) = (self.x(), self.input("target"));
                ops::weighted_bce_with_logits(x, target, &weight, self.reduction())
            }
            "mse" => ops::mse(self.x(), self.input("target"), self.reduction()),
            "rnn" | "gru" | "lstm" => return self.recurrent(),
            other => unreachable!("{other}"),
        };
        Ok(vec![output?])
    }

    fn batch_norm(&self) -> Result<Vec<Tensor>> {
        let (x, weight, bias) = (self.x(), self.weight(), self.input("bias"));
        let epsilon = self.get("epsilon");
        let running = || ChannelStatistics {
            mean: self.input("mean").clone(),
            variance: self.input("variance").clone(),
        };
        if !self.get::<bool>("training") {
            return Ok(vec![ops::batch_norm(x, weight, bias, &running(), epsilon)?]);
        }
        let (output, batch) = ops::batch_norm_training(x, weight, bias, epsilon)?;
        Ok(match self.get::<Option<f64>>("momentum") {
            Some(momentum) => {
                let moved = running().moved_towards(&batch, momentum)?;
                vec![output, moved.mean, moved.variance]
            }
            None => vec![output],
        })
    }

    /// Layers above each other, each in one direction or in both.
    fn recurrent(&self) -> Result<Vec<Tensor>> {
        let mut sequence = self.x().clone();
        let mask = match self.sample.ids.first() {
            Some((_, lengths)) => {
                let lengths = lengths.to_vec1::<i64>()?;
                let lengths: Vec<usize> = lengths.into_iter().map(|n| n as usize).collect();
                Some(ops::mask_of_lengths(&lengths, sequence.dim(1)?)?)
            }
            None => None,
        };
        let directions = match self.get("bidirectional") {
            true => &[(Direction::Forward, ""), (Direction::Reverse, "_reverse")][..],
            false => &[(Direction::Forward, "")],
        };
        let (mut hiddens, mut cells) = (Vec::new(), Vec::new());
        for layer in 0..self.get("layers") {
            let mut sequences = Vec::new();
            for &(direction, suffix) in directions {
                let weights = self.weights(&format!("_l{layer}{suffix}"))?;
                let sweep = Sweep {
                    direction,
                    mask: mask.clone(),
                };
                let state = |name| {
                    let states: Option<&Tensor> = self.inputs.get(name);
                    states.map(|states| states.get(hiddens.len())).transpose()
                };
                let (hidden, cell) = (state("hidden")?, state("cell")?);
                if self.sample.operation == "lstm" {
                    let initial = hidden.zip(cell);
                    let initial = initial.map(|(hidden, cell)| LstmState { hidden, cell });
                    let output = ops::lstm(&sequence, &weights, initial.as_ref(), &sweep)?;
                    sequences.push(output.sequence);
                    hiddens.push(output.state.hidden);
                    cells.push(output.state.cell);
                    continue;
                }
                let output = if self.sample.operation == "gru" {
                    ops::gru(&sequence, &weights, hidden.as_ref(), &sweep)?
                } else {
                    let activation = match self.get::<String>("activation").as_str() {
                        "Relu" => RnnActivation::Relu,
                        _ => RnnActivation::Tanh,
                    };
                    ops::rnn(&sequence, &weights, activation, hidden.as_ref(), &sweep)?
                };
                sequences.push(output.sequence);
                hiddens.push(output.hidden);
            }
            sequence = Tensor::cat(&sequences, 2)?;
        }
        let mut outputs = vec![sequence, Tensor::stack(&hiddens, 0)?];
        if !cells.is_empty() {
            outputs.push(Tensor::stack(&cells, 0)?);
        }
        Ok(outputs)
    }

    /// The weights of one layer and direction; zeros where the sample has no biases.
    fn weights(&self, suffix: &str) -> Result<RecurrentWeights> {
        let tensor = |name: &str| self.inputs.get(format!("{name}{suffix}").as_str()).cloned();
        let weight_ih = tensor("weight_ih").unwrap();
        let zeros = Tensor::zeros(weight_ih.dim(0)?, weight_ih.dtype(), &Device::Cpu)?;
        Ok(RecurrentWeights {
            weight_ih,
            weight_hh: tensor("weight_hh").unwrap(),
            bias_ih: tensor("bias_ih").unwrap_or_else(|| zeros.clone()),
            bias_hh: tensor("bias_hh").unwrap_or(zeros),
        })
    }

    fn input(&self, name: &str) -> &Tensor {
        &self.inputs[name]
    }

    fn x(&self) -> &Tensor {
        self.input("x")
    }

    fn weight(&self) -> &Tensor {
        self.input("weight")
    }

    fn bias(&self) -> Option<&Tensor> {
        self.inputs.get("bias")
    }

    fn ids(&self, name: &str) -> &Tensor {
        let mut ids = self.sample.ids.iter();
        &ids.find(|(other, _)| other == name).unwrap().1
    }

    fn get<T: DeserializeOwned>(&self, key: &str) -> T {
        let value = &self.sample.config[key];
        T::deserialize(value).unwrap_or_else(|error| panic!("{}, {key}: {error}", self.sample.name))
    }

    fn axes<const N: usize>(&self, key: &str) -> [usize; N] {
        self.get::<Vec<usize>>(key).try_into().unwrap()
    }

    fn windows(&self) -> Pool2d {
        Pool2d {
            kernel: self.axes("kernel"),
            stride: self.axes("stride"),
            padding: self.axes("padding"),
            ceil_mode: self.get("ceil_mode"),
        }
    }

    fn size(&self) -> Resize {
        Resize::To(self.axes("size"))
    }

    fn reduction(&self) -> Reduction {
        match self.get::<String>("reduction").as_str() {
            "sum" => Reduction::Sum,
            "none" => Reduction::None,
            _ => Reduction::Mean,
        }
    }
}
