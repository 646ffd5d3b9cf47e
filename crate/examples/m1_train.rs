//! Trains M1 on spectra, as the course's `run_VAE_hyp.py` does.
//!
//! ```sh
//! cargo run --example m1_train -- scene.npy --logdir runs
//! ```

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use cuaderno::prelude::*;

/// Trains the latent-feature model M1, a variational autoencoder, on all spectra of some files.
///
/// A tenth of the spectra validates; labels are not used. Every ten steps a line tells the step, the
/// seconds, the bound on the log-likelihood of the last batch and of the validation spectra in nats a
/// spectrum, and the steps without improvement. The run's folder gets samples in images/, and in
/// weights/ the best encoder, v.safetensors, and the best decoder, w.safetensors.
#[derive(Parser)]
struct Arguments {
    /// Files of spectra with the same bands: .csv, .npy, .mat or .hdr (ENVI)
    #[arg(required = true)]
    data: Vec<PathBuf>,
    /// Where the folder of this run is made, which is called data-hidden-time
    #[arg(long)]
    logdir: PathBuf,
    /// Units of the hidden layers
    #[arg(long, default_value_t = 300)]
    hidden: usize,
    /// Numbers of a code
    #[arg(long, default_value_t = 3)]
    latent: usize,
    /// Spectra in a batch
    #[arg(long, default_value_t = 100)]
    batch: usize,
    /// Passes over the spectra at most
    #[arg(long, default_value_t = 1000)]
    steps: usize,
    /// Passes without improvement after which it stops
    #[arg(long, default_value_t = 100)]
    patience: usize,
    /// Learning rate of Adam
    #[arg(long, default_value_t = 1e-3)]
    rate: f64,
    /// Decides the first weights, which spectra validate, and their order
    #[arg(long, default_value_t = 6202)]
    seed: u64,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let seed = arguments.seed;
    let spectra = Spectra::read_all(&arguments.data)?;
    let (train, valid) = spectra.split(0.1, seed)?;
    println!(
        "{} spectra of {} bands: {} to train with, {} to validate",
        spectra.len(),
        spectra.bands(),
        train.len(),
        valid.len()
    );
    let settings = M1Settings {
        bands: spectra.bands(),
        hidden: arguments.hidden,
        latent: arguments.latent,
    };
    let model = settings.build(seed)?;
    model.standardise(&train.spectra)?;
    let name = arguments.data[0].file_stem().unwrap_or_default();
    let run = M1Run::create(&arguments.logdir, &name.to_string_lossy(), &settings)?;
    println!("{}", run.path().display());
    let history = Trainer::new(Adam::new(arguments.rate))
        .epochs(arguments.steps)
        .batch_size(arguments.batch)
        .seed(seed)
        .callback(run.log(&model).patience(arguments.patience))
        .quiet()
        .fit(&model, &train, &valid)?;
    history.save_csv(run.path().join("history.csv"))?;
    let steps = arguments.steps;
    println!(
        "{}",
        history.stopped.unwrap_or(format!("{steps} steps are done"))
    );
    Ok(())
}
