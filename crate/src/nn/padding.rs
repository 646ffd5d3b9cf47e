//! Padding of convolutions.

use candle_core::Tensor;

use crate::Result;

/// The padding of a convolution over `AXES` dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding<const AXES: usize> {
    /// This many zeros on each side.
    Zeros([usize; AXES]),
    /// As many zeros as it takes for one position every `stride` elements of the input.
    Same,
}

/// The movement of a kernel along one axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
}

impl<const AXES: usize> Padding<AXES> {
    /// For an axis of this size, the zeros on each side, and one more at the end if their number is
    /// odd.
    pub(super) fn along(self, axis: usize, size: usize, steps: Steps) -> [usize; 2] {
        match self {
            Self::Zeros(zeros) => [zeros[axis], 0],
            Self::Same => {
                // An empty kernel and a stride of zero are refused where positions are counted.
                let stride = steps.stride.max(1);
                let reach = steps.dilation * steps.kernel.saturating_sub(1) + 1;
                let last = size.div_ceil(stride).saturating_sub(1) * stride;
                let zeros = (last + reach).saturating_sub(size);
                [zeros / 2, zeros % 2]
            }
        }
    }

    /// Adds the zeros that cannot be split between both sides to the end of the input `[batch,
    /// channels, ..]`. Returns it with the number of zeros still to add on each side.
    pub(super) fn split(
        self,
        input: &Tensor,
        steps: [Steps; AXES],
    ) -> Result<(Tensor, [usize; AXES])> {
        let mut padded = input.clone();
        let mut sides = [0; AXES];
        for (axis, steps) in steps.into_iter().enumerate() {
            // The operation refuses shapes that do not fit.
            let size = input.dims().get(2 + axis).copied().unwrap_or(0);
            let [side, end] = self.along(axis, size, steps);
            sides[axis] = side;
            if end > 0 && 2 + axis < input.rank() {
                padded = padded.pad_with_zeros(2 + axis, 0, end)?;
            }
        }
        Ok((padded, sides))
    }
}
