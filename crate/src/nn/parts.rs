//! What a layer is made of.

use super::Layer;

/// How a layer is made of others, for its drawing and its summary.
#[derive(Debug)]
pub enum Parts<'a> {
    /// Of no others.
    Whole,
    /// Of one after the other, by name.
    Chain(Vec<(&'a str, &'a dyn Layer)>),
    /// Of named branches that all read the input, and whose outputs are joined.
    Branches(Vec<(&'a str, &'a dyn Layer)>, Join),
    /// Of a part to whose output the input is added, itself or what a second layer makes of it.
    Shortcut(&'a dyn Layer, Option<&'a dyn Layer>),
}

/// How the outputs of branches become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// They are put one after the other along that dimension of the batch.
    Concat(usize),
    /// They are added.
    Sum,
}
