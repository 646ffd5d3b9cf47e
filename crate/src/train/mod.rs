//! Training: what a model minimises, batches, the loop and its history.

mod batch;
mod callback;
mod checkpoint;
mod early_stopping;
mod evaluate;
mod exact;
mod history;
mod limits;
mod model;
mod observer;
mod progress;
mod resume;
mod run_folder;
mod shuffled;
mod tally;
mod trace;
mod trainer;

pub use batch::{Batch, Examples, TensorExamples};
pub use callback::{Callback, Training};
pub use checkpoint::Checkpoint;
pub use early_stopping::EarlyStopping;
pub use evaluate::evaluate;
pub use history::{Epoch, History, Measure};
pub use limits::{StopFile, TimeBudget};
pub use model::{Losses, Model};
pub(crate) use observer::{Observer, Standing, observe_with};
pub use progress::Progress;
pub use run_folder::RunFolder;
pub use shuffled::{ShuffledBatches, Step};
pub use trace::Trace;
pub use trainer::Trainer;
