//! Deep learning for notebooks: what a cell of the Cuaderno workbook sees.
//!
//! ```
//! use cuaderno::prelude::*;
//!
//! let mut rng = Rng::new(6202);
//! let noise = rng.normal(0.0, 1.0, &[2, 3])?;
//! assert_eq!(noise.dims(), [2, 3]);
//! # Ok::<(), cuaderno::Error>(())
//! ```

pub mod arrays;
pub mod classic;
pub mod data;
pub mod error;
mod files;
pub mod lab;
mod live;
pub mod metrics;
pub mod models;
pub mod nn;
pub mod notebook;
mod numerics;
pub mod ops;
pub mod optim;
pub mod plot;
pub mod representations;
pub mod rng;
mod table;
pub mod train;

pub use candle_core;
pub use candle_nn;
pub use error::{Error, Result};
pub use lab::Profile;
pub use linfa;
pub use linfa_nn;
pub use ndarray;
pub use rng::{Rng, Seed};
pub use table::Table;

/// The names that most cells need. Every notebook starts with `use cuaderno::prelude::*;`.
pub mod prelude {
    pub use crate::arrays::{IntoTensor, ToArray};
    pub use crate::classic::{
        Knn, Pca, Split, StandardScaler, TSne, frechet_distance, trustworthiness,
    };
    pub use crate::data::{
        Augmentation, CamVid, Characters, Cifar10, LabelledImages, MelSpectrogram, Mnist, Padding,
        SegmentedImages, Sound, Spectra, SpokenDigits, TaggedText, Transcribed, Utterance,
        Vocabulary, Voice, Wnut17, WordVectors, chelsea, pad_sequences, scenes, spectral_scene,
    };
    pub use crate::error::Result;
    pub use crate::lab::{Bands, Profile, unsolved};
    pub use crate::metrics::{
        ClusteringReport, accuracy, character_error_rate, classification_report, clustering_report,
        confusion_matrix, edit_distance, entity_report, masked_select, monotonicity,
        reconstruction_bce, reconstruction_mse, segmentation_report, word_error_rate,
    };
    pub use crate::models::{
        Autoencoder, Backbone, CategoricalVae, ClassLoss, Classifier, Codec, FeaturesFolder, Gan,
        GaussianCode, JointVae, M1, M1Settings, M2, PixelLoss, Score, Seq2Seq, SkipGram, Tagger,
        Transcript, Vae, VaeArchitecture, efficientnet_lite0, fully_convolutional, resnet18,
        small_resnet, u_net,
    };
    pub use crate::nn::{
        Activation, AvgPool1d, AvgPool2d, BatchNorm, Bidirectional, Conv1d, Conv2d,
        ConvTranspose1d, ConvTranspose2d, Dense, Dropout, Dropout2d, Embedding, Flatten,
        GlobalAvgPool, GlobalMaxPool, Gru, Initialiser, Lambda, Layer, LayerNorm, Lstm, MaxPool1d,
        MaxPool2d, Parallel, Pass, Plan, Reshape, Residual, Sequential, SimpleRnn, Upsample,
        check_gradients, no_grad,
    };
    pub use crate::ops::backward;
    pub use crate::optim::{Adadelta, Adam, AdamW, Optimiser, RmsProp, Schedule, Sgd};
    pub use crate::plot::{
        Figure, Theme, animation, attention_map, bar_chart, captioned_image_grid, cluster_heat_map,
        confusion_heat_map, contour_map, histogram, histograms, histograms_against_normal,
        image_grid, image_map, learning_curve, line_chart, mask_overlays, named_scatter,
        reconstructions, scatter, segmentations, set_theme, side_by_side, spectrogram,
        tagged_sentence,
    };
    pub use crate::representations::{
        CodeComparison, M1Run, SampleImages, few_labels, latent_interpolation, latent_manifold,
        latent_samples, latent_traversal,
    };
    pub use crate::rng::Rng;
    pub use crate::table::Table;
    pub use crate::train::{
        Batch, EarlyStopping, Examples, History, Losses, Model, Progress, RunFolder,
        ShuffledBatches, TensorExamples, Trace, Trainer, WeightsFolder, evaluate,
    };
    pub use candle_core::{D, DType, Device, IndexOp, Module, Tensor, Var};
    pub use std::collections::HashMap;
    pub use std::time::Instant;
}

// Fresh buffers from the system allocator fault in page by page, and a training step allocates
// many. Miri and AddressSanitizer (see .ci/sanitize) can only watch the system's.
#[cfg(not(any(miri, address_sanitizer)))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
