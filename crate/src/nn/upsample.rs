//! Upsampling: images made larger by repeating or interpolating their pixels.

use candle_core::Tensor;

use super::layer::{Layer, Pass, forward_is_evaluation};
use super::window::{Pair, image};
use crate::ops::Resize;
use crate::{Result, ops};

/// Enlarges images `[batch, channels, height, width]` by an integer factor or to a size.
///
/// ```
/// use cuaderno::{nn::{Layer, Upsample}, prelude::*};
/// assert_eq!(Upsample::nearest(2).output_shape(&[8, 7, 7])?, [8, 14, 14]);
/// assert_eq!(Upsample::bilinear_to([28, 30]).output_shape(&[8, 7, 7])?, [8, 28, 30]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Upsample {
    size: Resize,
    bilinear: bool,
    align_corners: bool,
}

impl Upsample {
    /// Each pixel becomes a square of `factor` x `factor`.
    pub fn nearest(factor: usize) -> Self {
        Self {
            size: Resize::By(factor),
            bilinear: false,
            align_corners: false,
        }
    }

    /// A layer that enlarges images to a size. Each new pixel takes the value of the nearest one.
    pub fn nearest_to(size: impl Into<Pair>) -> Self {
        Self {
            size: Resize::To(size.into().0),
            bilinear: false,
            align_corners: false,
        }
    }

    /// A layer that interpolates new pixels bilinearly, by default between the centres of the old
    /// ones (PyTorch's `align_corners=False`, Keras' `interpolation="bilinear"`).
    pub fn bilinear(factor: usize) -> Self {
        Self {
            bilinear: true,
            ..Self::nearest(factor)
        }
    }

    /// The same, with a size instead of a factor.
    pub fn bilinear_to(size: impl Into<Pair>) -> Self {
        Self {
            bilinear: true,
            ..Self::nearest_to(size)
        }
    }

    /// Interpolates so that the corners keep their values (PyTorch's `align_corners=True`). It has
    /// no effect on nearest-pixel layers.
    pub fn align_corners(mut self) -> Self {
        self.align_corners = true;
        self
    }
}

impl Layer for Upsample {
    fn apply(&self, input: &Tensor, _: &mut Pass) -> Result<Tensor> {
        if self.bilinear {
            ops::upsample_bilinear2d(input, self.size, self.align_corners)
        } else {
            ops::upsample_nearest2d(input, self.size)
        }
    }

    fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let [channels, height, width] = image("Upsample", input)?;
        Ok(match self.size {
            Resize::By(factor) => vec![channels, factor * height, factor * width],
            Resize::To([height, width]) => vec![channels, height, width],
        })
    }

    fn kind(&self) -> String {
        let how = if self.bilinear { "bilinear" } else { "nearest" };
        format!("Upsample {how}")
    }
}

forward_is_evaluation!(Upsample);
