//! Figures one after the other, such as what a generator makes while it learns.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Figure;
use super::raster::animated_png;
use crate::files::write_atomically;
use crate::notebook::{self, Contents};
use crate::{Error, Result};

/// How much longer the last frame stays than the others.
const REST: u16 = 4;

/// Shows figures of one size one after the other, `seconds` each, the last one four times as long, and
/// begins again.
///
/// It is an animated PNG, which browsers and JupyterLab play. A program that shows PNG files without
/// movement shows the last frame.
///
/// # Errors
/// If there are fewer than two figures, they differ in size, or `seconds` is not between 0.02 and
/// 60.
///
/// ```
/// use cuaderno::plot::{animation, image_grid};
/// use cuaderno::prelude::*;
///
/// let mut rng = Rng::new(6202);
/// let mut frames = Vec::new();
/// for epoch in 1..=3 {
///     let images = rng.uniform(0.0, 1.0, &[4, 1, 28, 28])?;
///     frames.push(image_grid(&images, 2)?.title(format!("epoch {epoch}")));
/// }
/// let noise = animation(&frames, 0.5)?;
/// # Ok::<(), cuaderno::Error>(())
/// ```
pub fn animation(frames: &[Figure], seconds: f64) -> Result<Animation> {
    const NAME: &str = "animation";
    let [first, _, ..] = frames else {
        return Err(Error::argument(
            "the number of frames",
            frames.len(),
            "at least 2, or nothing moves",
        ));
    };
    if !(0.02..=60.0).contains(&seconds) {
        return Err(Error::argument(
            "the seconds of a frame",
            seconds,
            "between 0.02 and 60",
        ));
    }
    let sizes = frames.iter().map(|frame| frame.shown_size());
    if let Some((place, size)) = sizes
        .enumerate()
        .find(|(_, size)| *size != first.shown_size())
    {
        let ([width, height], [w, h]) = (first.shown_size(), size);
        return Err(Error::shape(
            NAME,
            format!(
                "frame {place} is {w} x {h} pixels, but frame 0 is {width} x {height}; give all \
                 frames the same size, and either all or none a title."
            ),
        ));
    }
    Ok(Animation {
        frames: frames.to_vec(),
        milliseconds: (1000.0 * seconds).round() as u16,
    })
}

/// Figures that a notebook shows one after the other: see [`animation`].
#[derive(Clone, Debug)]
pub struct Animation {
    frames: Vec<Figure>,
    milliseconds: u16,
}

impl Animation {
    /// The animated PNG file in memory.
    pub fn png(&self) -> Result<Vec<u8>> {
        let images = self.frames.iter().map(Figure::image);
        let images = images.collect::<Result<Vec<_>>>()?;
        let last = self.milliseconds.saturating_mul(REST);
        let mut delays = vec![self.milliseconds; images.len() - 1];
        delays.push(last);
        Ok(animated_png(&images, &delays))
    }

    /// Writes the animation to `path`, as a whole or not at all. Missing folders are created.
    ///
    /// # Errors
    /// If the name does not end in `.png`, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        if path.extension().is_none_or(|end| end != "png") {
            return Err(Error::argument(
                "the name of an animation's file",
                format!("{path:?}"),
                "one that ends in .png",
            ));
        }
        write_atomically(path, &self.png()?)
    }

    /// Shows the animation in a notebook immediately, between what the cell prints before and after.
    pub fn show(&self) -> Result<()> {
        notebook::show(self.contents()?, None);
        Ok(())
    }

    /// Shows the animation as the value of a notebook's cell; the engine calls this for a cell's
    /// last expression.
    pub fn evcxr_display(&self) {
        match self.contents() {
            Ok(contents) => notebook::show_as_value(contents),
            Err(error) => println!("The animation cannot be shown: {error}"),
        }
    }

    fn contents(&self) -> Result<Contents> {
        let mut contents = Contents::new("image/png", STANDARD.encode(self.png()?));
        contents.size = Some(self.frames[0].shown_size());
        Ok(contents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use crate::plot::image_grid;

    fn frames(count: u64) -> Vec<Figure> {
        let image = |seed| Rng::new(seed).uniform(0.0, 1.0, &[2, 1, 8, 8]).unwrap();
        (0..count)
            .map(|seed| image_grid(&image(seed), 2).unwrap())
            .collect()
    }

    #[test]
    fn the_frames_are_the_figures_and_the_last_stands_for_all() {
        let frames = frames(3);
        let file = animation(&frames, 0.5).unwrap().png().unwrap();
        let mut reader = png::Decoder::new(&file[..]).read_info().unwrap();
        let control = reader.info().animation_control.unwrap();
        assert_eq!((control.num_frames, control.num_plays), (3, 0));
        let mut pixels = vec![0; reader.output_buffer_size()];
        let mut next = || {
            reader.next_frame(&mut pixels).unwrap();
            let delay = reader.info().frame_control.map(|frame| frame.delay_num);
            (pixels.clone(), delay)
        };
        let image = |index: usize| frames[index].image().unwrap().rgb;
        assert!(
            next().0 == image(2),
            "what a program without movement shows"
        );
        for (index, delay) in [(0, 500), (1, 500), (2, 2000)] {
            let (found, found_delay) = next();
            assert!(found == image(index), "frame {index}");
            assert_eq!(found_delay, Some(delay), "frame {index}");
        }
    }

    #[test]
    fn what_does_not_move_is_refused() {
        let refused = |frames: &[Figure], seconds| {
            let error = animation(frames, seconds).unwrap_err();
            error.to_string()
        };
        assert!(refused(&frames(1), 0.5).contains("at least 2"));
        assert!(refused(&frames(2), 0.0).contains("between 0.02 and 60"));
        assert!(refused(&frames(2), f64::NAN).contains("between 0.02 and 60"));
        let mut unlike = frames(3);
        unlike[2] = unlike[2].clone().title("the only one");
        let error = refused(&unlike, 0.5);
        assert!(
            error.contains("frame 2 is") && error.contains("a title"),
            "{error}"
        );
        let movie = animation(&frames(2), 0.5).unwrap();
        let error = movie.save("movie.gif").unwrap_err().to_string();
        assert!(error.contains("ends in .png"), "{error}");
    }
}
