//! What an augmentation does, one thing after another.

use super::Amount;
use super::elastic::bent;
use super::movement::{Movement, Outside};
use super::picture::Picture;
use crate::{Error, Result, Rng};

/// One entry of an augmentation's list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    Rotate(Amount),
    Shift { right: Amount, down: Amount },
    Zoom(Amount),
    FlipHorizontally(f64),
    FlipVertically(f64),
    Pad(usize),
    Crop([usize; 2]),
    Resize([usize; 2]),
    Elastic(Amount),
    Brightness(Amount),
    Contrast(Amount),
    Saturation(Amount),
    DropPixels(Amount),
}

impl Step {
    /// The size of a picture of that `size` afterwards.
    ///
    /// # Errors
    /// If an argument is out of its range.
    pub(super) fn size(&self, size: [usize; 2]) -> Result<[usize; 2]> {
        let [height, width] = size;
        match *self {
            Self::Rotate(degrees) => degrees.at_least(f64::MIN, "the angle of a rotation")?,
            Self::Shift { right, down } => {
                right.at_least(f64::MIN, "the shift to the right")?;
                down.at_least(f64::MIN, "the shift down")?;
            }
            Self::Zoom(factor) => factor.at_least(0.01, "the factor of a zoom")?,
            Self::FlipHorizontally(chance) | Self::FlipVertically(chance) => {
                if !(0.0..=1.0).contains(&chance) {
                    let name = "the probability of a flip";
                    return Err(Error::argument(name, chance, "between 0 and 1"));
                }
            }
            Self::Brightness(factor) => factor.at_least(0.0, "the factor of the brightness")?,
            Self::Contrast(factor) => factor.at_least(0.0, "the factor of the contrast")?,
            Self::Saturation(factor) => factor.at_least(0.0, "the factor of the saturation")?,
            Self::Elastic(pixels) => pixels.at_least(0.0, "how far an elastic change moves")?,
            Self::DropPixels(chance) => {
                chance.is_probability("the probability that a pixel is dropped")?;
            }
            Self::Pad(border) => return Ok([height + 2 * border, width + 2 * border]),
            Self::Crop([rows, columns]) => {
                if !((1..=height).contains(&rows) && (1..=width).contains(&columns)) {
                    return Err(Error::argument(
                        "the size of a crop",
                        format!("{rows} x {columns}"),
                        format!(
                            "at least 1 x 1 and at most {height} x {width}, the picture's; `.pad(4)` \
                             before it makes the picture larger by 4 pixels on each side"
                        ),
                    ));
                }
                return Ok([rows, columns]);
            }
            Self::Resize(size) => {
                if size.contains(&0) {
                    let name = "the size to resize to";
                    let found = format!("{} x {}", size[0], size[1]);
                    return Err(Error::argument(name, found, "at least 1 x 1"));
                }
                return Ok(size);
            }
        }
        Ok(size)
    }

    /// Whether it cuts off what is not in `[0, 1]`.
    pub(super) fn is_of_light(&self) -> bool {
        matches!(
            self,
            Self::Brightness(_) | Self::Contrast(_) | Self::Saturation(_)
        )
    }

    /// The movement so far and then this one, if it is one that keeps the size.
    fn moves(&self, so_far: Movement, rng: &mut Rng) -> Option<Movement> {
        Some(match *self {
            Self::Rotate(degrees) => so_far.rotate(degrees.draw(rng)),
            Self::Shift { right, down } => so_far.shift(right.draw(rng), down.draw(rng)),
            Self::Zoom(factor) => {
                let factor = factor.draw(rng);
                so_far.zoom(factor, factor)
            }
            Self::FlipHorizontally(chance) if rng.happens(chance) => so_far.mirror(),
            Self::FlipVertically(chance) if rng.happens(chance) => so_far.upend(),
            Self::FlipHorizontally(_) | Self::FlipVertically(_) => so_far,
            _ => return None,
        })
    }

    /// The picture after any other step.
    fn changes(&self, mut picture: Picture, rng: &mut Rng) -> Picture {
        let old = [picture.height, picture.width];
        match *self {
            Self::Pad(border) => return picture.padded(border),
            Self::Crop([rows, columns]) => {
                let corner = [
                    rng.below(old[0] - rows + 1),
                    rng.below(old[1] - columns + 1),
                ];
                return picture.window(corner, [rows, columns]);
            }
            Self::Resize(size) => {
                let [higher, wider] = [0, 1].map(|i| size[i] as f64 / old[i] as f64);
                let movement = Movement::NONE.zoom(wider, higher);
                return movement.of(&picture, size, Outside::Edge);
            }
            Self::Brightness(factor) => picture.stretch(0.0, factor.draw(rng)),
            Self::Contrast(factor) => picture.stretch(picture.mean(), factor.draw(rng)),
            Self::Saturation(factor) => picture.saturate(factor.draw(rng)),
            Self::Elastic(pixels) => {
                let pixels = pixels.draw(rng);
                return bent(&picture, pixels, rng);
            }
            Self::DropPixels(chance) => {
                let chance = chance.draw(rng);
                for level in &mut picture.pixels {
                    if rng.happens(chance) {
                        *level = 0.0;
                    }
                }
            }
            _ => {}
        }
        picture
    }
}

/// The picture after all steps, with what `rng` draws.
pub(super) fn in_turn(steps: &[Step], mut picture: Picture, rng: &mut Rng) -> Picture {
    let still = Movement::NONE;
    let mut movement = still;
    let stand = |movement: Movement, picture: Picture| match movement {
        _ if movement == still => picture,
        _ => movement.of(&picture, [picture.height, picture.width], Outside::Black),
    };
    for step in steps {
        match step.moves(movement, rng) {
            Some(further) => movement = further,
            None => {
                picture = step.changes(stand(movement, picture), rng);
                movement = still;
            }
        }
    }
    stand(movement, picture)
}
