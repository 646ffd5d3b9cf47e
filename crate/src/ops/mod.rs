//! Differentiable operations, in place of those that are slow, wrong or missing in candle.
//!
//! An operation is a plain function. It checks its shapes, then runs as a fused kernel (on the CPU,
//! in f32 or f64) or, on any other device, as a composition of candle's operations.
//!
//! # How to write one
//! ```text
//! pub fn double(x: &Tensor) -> Result<Tensor> {
//!     // 1. Shapes: `Error::shape("double", "...")`, a sentence with both shapes.
//!     // 2. Elsewhere than on the CPU, or forced by a test: composed.
//!     if !fallback::fused(x) {
//!         return Ok((x * 2.0)?);
//!     }
//!     // 3. Fused: candle's custom op, on contiguous tensors, generic over `Float`.
//!     for_float!(x.dtype(), T => Ok(x.contiguous()?.apply_op1(Double::<T>(PhantomData))?))
//! }
//!
//! impl<T: Float> CustomOp1 for Double<T> {
//!     fn name(&self) -> &'static str {
//!         "double"
//!     }
//!     fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
//!         let x = elements::<T>(x, layout)?;
//!         let y: Vec<T> = T::dispatch(...);          // write each buffer once
//!         Ok((T::to_cpu_storage_owned(y), layout.shape().clone()))
//!     }
//!     fn bwd(&self, x: &Tensor, _y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
//!         // `None` for what is not tracked (`!x.track_op()`): no work, no buffer.
//!         // An incoming gradient may have any strides: `grad.contiguous()?`, `Elements::of`.
//!         // The gradient of a weight goes out through `gradient::for_variable`.
//!     }
//! }
//! ```
//! Sums run in an order that does not depend on the number of threads. A value saved by the forward
//! for the backward pass lives in the op itself (a `Mutex` or `OnceLock` field).

mod activation;
mod batch_norm;
mod check;
pub mod conv;
mod crf;
mod dropout;
mod dropout2d;
mod embedding;
pub mod fallback;
pub mod gradient;
mod gumbel_softmax;
mod layer_norm;
mod linear;
mod loss;
mod pool;
mod pool1d;
mod prelu;
pub mod recurrent;
mod softmax;
mod upsample;

pub use crate::numerics::level::Level;
pub use activation::Activation;
pub use batch_norm::{ChannelStatistics, batch_norm, batch_norm_training};
pub use check::{GradientCheck, check_function, check_variables};
pub use conv::{
    Conv1dOptions, Conv2dOptions, ConvTranspose1dOptions, ConvTranspose2dOptions, conv_transpose1d,
    conv_transpose2d, conv1d, conv2d,
};
pub use crf::{crf_decode, crf_loss};
pub use dropout::dropout;
pub use dropout2d::dropout2d;
pub use embedding::embedding;
pub use gradient::backward;
pub use gumbel_softmax::{gumbel_noise, gumbel_softmax, gumbel_softmax_with};
pub use layer_norm::layer_norm;
pub use linear::linear;
pub use loss::{
    CrossEntropy, Reduction, bce_with_logits, categorical_kl, cross_entropy, dice, focal,
    gaussian_kl, gaussian_nll, huber, l1, mse, mutual_information, semi_supervised,
    weighted_bce_with_logits,
};
pub use pool::{Pool2d, avg_pool2d, max_pool2d};
pub use pool1d::{Pool1d, avg_pool1d, max_pool1d};
pub use prelu::prelu;
pub use recurrent::{
    Direction, LstmOutput, LstmState, RecurrentOutput, RecurrentWeights, RnnActivation, Sweep, gru,
    lstm, mask_of_lengths, rnn,
};
pub use softmax::{log_softmax, softmax};
pub use upsample::{Resize, upsample_bilinear2d, upsample_nearest2d};
