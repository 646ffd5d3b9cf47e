//! An interrupted cell ends at a batch or a step, or as its loop wants. A process of its own: there is
//! one running cell in each.

use cuaderno::data::Batches;
use cuaderno::prelude::*;
use cuaderno::train::{Callback, Training};
use cuaderno::{Error, Result};

unsafe extern "C" {
    safe fn cuaderno_begin_cell();
    safe fn cuaderno_interrupt() -> bool;
}

fn interrupt() {
    cuaderno_interrupt();
}

#[derive(Debug)]
struct InterruptAt(u64);

impl Callback for InterruptAt {
    fn batch_done(&mut self, training: &mut Training) -> Result<()> {
        if training.step == self.0 {
            interrupt();
        }
        Ok(())
    }
}

#[test]
fn loops_end_by_themselves_and_what_looks_ends_in_its_own_way() -> Result<()> {
    let x = Rng::new(1).normal(0.0, 1.0, &[8, 3])?;
    let examples = TensorExamples::new(x.clone(), x.zeros_like()?)?;
    let network = Sequential::input(&[3])
        .then("output", Dense::units(3))
        .build(&mut Rng::new(2))?;
    let mut adam = Adam::new(0.1);
    let mut step = || -> Result<()> {
        let loss = network.forward(&x)?.sqr()?.mean_all()?;
        adam.step(&network.parameters(), &backward(&loss)?)
    };
    let weights = || -> Result<Vec<f32>> {
        let weight = network
            .parameters()
            .get("output.weight")
            .expect("a weight")
            .tensor();
        Ok(weight.flatten_all()?.to_vec1()?)
    };

    // A step: nothing has changed, and the next cell goes on.
    step()?;
    let before = weights()?;
    interrupt();
    let error = step().unwrap_err();
    assert!(matches!(error, Error::Interrupted), "{error}");
    assert_eq!(weights()?, before);
    cuaderno_begin_cell();
    step()?;
    assert_ne!(weights()?, before);

    // Batches, of steps and of indices.
    let mut batches = ShuffledBatches::of(&examples, 2, 6202, 0)?;
    assert!(batches.next().is_some_and(|step| step.is_ok()));
    interrupt();
    let ended = batches
        .next()
        .is_some_and(|step| matches!(step, Err(Error::Interrupted)));
    assert!(ended);
    for indices in Batches::in_order(8, 2)? {
        assert!(matches!(examples.batch(&indices), Err(Error::Interrupted)));
    }

    // A loop that looks for itself is left to do so.
    assert!(cuaderno::notebook::stop_requested());
    step()?;

    // A trainer finishes its batch and returns what it has, and afterwards a step ends a loop again.
    cuaderno_begin_cell();
    let autoencoder = Autoencoder::new(network.clone(), network.clone())?;
    let trainer = Trainer::new(Adam::new(0.1)).epochs(3).batch_size(2).quiet();
    let trainer = trainer.callback(InterruptAt(6));
    let history = trainer.fit(&autoencoder, &examples, &examples)?;
    assert_eq!(history.stopped.as_deref(), Some("interrupted"));
    assert_eq!(history.epochs.len(), 1);
    assert!(matches!(step(), Err(Error::Interrupted)));

    // A loop with progress ends with its history.
    cuaderno_begin_cell();
    let mut progress = Progress::of_epochs(1).quiet();
    let mut batches = ShuffledBatches::of(&examples, 2, 6202, 0)?;
    interrupt();
    let batch = batches.next().expect("four batches")?;
    step()?;
    let losses = Losses::new("loss", Tensor::new(1f32, &Device::Cpu)?);
    assert!(!progress.step_done(&batch, &losses)?);
    assert_eq!(progress.finish().stopped.as_deref(), Some("interrupted"));
    assert!(matches!(step(), Err(Error::Interrupted)));
    Ok(())
}
