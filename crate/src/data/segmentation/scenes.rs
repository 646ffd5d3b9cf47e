//! Generated scenes: textured shapes over textured ground, with exact masks.

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::SegmentedImages;
use crate::{Error, Result, Rng, Seed};

/// `n` generated images of `[height, width]` pixels with exact masks: class 1 is everything that is
/// striped, class 0 the mottled ground.
///
/// No colour tells them apart. Each image draws two colours, and both the stripes and the ground
/// mix these two in the same proportion; some shapes are mottled as the ground is and stand out by
/// their brightness alone, and belong to it. Stripes have any direction and width, shapes are
/// ellipses, boxes and blobs with thin legs, and light falls from one side. So a network has to
/// look at a neighbourhood of each pixel for its texture, and still draw a sharp border.
///
/// ```
/// use cuaderno::prelude::*;
/// let examples = scenes(4, [64, 64], 6202)?;
/// assert_eq!(examples.images.dims(), [4, 3, 64, 64]);
/// assert_eq!(examples.masks.dims(), [4, 64, 64]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If there are no images to make, or a side is below 8.
pub fn scenes(n: usize, size: [usize; 2], seed: impl Seed) -> Result<SegmentedImages> {
    let [height, width] = size;
    if n == 0 || height < 8 || width < 8 {
        return Err(Error::argument(
            "the number and size of scenes",
            format!("{n} of {height} x {width}"),
            "1 or more of at least 8 x 8 pixels",
        ));
    }
    let rng = seed.draw(Rng::split);
    let drawn: Vec<(Vec<f32>, Vec<u32>)> = (0..n)
        .into_par_iter()
        .map(|scene| Scene::drawn(size, &mut rng.child(scene as u64)).rendered())
        .collect();
    let (images, masks): (Vec<_>, Vec<_>) = drawn.into_iter().unzip();
    SegmentedImages::new(
        Tensor::from_vec(images.concat(), (n, 3, height, width), &Device::Cpu)?,
        Tensor::from_vec(masks.concat(), (n, height, width), &Device::Cpu)?,
    )
}

/// All that decides a picture.
struct Scene {
    size: [usize; 2],
    colours: [[f64; 3]; 2],
    ground: Mottle,
    shapes: Vec<Shape>,
    /// How much lighter it gets to the right and downwards.
    light: [f64; 2],
    rng: Rng,
}

/// An area with a texture of its own.
struct Shape {
    /// Striped, class 1; otherwise mottled, class 0.
    striped: bool,
    centre: [f64; 2],
    /// The direction of its length.
    angle: f64,
    radii: [f64; 2],
    outline: Outline,
    /// Thin legs, each an offset along the length.
    legs: Vec<f64>,
    stripes: Stripes,
    mottle: Mottle,
    brightness: f64,
}

enum Outline {
    Ellipse,
    Box,
    /// A circle that bulges: this many times, by this much, from this angle on.
    Blob(f64, f64, f64),
}

/// Waves in one direction.
struct Stripes {
    across: [f64; 2],
    phase: f64,
}

/// Waves in all directions, which cancel in some places and add up in others.
struct Mottle(Vec<Stripes>);

impl Stripes {
    /// Waves of a length in pixels.
    fn drawn(length: f64, rng: &mut Rng) -> Self {
        let angle = rng.between(0.0, std::f64::consts::TAU);
        let turns = std::f64::consts::TAU / length;
        Self {
            across: [turns * angle.cos(), turns * angle.sin()],
            phase: rng.between(0.0, std::f64::consts::TAU),
        }
    }

    /// From -1 to 1.
    fn at(&self, [x, y]: [f64; 2]) -> f64 {
        (self.across[0] * x + self.across[1] * y + self.phase).sin()
    }
}

impl Mottle {
    fn drawn(rng: &mut Rng) -> Self {
        let wave = |_| {
            let length = rng.between(4.0, 12.0);
            Stripes::drawn(length, rng)
        };
        Self((0..7).map(wave).collect())
    }

    /// From -1 to 1, as evenly as a wave.
    fn at(&self, place: [f64; 2]) -> f64 {
        let sum: f64 = self.0.iter().map(|wave| wave.at(place)).sum();
        (sum * (2.0 / self.0.len() as f64).sqrt()).sin()
    }
}

impl Shape {
    fn drawn(striped: bool, [height, width]: [f64; 2], rng: &mut Rng) -> Self {
        let side = height.min(width);
        let outline = match rng.below(3) {
            0 => Outline::Ellipse,
            1 => Outline::Box,
            _ => Outline::Blob(
                (3 + rng.below(4)) as f64,
                rng.between(0.15, 0.35),
                rng.between(0.0, std::f64::consts::TAU),
            ),
        };
        let length = side * rng.between(0.16, 0.32);
        let legs = rng.below(4);
        Self {
            striped,
            centre: [
                width * rng.between(0.15, 0.85),
                height * rng.between(0.15, 0.85),
            ],
            angle: rng.between(-0.9, 0.9),
            radii: [length, length * rng.between(0.5, 1.0)],
            outline,
            legs: (0..legs).map(|_| rng.between(-0.8, 0.8) * length).collect(),
            stripes: {
                let length = rng.between(3.5, 7.0);
                Stripes::drawn(length, rng)
            },
            mottle: Mottle::drawn(rng),
            brightness: if striped {
                1.0
            } else {
                rng.between(0.75, 1.25)
            },
        }
    }

    fn covers(&self, place: [f64; 2]) -> bool {
        let [x, y] = [place[0] - self.centre[0], place[1] - self.centre[1]];
        let (sin, cos) = self.angle.sin_cos();
        let [along, across] = [cos * x + sin * y, cos * y - sin * x];
        let [length, breadth] = self.radii;
        let (u, v) = (along / length, across / breadth);
        let body = match self.outline {
            Outline::Ellipse => u.hypot(v) < 1.0,
            Outline::Box => u.abs() < 0.9 && v.abs() < 0.9,
            Outline::Blob(bulges, by, from) => {
                u.hypot(v) < 1.0 + by * (bulges * v.atan2(u) + from).sin() - by
            }
        };
        let leg =
            |&offset: &f64| (along - offset).abs() < 1.2 && (0.0..1.8 * breadth).contains(&across);
        body || self.legs.iter().any(leg)
    }
}

impl Scene {
    fn drawn(size: [usize; 2], rng: &mut Rng) -> Self {
        let mut colour = |low: f64, high: f64| [0; 3].map(|_| rng.between(low, high));
        let colours = [colour(0.1, 0.5), colour(0.45, 0.9)];
        let sides = size.map(|side| side as f64);
        let ground = Mottle::drawn(rng);
        let mut shapes: Vec<Shape> = (0..1 + rng.below(2))
            .map(|_| Shape::drawn(false, sides, rng))
            .collect();
        shapes.extend((0..1 + rng.below(3)).map(|_| Shape::drawn(true, sides, rng)));
        Self {
            size,
            colours,
            ground,
            shapes,
            light: [rng.between(-0.25, 0.25), rng.between(-0.25, 0.25)],
            rng: rng.split(),
        }
    }

    /// The pixels, channel by channel, and the classes.
    fn rendered(mut self) -> (Vec<f32>, Vec<u32>) {
        let [height, width] = self.size;
        let area = height * width;
        let (mut pixels, mut classes) = (vec![0f32; 3 * area], Vec::with_capacity(area));
        for pixel in 0..area {
            let place = [(pixel % width) as f64, (pixel / width) as f64];
            // The last shape lies on top.
            let shape = self.shapes.iter().rev().find(|shape| shape.covers(place));
            let wave = match shape {
                Some(shape) if shape.striped => shape.stripes.at(place),
                Some(shape) => shape.mottle.at(place),
                None => self.ground.at(place),
            };
            classes.push(u32::from(shape.is_some_and(|shape| shape.striped)));
            let mixed = 0.5 + 0.5 * wave;
            let lit = shape.map_or(1.0, |shape| shape.brightness)
                * (1.0
                    + self.light[0] * (place[0] / width as f64 - 0.5)
                    + self.light[1] * (place[1] / height as f64 - 0.5));
            for channel in 0..3 {
                let [dark, light] = self.colours.map(|colour| colour[channel]);
                let noise = self.rng.between(-0.06, 0.06);
                let level = (dark + (light - dark) * mixed) * lit + noise;
                pixels[channel * area + pixel] = level.clamp(0.0, 1.0) as f32;
            }
        }
        (pixels, classes)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::metrics::segmentation_report;

    /// The best threshold on the brightness, or the best of two sides of it, finds little.
    #[test]
    fn brightness_does_not_tell_what_is_striped() {
        let set = scenes(30, [64, 64], 6202).unwrap();
        let brightness = set.images.mean(1).unwrap();
        let nothing = set.masks.zeros_like().unwrap();
        let iou = |predicted: &Tensor| {
            segmentation_report(&set.masks, predicted, None)
                .unwrap()
                .classes[1]
                .iou
        };
        let share = set.masks.to_dtype(DType::F32).unwrap().mean_all().unwrap();
        let share: f32 = share.to_scalar().unwrap();
        assert!((0.1..0.45).contains(&share), "{share}");
        assert_eq!(iou(&nothing), 0.0);
        for step in 1..20 {
            let level = f64::from(step) / 20.0;
            let light = brightness.ge(level).unwrap().to_dtype(DType::U32).unwrap();
            let dark = brightness.lt(level).unwrap().to_dtype(DType::U32).unwrap();
            // To call everything striped finds `share`.
            assert!(
                iou(&light).max(iou(&dark)) < f64::from(share) + 0.06,
                "{level}"
            );
        }
    }

    #[test]
    fn scenes_are_the_same_with_any_number_of_threads() {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let set = pool.install(|| scenes(5, [20, 24], 6202)).unwrap();
            set.images.flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        assert_eq!(with(1), with(3));
        assert!(scenes(1, [4, 8], 1).is_err() && scenes(0, [8, 8], 1).is_err());
    }
}
