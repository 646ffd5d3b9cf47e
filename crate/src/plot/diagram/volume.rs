//! How large the output of a layer is drawn.

/// Side of the largest image, and height of the longest vector.
const LARGEST: f64 = 130.0;
/// Nothing is drawn smaller.
const SMALLEST: f64 = 6.0;
/// Thickness of a vector, and of one channel.
const THIN: f64 = 12.0;
/// How far the sides of an image go back, of their length.
const BACK: f64 = 0.22;

/// A box as it is seen from the front and a little from the right and above.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Volume {
    pub width: f64,
    pub height: f64,
    /// How far it goes back, to the right and upwards.
    pub back: f64,
}

/// What the sizes of a diagram are measured by.
pub(super) struct Measure {
    /// The longest side of its images.
    side: usize,
    /// The most numbers of its vectors.
    features: usize,
}

impl Measure {
    pub fn of(shapes: &[&[usize]]) -> Self {
        let largest = |sizes: &mut dyn Iterator<Item = usize>| sizes.max().unwrap_or(1).max(1);
        let mut sides = shapes.iter().filter_map(|shape| match **shape {
            [_, height, width] => Some(height.max(width)),
            _ => None,
        });
        let mut features = shapes.iter().filter_map(|shape| match **shape {
            [features] | [_, features] => Some(features),
            _ => None,
        });
        Self {
            side: largest(&mut sides),
            features: largest(&mut features),
        }
    }

    /// The box of an output of that shape: channels from left to right, height and width of an image
    /// upwards and back; time from left to right and features upwards.
    pub fn volume(&self, shape: &[usize]) -> Volume {
        let side = |length: usize| {
            let part = length as f64 / self.side as f64;
            (LARGEST * part).max(SMALLEST)
        };
        match *shape {
            [channels, height, width] => Volume {
                width: thickness(channels),
                height: side(height),
                back: BACK * side(width),
            },
            [time, features] => Volume {
                width: thickness(time),
                height: self.length(features),
                back: 0.0,
            },
            _ => Volume {
                width: THIN,
                height: self.length(shape.iter().product()),
                back: 0.0,
            },
        }
    }

    /// Height of a vector.
    fn length(&self, features: usize) -> f64 {
        let part = (1.0 + features as f64).ln() / (1.0 + self.features as f64).ln();
        (LARGEST * part).max(SMALLEST)
    }
}

/// Width of that many channels or steps.
fn thickness(channels: usize) -> f64 {
    THIN + 4.0 * (channels.max(1) as f64).log2()
}
