//! Trains M1 on spectra, as the course's `run_VAE_hyp.py` does.
//!
//! ```sh
//! cargo run --example m1_train -- scene.npy --logdir runs
//! ```

use std::path::Path;
use std::process::ExitCode;

use cuaderno::prelude::*;

const HELP: &str = "\
Trains the latent-feature model M1, a variational autoencoder, on all spectra of some files.

    m1_train DATA… --logdir DIR

DATA are files of spectra with the same bands: .csv, .npy, .mat or .hdr (ENVI). Labels are not used.

    --logdir DIR   where the folder of this run is made: data-hidden-time
    --hidden N     units of the hidden layers (300)
    --latent N     numbers of a code (3)
    --batch N      spectra in a batch (100)
    --steps N      passes over the spectra at most (1000)
    --patience N   passes without improvement after which it stops (100)
    --rate X       learning rate of Adam (0.001)
    --seed N       decides the first weights, what validates, and the order (6202)

A tenth of the spectra validates. Every ten steps a line tells the step, the seconds, the bound on
the log-likelihood of the last batch and of the validation spectra in nats a spectrum, and the steps
without improvement. The run's folder gets samples in images/, and in weights/ the best encoder,
v.safetensors, and the best decoder, w.safetensors.";

/// Any error, which is told in its own words.
type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome {
    let mut files = Vec::new();
    let (mut logdir, mut rate, mut seed) = (None, 1e-3, 6202);
    let (mut hidden, mut latent, mut batch, mut steps, mut patience) = (300, 3, 100, 1000, 100);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--help" || argument == "-h" {
            println!("{HELP}");
            return Ok(());
        }
        if !argument.starts_with("--") {
            files.push(argument);
            continue;
        }
        let value = arguments.next();
        let value = value.ok_or_else(|| format!("{argument} needs a value; see --help"))?;
        let wrong = |error| format!("{argument} {value}: {error}; see --help");
        let number = || {
            value
                .parse::<usize>()
                .map_err(|error| wrong(error.to_string()))
        };
        match argument.as_str() {
            "--logdir" => logdir = Some(value),
            "--hidden" => hidden = number()?,
            "--latent" => latent = number()?,
            "--batch" => batch = number()?,
            "--steps" => steps = number()?,
            "--patience" => patience = number()?,
            "--seed" => seed = value.parse().map_err(|_| wrong("no whole number".into()))?,
            "--rate" => rate = value.parse().map_err(|_| wrong("no number".into()))?,
            _ => return Err(format!("there is no option {argument}; see --help").into()),
        }
    }
    let Some(first) = files.first() else {
        return Err("name the files of spectra; see --help".into());
    };
    let logdir = logdir.ok_or("name the folder of the runs with --logdir; see --help")?;

    let spectra = Spectra::read_all(&files)?;
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
        hidden,
        latent,
    };
    let model = settings.build(seed)?;
    model.standardise(&train.spectra)?;
    let name = Path::new(first).file_stem().unwrap_or_default();
    let run = M1Run::create(logdir, &name.to_string_lossy(), &settings)?;
    println!("{}", run.path().display());
    let history = Trainer::new(Adam::new(rate))
        .epochs(steps)
        .batch_size(batch)
        .seed(seed)
        .callback(run.log(&model).patience(patience))
        .quiet()
        .fit(&model, &train, &valid)?;
    history.save_csv(run.path().join("history.csv"))?;
    println!(
        "{}",
        history.stopped.unwrap_or(format!("{steps} steps are done"))
    );
    Ok(())
}
