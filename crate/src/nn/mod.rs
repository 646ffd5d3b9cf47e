//! Layers, their parameters and how to stack them.
//!
//! A [`Layer`] owns its [`Parameters`] under stable names; a [`Plan`] (`Dense::units(32)`,
//! `Flatten`…) configures a layer and builds it once the shape of its input is known, as
//! [`Sequential`] does for a whole stack.

mod activation;
mod attention;
mod batch_norm;
mod bidirectional;
mod candle_layer;
mod check;
mod conv1d;
mod conv2d;
mod conv_transpose1d;
mod conv_transpose2d;
mod dense;
mod dropout;
mod dropout2d;
mod embedding;
mod filters;
mod flatten;
mod global_pool;
mod initialiser;
mod lambda;
mod layer;
mod layer_norm;
mod padding;
mod parallel;
mod parameter;
mod parts;
mod pickle;
mod pool;
mod pool1d;
mod prelu;
mod pytorch_file;
mod pytorch_pickle;
mod recurrent;
mod recurrent_level;
mod recurrent_state;
mod reshape;
mod residual;
mod seeded_var_map;
mod sequential;
mod summary;
pub(crate) mod tensor_file;
mod upsample;
mod weights;
mod window;

pub use activation::Activation;
pub use attention::{
    AdditiveAttention, AdditiveAttentionPlan, Attended, scaled_dot_product_attention,
};
pub use batch_norm::{BatchNorm, BatchNormPlan};
pub use bidirectional::{Bidirectional, BidirectionalPlan, Merge};
pub use candle_layer::{CandleLayer, CandleLayerPlan, candle_layer};
pub use check::check_gradients;
pub use conv_transpose1d::{ConvTranspose1d, ConvTranspose1dPlan};
pub use conv_transpose2d::{ConvTranspose2d, ConvTranspose2dPlan};
pub use conv1d::{Conv1d, Conv1dPlan};
pub use conv2d::{Conv2d, Conv2dPlan};
pub use dense::{Dense, DensePlan};
pub use dropout::Dropout;
pub use dropout2d::Dropout2d;
pub use embedding::{Embedding, EmbeddingPlan};
pub use flatten::Flatten;
pub use global_pool::{GlobalAvgPool, GlobalMaxPool};
pub use initialiser::Initialiser;
pub use lambda::Lambda;
pub use layer::{Layer, Pass, Plan};
pub use layer_norm::{LayerNorm, LayerNormPlan};
pub use parallel::{Parallel, ParallelPlan};
pub use parameter::{Parameter, Parameters, no_grad};
pub use parts::{Join, Parts};
pub use pool::{AvgPool2d, MaxPool2d};
pub use pool1d::{AvgPool1d, MaxPool1d};
pub use prelu::{PRelu, PReluPlan};
pub use recurrent::{Gru, Lstm, Recurrent, RecurrentPlan, SimpleRnn};
pub use recurrent_state::RecurrentState;
pub use reshape::Reshape;
pub use residual::{Residual, ResidualPlan};
pub use seeded_var_map::SeededVarMap;
pub use sequential::{BlockPlan, Sequential, SequentialPlan};
pub use summary::Summary;
pub use upsample::Upsample;
pub use window::Pair;
