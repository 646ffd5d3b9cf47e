//! The positions at which a convolution reads and writes.
//!
//! A convolution links a *big* image and a *small* one: position `i` of the small image meets the
//! positions `i * stride + tap * dilation - padding` of the big one. Read from big to small it is
//! [`gather`](Direction::Gather): the forward pass of a convolution, and the gradient of the input
//! of a transposed convolution. Read from small to big it is [`scatter`](Direction::Scatter): the
//! forward pass of a transposed convolution, and the gradient of the input of a convolution.
//!
//! Either way the written positions fall into *phases*. All positions of a phase use the same taps,
//! each at a constant distance from where the position starts to read, so that one kernel serves
//! both directions. A gather has one phase an axis, a scatter one for each remainder modulo the
//! stride.

/// One spatial axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Length of the big image.
    pub big: usize,
    /// Length of the small image.
    pub small: usize,
    /// Number of taps.
    pub kernel: usize,
    /// Distance in the big image between neighbours of the small one.
    pub stride: usize,
    /// Zeros around the big image.
    pub padding: usize,
    /// Distance in the big image between neighbouring taps.
    pub dilation: usize,
}

/// The direction of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Big to small.
    Gather,
    /// Small to big.
    Scatter,
}

impl Direction {
    /// The opposite direction, which the gradient of the image that was read takes.
    pub fn reversed(self) -> Self {
        match self {
            Self::Gather => Self::Scatter,
            Self::Scatter => Self::Gather,
        }
    }
}

/// The plan of a pass along one axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AxisPlan {
    /// Zeros put before the image that is read.
    pub before: usize,
    /// Distance between the reads of neighbouring positions of a phase.
    pub read_step: usize,
    /// Largest offset of any tap.
    pub reach: usize,
    /// Distance between neighbouring positions of a phase in the image that is written.
    pub write_step: usize,
    /// The written positions by the taps they use.
    pub phases: Vec<Phase>,
}

/// Positions `first + i * write_step` for `i` in `0..count`: the sum over `taps` of weight `tap`
/// times the padded image at `i * read_step + offset`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// First position written.
    pub first: usize,
    /// Number of positions written.
    pub count: usize,
    /// Pairs of tap and offset, by offset.
    pub taps: Vec<(usize, usize)>,
}

impl Axis {
    /// The plan of a pass in `direction`.
    pub fn plan(&self, direction: Direction) -> AxisPlan {
        match direction {
            Direction::Gather => self.gather(),
            Direction::Scatter => self.scatter(),
        }
    }

    fn gather(&self) -> AxisPlan {
        AxisPlan {
            before: self.padding,
            read_step: self.stride,
            reach: (self.kernel - 1) * self.dilation,
            write_step: 1,
            phases: vec![Phase {
                first: 0,
                count: self.small,
                taps: (0..self.kernel).map(|a| (a, a * self.dilation)).collect(),
            }],
        }
    }

    /// Position `y` of the big image takes tap `a` from `i = (y + padding - a * dilation) / stride`
    /// of the small one, where that division leaves no remainder. With `y + padding = q * stride +
    /// r`, the taps of the phase `r` are those with `a * dilation = r + t * stride`, and `i = q - t`.
    fn scatter(&self) -> AxisPlan {
        let first_q = |r: usize| self.padding.saturating_sub(r).div_ceil(self.stride);
        let taps = |r: usize| {
            (0..self.kernel)
                .rev()
                .map(move |a| (a, a * self.dilation))
                .filter(move |(_, distance)| distance % self.stride == r)
                .map(move |(a, distance)| (a, (distance - r) / self.stride))
        };
        // Reading starts at q - t, which may be before the image.
        let before = (0..self.stride)
            .flat_map(|r| taps(r).map(move |(_, t)| t.saturating_sub(first_q(r))))
            .max()
            .unwrap_or(0);
        let phases: Vec<Phase> = (0..self.stride)
            .map(|r| {
                let first = first_q(r) * self.stride + r - self.padding;
                Phase {
                    first,
                    count: self.big.saturating_sub(first).div_ceil(self.stride),
                    taps: taps(r).map(|(a, t)| (a, before + first_q(r) - t)).collect(),
                }
            })
            .collect();
        let offsets = phases.iter().flat_map(|phase| &phase.taps);
        AxisPlan {
            before,
            read_step: 1,
            reach: offsets.map(|&(_, offset)| offset).max().unwrap_or(0),
            write_step: self.stride,
            phases,
        }
    }
}

impl AxisPlan {
    /// The largest number of positions in a phase.
    pub fn longest(&self) -> usize {
        self.phases
            .iter()
            .map(|phase| phase.count)
            .max()
            .unwrap_or(0)
    }

    /// The length of the padded image that `count` neighbouring positions read.
    pub fn extent(&self, count: usize) -> usize {
        count.saturating_sub(1) * self.read_step + self.reach + 1
    }
}

/// A convolution between a batch of big and a batch of small images. Its weight is
/// `[small_channels, big_channels / groups, rows.kernel, columns.kernel]`, which is PyTorch's layout
/// both for convolutions (small = output) and for transposed ones (small = input).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Number of images.
    pub batch: usize,
    /// Channels of the big image.
    pub big_channels: usize,
    /// Channels of the small image.
    pub small_channels: usize,
    /// Groups that share no weights; both numbers of channels are multiples of it.
    pub groups: usize,
    /// The vertical axis.
    pub rows: Axis,
    /// The horizontal axis.
    pub columns: Axis,
}

impl Geometry {
    /// Shape of the batch of big images.
    pub fn big_shape(&self) -> [usize; 4] {
        let (rows, columns) = (self.rows.big, self.columns.big);
        [self.batch, self.big_channels, rows, columns]
    }

    /// Shape of the batch of small images.
    pub fn small_shape(&self) -> [usize; 4] {
        let (rows, columns) = (self.rows.small, self.columns.small);
        [self.batch, self.small_channels, rows, columns]
    }

    /// Number of taps in the kernel of one pair of channels.
    pub fn taps(&self) -> usize {
        self.rows.kernel * self.columns.kernel
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All (written, read, tap) triples of a plan, with `read` in the unpadded image.
    fn links(axis: &Axis, direction: Direction) -> Vec<(usize, usize, usize)> {
        let plan = axis.plan(direction);
        let length = match direction {
            Direction::Gather => axis.big,
            Direction::Scatter => axis.small,
        };
        let mut links = vec![];
        for phase in &plan.phases {
            for i in 0..phase.count {
                for &(tap, offset) in &phase.taps {
                    assert!(offset <= plan.reach);
                    let read = i * plan.read_step + offset;
                    assert!(read < plan.extent(phase.count));
                    if (plan.before..plan.before + length).contains(&read) {
                        let written = phase.first + i * plan.write_step;
                        links.push((written, read - plan.before, tap));
                    }
                }
            }
        }
        links.sort_unstable();
        links
    }

    #[test]
    fn gather_and_scatter_hold_the_links_of_the_definition() {
        for kernel in 1..=4 {
            for stride in 1..=4 {
                for dilation in 1..=3 {
                    for padding in 0..=4 {
                        for big in 1..=11 {
                            let span = (kernel - 1) * dilation + 1;
                            if big + 2 * padding < span {
                                continue;
                            }
                            let small = (big + 2 * padding - span) / stride + 1;
                            let axis = Axis {
                                big,
                                small,
                                kernel,
                                stride,
                                padding,
                                dilation,
                            };
                            check(&axis);
                        }
                    }
                }
            }
        }
    }

    fn check(axis: &Axis) {
        let mut gathered = vec![];
        for i in 0..axis.small {
            for tap in 0..axis.kernel {
                let position = i * axis.stride + tap * axis.dilation;
                if let Some(y) = position.checked_sub(axis.padding)
                    && y < axis.big
                {
                    gathered.push((i, y, tap));
                }
            }
        }
        let mut scattered: Vec<_> = gathered.iter().map(|&(i, y, tap)| (y, i, tap)).collect();
        gathered.sort_unstable();
        scattered.sort_unstable();
        assert_eq!(links(axis, Direction::Gather), gathered, "{axis:?}");
        assert_eq!(links(axis, Direction::Scatter), scattered, "{axis:?}");
    }

    #[test]
    fn a_scatter_writes_every_position_once() {
        for (big, stride, padding) in [(7, 2, 1), (8, 3, 0), (2, 4, 3), (1, 1, 5)] {
            let axis = Axis {
                big,
                small: 3,
                kernel: 3,
                stride,
                padding,
                dilation: 1,
            };
            let plan = axis.plan(Direction::Scatter);
            let mut written: Vec<_> = plan
                .phases
                .iter()
                .flat_map(|phase| (0..phase.count).map(|i| phase.first + i * plan.write_step))
                .collect();
            written.sort_unstable();
            assert_eq!(written, (0..big).collect::<Vec<_>>());
        }
    }
}
