//! What a diagram is made of.

use crate::Result;
use crate::nn::{Join, Layer, Parts};

/// A part of a network, with the shapes that its layers put out.
pub(super) enum Block {
    /// What a layer puts out.
    Output {
        layer: String,
        shape: Vec<usize>,
    },
    Chain(Vec<Block>),
    /// Parts with one input, by name, and how their outputs are joined.
    Lanes(Vec<(String, Block)>, Join, Vec<usize>),
    /// A part with a way around it, on which there may be a layer.
    Around(Box<Block>, Option<String>),
    /// A part under a name of its own.
    Named(String, Box<Block>),
}

impl Block {
    pub fn input(shape: &[usize]) -> Self {
        Self::step("Input", shape)
    }

    pub fn step(name: &str, output: &[usize]) -> Self {
        Self::Output {
            layer: name.to_owned(),
            shape: output.to_vec(),
        }
    }

    /// The drawing of a layer that takes `input`.
    pub fn of(layer: &dyn Layer, input: &[usize]) -> Result<Self> {
        match layer.parts() {
            Parts::Whole => Ok(Self::step(&layer.kind(), &layer.output_shape(input)?)),
            Parts::Chain(steps) => {
                let mut shape = input.to_vec();
                let mut blocks = Vec::new();
                for (name, step) in steps {
                    let block = Self::of(step, &shape)?;
                    shape = step.output_shape(&shape)?;
                    blocks.push(match step.parts() {
                        Parts::Whole | Parts::Branches(..) => block,
                        Parts::Chain(_) | Parts::Shortcut(..) => {
                            Self::Named(name.to_owned(), Box::new(block))
                        }
                    });
                }
                Ok(Self::Chain(blocks))
            }
            Parts::Branches(branches, join) => {
                let lane = |(name, branch): (&str, &dyn Layer)| {
                    Ok((name.to_owned(), Self::of(branch, input)?))
                };
                let lanes = branches.into_iter().map(lane).collect::<Result<_>>()?;
                Ok(Self::Lanes(lanes, join, layer.output_shape(input)?))
            }
            Parts::Shortcut(main, shortcut) => {
                let main = Box::new(Self::of(main, input)?);
                Ok(Self::Around(main, shortcut.map(Layer::kind)))
            }
        }
    }

    /// The shapes of all that is drawn.
    pub fn shapes(&self) -> Vec<&[usize]> {
        match self {
            Self::Output { shape, .. } => vec![shape],
            Self::Chain(blocks) => blocks.iter().flat_map(Self::shapes).collect(),
            Self::Lanes(lanes, ..) => lanes.iter().flat_map(|(_, lane)| lane.shapes()).collect(),
            Self::Around(block, _) | Self::Named(_, block) => block.shapes(),
        }
    }
}
