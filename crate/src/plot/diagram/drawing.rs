//! Where the blocks of a diagram lie, and how they are drawn.

use plotters::element::{Circle, PathElement, Polygon};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, RGBColor};

use super::super::canvas::{Area, Drawn};
use super::super::style::{self, AXIS, AXIS_TEXT, INK, TICK_TEXT, units};
use super::block::Block;
use super::volume::Measure;
use crate::nn::Join;

/// Length of the arrow to an output.
const ARROW: f64 = 18.0;
/// Space between an output and its texts.
const GAP: f64 = 6.0;
/// Height of a line of a shape, and width of a layer's name, which reads upwards.
const LINE: f64 = TICK_TEXT * 1.3;
/// Space between lanes.
const LANE_GAP: f64 = 14.0;
/// Radius of the sign where outputs are added.
const SIGN: f64 = 9.0;
/// Width of the bar where outputs are put one after the other.
const BAR: f64 = 6.0;
/// Room below a part for the way around it, or for its name.
const BELOW: f64 = 28.0;
/// Width of lines.
const STROKE: f64 = 1.5;

/// What a block takes: its width, and how far it reaches from its axis, along which values flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub width: f64,
    pub up: f64,
    pub down: f64,
}

/// How the names of layers stand above what they put out.
#[derive(Clone, Copy)]
pub(super) enum Names {
    /// They read upwards, so that outputs stand close together.
    Upwards,
    /// They are level, so that lanes lie close together.
    Level,
}

/// Draws the blocks of one diagram.
pub(super) struct Pen {
    measure: Measure,
    names: Names,
}

impl Pen {
    /// Draws with the scale that suits all `shapes`.
    pub fn for_shapes(shapes: &[&[usize]], names: Names) -> Self {
        let measure = Measure::of(shapes);
        Self { measure, names }
    }

    fn extent(&self, block: &Block) -> Extent {
        match block {
            Block::Output { layer, shape } => self.output_extent(layer, shape),
            Block::Chain(blocks) => self.chain_extent(blocks),
            Block::Lanes(lanes, _, joined) => {
                let mut height = -LANE_GAP;
                let mut width: f64 = 0.0;
                for (_, lane) in lanes {
                    let extent = self.extent(lane);
                    height += extent.up + extent.down + LANE_GAP;
                    width = width.max(extent.width);
                }
                let below = GAP + shape_lines(joined).len() as f64 * LINE;
                Extent {
                    width: lead(lanes) + width + ARROW + (2.0 * SIGN).max(shape_width(joined)),
                    up: height / 2.0,
                    down: height / 2.0 + below,
                }
            }
            Block::Around(main, _) => {
                let main = self.extent(main);
                Extent {
                    width: main.width + ARROW + 2.0 * SIGN,
                    down: main.down + BELOW,
                    ..main
                }
            }
            Block::Named(name, block) => {
                let extent = self.extent(block);
                Extent {
                    width: extent.width.max(style::text_width(name, AXIS_TEXT) + GAP),
                    down: extent.down + BELOW,
                    ..extent
                }
            }
        }
    }

    /// The extent of blocks one after the other.
    pub fn chain_extent(&self, blocks: &[Block]) -> Extent {
        let nothing = Extent {
            width: 0.0,
            up: 0.0,
            down: 0.0,
        };
        let extents = blocks.iter().map(|block| self.extent(block));
        extents.fold(nothing, |all, one| Extent {
            width: all.width + one.width,
            up: all.up.max(one.up),
            down: all.down.max(one.down),
        })
    }

    fn output_extent(&self, layer: &str, shape: &[usize]) -> Extent {
        let volume = self.measure.volume(shape);
        let name = style::text_width(layer, TICK_TEXT);
        let (across, up) = match self.names {
            Names::Upwards => (LINE, name),
            Names::Level => (name, LINE),
        };
        let texts = shape_width(shape).max(across);
        let half = volume.height / 2.0;
        Extent {
            width: ARROW + (volume.width + volume.back).max(texts) + GAP,
            up: half + volume.back + GAP + up,
            down: half + GAP + shape_lines(shape).len() as f64 * LINE,
        }
    }

    /// Draws blocks one after the other, from `x` along `axis`.
    pub fn draw_chain(&self, area: &Area, blocks: &[Block], (x, axis): (f64, f64)) -> Drawn {
        let mut x = x;
        for block in blocks {
            self.draw(area, block, (x, axis))?;
            x += self.extent(block).width;
        }
        Ok(())
    }

    /// Draws a block whose axis begins at `x`, `axis`.
    fn draw(&self, area: &Area, block: &Block, (x, axis): (f64, f64)) -> Drawn {
        let extent = self.extent(block);
        let end = x + extent.width;
        match block {
            Block::Output { layer, shape } => self.draw_output(area, layer, shape, (x, axis), end),
            Block::Chain(blocks) => self.draw_chain(area, blocks, (x, axis)),
            Block::Lanes(lanes, join, joined) => {
                self.draw_lanes(area, lanes, (*join, joined), (x, axis), extent)
            }
            Block::Around(main, shortcut) => {
                self.draw(area, main, (x, axis))?;
                let main = self.extent(main);
                let sign = end - SIGN;
                let below = axis + main.down + BELOW / 2.0;
                let split = x + 5.0;
                let way = [(split, axis), (split, below), (sign, below)];
                line(area, &way)?;
                arrow(area, (sign, below), (sign, axis + SIGN))?;
                arrow(area, (x + main.width, axis), (sign - SIGN, axis))?;
                plus(area, (sign, axis))?;
                let middle = ((split + sign) / 2.0, below + BELOW / 4.0 + 2.0);
                let mut layer = shortcut.iter();
                layer.try_for_each(|layer| text(area, layer, TICK_TEXT, middle))
            }
            Block::Named(name, block) => {
                self.draw(area, block, (x, axis))?;
                let inner = self.extent(block);
                if extent.width > inner.width {
                    line(area, &[(x + inner.width, axis), (end, axis)])?;
                }
                let y = axis + inner.down + 6.0;
                line(area, &[(x + ARROW, y), (end - GAP, y)])?;
                text(
                    area,
                    name,
                    AXIS_TEXT,
                    ((x + ARROW + end - GAP) / 2.0, y + 13.0),
                )
            }
        }
    }

    fn draw_output(
        &self,
        area: &Area,
        layer: &str,
        shape: &[usize],
        (x, axis): (f64, f64),
        end: f64,
    ) -> Drawn {
        let volume = self.measure.volume(shape);
        let room = end - GAP - (x + ARROW);
        let left = x + ARROW + (room - volume.width - volume.back) / 2.0;
        let (right, top, bottom) = (
            left + volume.width,
            axis - volume.height / 2.0,
            axis + volume.height / 2.0,
        );
        let is_input = layer == "Input";
        if !is_input {
            arrow(area, (x, axis), (left, axis))?;
        }
        let color = color_of(layer);
        let front = [(left, top), (right, top), (right, bottom), (left, bottom)];
        face(area, &front, color, 0.35)?;
        if volume.back > 0.0 {
            let back = volume.back;
            let above = [
                (left, top),
                (left + back, top - back),
                (right + back, top - back),
                (right, top),
            ];
            face(area, &above, color, 0.2)?;
            let beside = [
                (right, top),
                (right + back, top - back),
                (right + back, bottom - back),
                (right, bottom),
            ];
            face(area, &beside, color, 0.55)?;
        }
        line(area, &[(right + volume.back / 2.0, axis), (end, axis)])?;

        let middle = x + ARROW + room / 2.0;
        let above = top - volume.back - GAP;
        match self.names {
            Names::Upwards => {
                let name = style::text(TICK_TEXT)
                    .transform(FontTransform::Rotate270)
                    .pos(Pos::new(HPos::Left, VPos::Center));
                area.draw_text(layer, &name, whole((middle, above)))?;
            }
            Names::Level => text(area, layer, TICK_TEXT, (middle, above - LINE / 2.0))?,
        }
        shape_below(area, shape, (middle, bottom))
    }

    fn draw_lanes(
        &self,
        area: &Area,
        lanes: &[(String, Block)],
        (join, joined): (Join, &[usize]),
        (x, axis): (f64, f64),
        extent: Extent,
    ) -> Drawn {
        let sign = x + extent.width - (2.0 * SIGN).max(shape_width(joined)) / 2.0;
        let start = x + lead(lanes);
        let split = x + 5.0;
        let mut y = axis - extent.up;
        let mut axes = Vec::new();
        for (name, lane) in lanes {
            let lane_extent = self.extent(lane);
            let lane_axis = y + lane_extent.up;
            line(area, &[(split, lane_axis), (start, lane_axis)])?;
            let place = (split + (start - split) / 2.0, lane_axis - TICK_TEXT * 0.75);
            text(area, name, TICK_TEXT, place)?;
            self.draw(area, lane, (start, lane_axis))?;
            let end = start + lane_extent.width;
            line(area, &[(end, lane_axis), (sign, lane_axis)])?;
            axes.push(lane_axis);
            y += lane_extent.up + lane_extent.down + LANE_GAP;
        }
        let (first, last) = (axes[0].min(axis), axes[axes.len() - 1].max(axis));
        line(area, &[(x, axis), (split, axis)])?;
        line(area, &[(split, first), (split, last)])?;
        match join {
            Join::Sum => {
                line(area, &[(sign, first), (sign, last)])?;
                plus(area, (sign, axis))?;
            }
            Join::Concat(_) => {
                let half = BAR / 2.0;
                let bar = [
                    (sign - half, first - half),
                    (sign + half, first - half),
                    (sign + half, last + half),
                    (sign - half, last + half),
                ];
                face(area, &bar, INK, 1.0)?;
            }
        }
        line(area, &[(sign, axis), (x + extent.width, axis)])?;
        shape_below(area, joined, (sign, last + GAP))
    }
}

/// What the names of lanes take before them.
fn lead(lanes: &[(String, Block)]) -> f64 {
    let widths = lanes
        .iter()
        .map(|(name, _)| style::text_width(name, TICK_TEXT));
    widths.fold(0.0, f64::max) + 2.0 * GAP + 5.0
}

/// The lines below an output: its channels, and the sides of its image.
fn shape_lines(shape: &[usize]) -> Vec<String> {
    match shape {
        [channels, height, width] => vec![channels.to_string(), format!("{height} × {width}")],
        shape => {
            let sizes: Vec<_> = shape.iter().map(usize::to_string).collect();
            vec![sizes.join(" × ")]
        }
    }
}

fn shape_width(shape: &[usize]) -> f64 {
    let lines = shape_lines(shape);
    let widths = lines.iter().map(|line| style::text_width(line, TICK_TEXT));
    widths.fold(0.0, f64::max)
}

fn shape_below(area: &Area, shape: &[usize], (middle, bottom): (f64, f64)) -> Drawn {
    for (index, line) in shape_lines(shape).iter().enumerate() {
        let y = bottom + GAP + (index as f64 + 0.5) * LINE;
        text(area, line, TICK_TEXT, (middle, y))?;
    }
    Ok(())
}

/// Layers of one kind have one colour.
fn color_of(layer: &str) -> RGBColor {
    let is = |words: &[&str]| words.iter().any(|word| layer.contains(word));
    if is(&["Conv"]) {
        style::color(0)
    } else if is(&["Dense"]) {
        style::color(1)
    } else if is(&["Pool", "Upsample"]) {
        style::color(2)
    } else if is(&["Rnn", "Lstm", "Gru", "Embedding", "ttention"]) {
        style::color(4)
    } else {
        AXIS
    }
}

fn whole((x, y): (f64, f64)) -> (i32, i32) {
    (units(x), units(y))
}

fn text(area: &Area, content: &str, size: f64, at: (f64, f64)) -> Drawn {
    let centered = style::text(size).pos(Pos::new(HPos::Center, VPos::Center));
    area.draw_text(content, &centered, whole(at))
}

fn line(area: &Area, points: &[(f64, f64)]) -> Drawn {
    let points: Vec<_> = points.iter().copied().map(whole).collect();
    area.draw(&PathElement::new(points, style::line(INK, STROKE)))
}

/// A line with a head at its end, which is level or upright.
fn arrow(area: &Area, from: (f64, f64), to: (f64, f64)) -> Drawn {
    const HEAD: f64 = 7.0;
    line(area, &[from, to])?;
    let length = (to.0 - from.0).hypot(to.1 - from.1).max(1e-9);
    let (along_x, along_y) = ((to.0 - from.0) / length, (to.1 - from.1) / length);
    let wing = |side: f64| {
        (
            to.0 - HEAD * along_x - side * HEAD / 2.0 * along_y,
            to.1 - HEAD * along_y + side * HEAD / 2.0 * along_x,
        )
    };
    let head = [to, wing(1.0), wing(-1.0)].map(whole);
    area.draw(&Polygon::new(head.to_vec(), INK.filled()))
}

/// The sign of a sum.
fn plus(area: &Area, (x, y): (f64, f64)) -> Drawn {
    let center = whole((x, y));
    area.draw(&Circle::new(center, units(SIGN), style::PAPER.filled()))?;
    area.draw(&Circle::new(center, units(SIGN), style::line(INK, STROKE)))?;
    let half = 0.55 * SIGN;
    line(area, &[(x - half, y), (x + half, y)])?;
    line(area, &[(x, y - half), (x, y + half)])
}

/// A face of a box, in so much of its colour.
fn face(area: &Area, corners: &[(f64, f64)], color: RGBColor, part: f64) -> Drawn {
    let mut corners: Vec<_> = corners.iter().copied().map(whole).collect();
    // What lies behind does not show through.
    area.draw(&Polygon::new(corners.clone(), style::PAPER.filled()))?;
    area.draw(&Polygon::new(corners.clone(), color.mix(part)))?;
    corners.push(corners[0]);
    area.draw(&PathElement::new(corners, style::line(INK, STROKE)))
}
