//! The drawing of a network: `diagram()` of networks and models.

mod block;
mod drawing;
mod volume;

use self::block::Block;
use self::drawing::Pen;
use super::canvas::{Area, Drawn};
use super::style::MARGIN;
use super::theme::Room;
use super::{Figure, Plot};
use crate::Result;
use crate::models::{Autoencoder, CategoricalVae, Classifier, Gan, JointVae, M1, Tagger, Vae};
use crate::nn::Sequential;

/// Space between rows.
const ROW_GAP: f64 = 20.0;

/// A network from left to right, in as many rows as it needs.
struct Diagram {
    chain: Vec<Block>,
}

impl Diagram {
    fn figure(chain: Vec<Block>) -> Result<Figure> {
        Figure::new("diagram", Diagram { chain })
    }

    fn pen(&self) -> Pen {
        let shapes: Vec<_> = self.chain.iter().flat_map(Block::shapes).collect();
        Pen::for_shapes(&shapes)
    }

    /// The blocks of each row, which is no wider than the sheet if they can be parted.
    fn rows(&self, pen: &Pen, room: Room) -> Vec<&[Block]> {
        let most = room.sheet - 2.0 * MARGIN;
        let mut rows = Vec::new();
        let mut start = 0;
        for end in 1..self.chain.len() {
            let width = pen.chain_extent(&self.chain[start..=end]).width;
            // A single output, such as the input, is no row of its own.
            let is_single = matches!(self.chain[start..end], [Block::Output { .. }]);
            if width > most && !is_single {
                rows.push(&self.chain[start..end]);
                start = end;
            }
        }
        rows.push(&self.chain[start..]);
        rows
    }
}

impl Plot for Diagram {
    fn size(&self, room: Room) -> (f64, f64) {
        let pen = self.pen();
        let extents = self.rows(&pen, room).into_iter();
        let extents = extents.map(|row| pen.chain_extent(row));
        let (width, height) = extents.fold((room.sheet / 2.0, 0.0), |(width, height), row| {
            let row_width = row.width + 2.0 * MARGIN;
            (row_width.max(width), height + row.up + row.down + ROW_GAP)
        });
        (width.ceil(), (height - ROW_GAP + 2.0 * MARGIN).ceil())
    }

    fn is_line_art(&self) -> bool {
        true
    }

    fn draw(&self, area: &Area, room: Room) -> Drawn {
        let pen = self.pen();
        let width = self.size(room).0;
        let mut top = MARGIN;
        for row in self.rows(&pen, room) {
            let extent = pen.chain_extent(row);
            let left = (width - extent.width) / 2.0;
            pen.draw_chain(area, row, (left, top + extent.up))?;
            top += extent.up + extent.down + ROW_GAP;
        }
        Ok(())
    }
}

impl Sequential {
    /// The network as papers draw it, from left to right: what each layer puts out, as large as its
    /// shape says, with the layer's name above it and the shape below. The sides of images are drawn
    /// to one scale; numbers of channels and of features grow with their logarithm. What is wider
    /// than a figure goes on in a second row.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let network = Sequential::input(&[1, 28, 28])
    ///     .then("conv", Conv2d::filters(16).padding(1).activation(Activation::Relu))
    ///     .then("pool", MaxPool2d::window(2))
    ///     .then("flatten", Flatten)
    ///     .then("digits", Dense::units(10))
    ///     .build(6202)?;
    /// let svg = network.diagram()?.svg()?;
    /// assert!(svg.contains("Conv2d + Relu") && svg.contains("14 × 14"));
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a layer does not take the output shape of the one before, or the network has more layers
    /// than a figure has room for.
    pub fn diagram(&self) -> Result<Figure> {
        let mut chain = vec![Block::input(self.input_shape())];
        match Block::of(self, self.input_shape())? {
            Block::Chain(blocks) => chain.extend(blocks),
            block => chain.push(block),
        }
        Diagram::figure(chain)
    }
}

impl Classifier {
    /// As [`Sequential::diagram`].
    ///
    /// # Errors
    /// As [`Sequential::diagram`].
    pub fn diagram(&self) -> Result<Figure> {
        self.network().diagram()
    }
}

impl Tagger {
    /// As [`Sequential::diagram`].
    ///
    /// # Errors
    /// As [`Sequential::diagram`].
    pub fn diagram(&self) -> Result<Figure> {
        self.network().diagram()
    }
}

/// Two networks, one after the other, with a step between them.
fn of_halves(halves: [(&str, &Sequential); 2], between: Option<Block>) -> Result<Figure> {
    let [first, second] = halves;
    let named = |(name, network): (&str, &Sequential)| {
        let blocks = Block::of(network, network.input_shape())?;
        Ok::<_, crate::Error>(Block::Named(name.to_owned(), Box::new(blocks)))
    };
    let mut chain = vec![Block::input(first.1.input_shape()), named(first)?];
    chain.extend(between);
    chain.push(named(second)?);
    Diagram::figure(chain)
}

/// The step of a variational autoencoder that draws a code.
fn sampling(decoder: &Sequential) -> Option<Block> {
    Some(Block::step("Sampling", decoder.input_shape()))
}

impl Autoencoder {
    /// The encoder and the decoder, drawn as [`Sequential::diagram`] does.
    ///
    /// # Errors
    /// As [`Sequential::diagram`].
    pub fn diagram(&self) -> Result<Figure> {
        of_halves(self.halves(), None)
    }
}

impl Gan {
    /// The generator and the discriminator, drawn as [`Sequential::diagram`] does.
    ///
    /// # Errors
    /// As [`Sequential::diagram`].
    pub fn diagram(&self) -> Result<Figure> {
        of_halves(self.halves(), None)
    }
}

macro_rules! diagram_with_sampling {
    ($model:ty) => {
        impl $model {
            /// The encoder, the sampling and the decoder, drawn as [`Sequential::diagram`] does.
            ///
            /// # Errors
            /// As [`Sequential::diagram`].
            pub fn diagram(&self) -> Result<Figure> {
                let halves = self.halves();
                of_halves(halves, sampling(halves[1].1))
            }
        }
    };
}

diagram_with_sampling!(Vae);
diagram_with_sampling!(CategoricalVae);
diagram_with_sampling!(JointVae);
diagram_with_sampling!(M1);

#[cfg(test)]
mod tests;
