//! The drawing of a network: `diagram()` of networks and models.

mod block;
mod drawing;
mod volume;

use self::block::Block;
use self::drawing::{Names, Pen};
use super::canvas::{Area, Drawn};
use super::style::MARGIN;
use super::theme::Room;
use super::{Figure, Plot};
use crate::Result;
use crate::models::{Autoencoder, CategoricalVae, Classifier, Gan, JointVae, M1, Tagger, Vae};
use crate::nn::Sequential;

/// Space between rows.
const ROW_GAP: f64 = 20.0;
/// Widths of rows that are tried, in sheets.
const WIDTHS: [f64; 4] = [1.0, 1.5, 2.0, 3.0];

/// A network from left to right, in as many rows as it needs.
struct Diagram {
    chain: Vec<Block>,
}

impl Diagram {
    fn figure(chain: Vec<Block>) -> Result<Figure> {
        Figure::new("diagram", Diagram { chain })
    }

    /// The layout that is largest in what shows the figure. Most are that with names that read
    /// upwards, in as few rows as the sheet has room for.
    fn layout(&self, room: Room) -> Layout<'_> {
        let shapes: Vec<_> = self.chain.iter().flat_map(Block::shapes).collect();
        let names = [Names::Upwards, Names::Level];
        let layouts = names.into_iter().flat_map(|names| {
            let pen = || Pen::for_shapes(&shapes, names);
            WIDTHS.map(|width| Layout::of(&self.chain, pen(), width * room.sheet))
        });
        let shrunk = |layout: &Layout| {
            let across = layout.width / room.sheet;
            across.max(layout.height / room.view).max(1.0)
        };
        let best = layouts.min_by(|one, other| shrunk(one).total_cmp(&shrunk(other)));
        best.expect("there are layouts")
    }
}

/// Where the blocks of a diagram lie.
struct Layout<'a> {
    pen: Pen,
    rows: Vec<&'a [Block]>,
    width: f64,
    height: f64,
}

impl<'a> Layout<'a> {
    /// In rows that are no wider than `most`, margins included, if they can be parted.
    fn of(chain: &'a [Block], pen: Pen, most: f64) -> Self {
        let mut rows = Vec::new();
        let mut start = 0;
        for end in 1..chain.len() {
            let width = pen.chain_extent(&chain[start..=end]).width + 2.0 * MARGIN;
            // A single output, such as the input, is no row of its own.
            let is_single = matches!(chain[start..end], [Block::Output { .. }]);
            if width > most && !is_single {
                rows.push(&chain[start..end]);
                start = end;
            }
        }
        rows.push(&chain[start..]);
        let (mut width, mut height): (f64, f64) = (0.0, 2.0 * MARGIN - ROW_GAP);
        for row in &rows {
            let row = pen.chain_extent(row);
            width = width.max(row.width + 2.0 * MARGIN);
            height += row.up + row.down + ROW_GAP;
        }
        Self {
            pen,
            rows,
            width,
            height,
        }
    }
}

impl Plot for Diagram {
    fn size(&self, room: Room) -> (f64, f64) {
        let Layout { width, height, .. } = self.layout(room);
        (width.max(room.sheet / 2.0).ceil(), height.ceil())
    }

    fn is_line_art(&self) -> bool {
        true
    }

    fn draw(&self, area: &Area, room: Room) -> Drawn {
        let (width, _) = self.size(room);
        let Layout { pen, rows, .. } = self.layout(room);
        let mut top = MARGIN;
        for row in rows {
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
