//! Features of spectra from a run of `m1_train`, as the course's `extract_features_hyp.py` makes them.
//!
//! ```sh
//! cargo run --example m1_features -- runs/scene-300-20261127-221502 scene.npy --out features.csv
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use cuaderno::prelude::*;

/// Gives each spectrum's features: mean and variance of its code's distribution q(z|x), and a sample.
///
/// Parquet is not written, because polars is not built with this program: in a notebook with `:dep
/// cuaderno-tables`, read the CSV and call `.save_parquet`.
#[derive(Parser)]
struct Arguments {
    /// A folder that m1_train has made
    run: PathBuf,
    /// Files of spectra with the bands that it was trained on: .csv, .npy, .mat or .hdr (ENVI)
    #[arg(required = true)]
    data: Vec<PathBuf>,
    /// The file to write: .csv, with names of the columns, or .npy, [spectra, 3 * latent] in the same
    /// order
    #[arg(long, required_unless_present = "labels")]
    out: Option<PathBuf>,
    /// Refuse a run with other hidden units
    #[arg(long)]
    hidden: Option<usize>,
    /// Refuse a run with codes of another size
    #[arg(long)]
    latent: Option<usize>,
    /// Decides the samples
    #[arg(long, default_value_t = 6202)]
    seed: u64,
    /// Labels of the spectra, .csv or .npy: prints how many spectra their nearest neighbour classifies
    /// correctly with 10 labels a class, in 10 draws, by raw spectra, by principal components and by
    /// the features
    #[arg(long)]
    labels: Option<PathBuf>,
    /// The label that means none, as 0 in many scenes: these spectra are left out of the comparison
    #[arg(long, requires = "labels")]
    unlabelled: Option<String>,
}

/// Any error, which is told in its own words.
type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Outcome {
    let seed = arguments.seed;
    let run = M1Run::open(&arguments.run)?;
    let spectra = Spectra::read_all(&arguments.data)?;
    let settings = run.settings();
    for (what, there, here) in [
        ("hidden units", settings.hidden, arguments.hidden),
        ("numbers of a code", settings.latent, arguments.latent),
        ("bands", settings.bands, Some(spectra.bands())),
    ] {
        if let Some(here) = here.filter(|&here| here != there) {
            let path = run.path().display();
            return Err(format!(
                "{path}: the run has {there} {what}, but {here} are asked for; take another run, or train \
                 one with these"
            )
            .into());
        }
    }
    let model = run.model()?;
    println!("{} spectra, {settings:?}", spectra.len());
    let code = model.encode(&spectra.spectra)?;
    if let Some(out) = arguments.out {
        let sample = code.sample(seed)?;
        let features = Tensor::cat(&[&code.mean, &code.variance()?, &sample], 1)?;
        write(&out, &features, settings.latent)?;
        println!("{}: {:?}", out.display(), features.dims());
    }
    if let Some(labels) = arguments.labels {
        let labelled = spectra.clone().with_labels_from(labels)?;
        let named = |label: u32| match labelled.classes.get(label as usize) {
            Some(name) => name.clone(),
            None => label.to_string(),
        };
        let known = labelled.labels.iter().zip(0..).filter_map(|(label, row)| {
            let is_none = label.is_none_or(|label| arguments.unlabelled == Some(named(label)));
            (!is_none).then_some(row)
        });
        let known: Vec<u32> = known.collect();
        let targets = labelled.select(&known)?.targets()?;
        let known = Tensor::new(known, &Device::Cpu)?;
        println!(
            "{} of {} spectra are labelled",
            targets.dims()[0],
            spectra.len()
        );
        let pca = |whiten| -> Result<Tensor> {
            let pca = Pca::params(settings.latent)
                .whiten(whiten)
                .fit(&spectra.spectra)?;
            pca.transform(&spectra.spectra)
        };
        for (name, features) in [
            ("raw spectra", spectra.spectra.clone()),
            ("PCA", pca(false)?),
            ("PCA, whitened", pca(true)?),
            ("M1, means", code.mean.clone()),
            (
                "M1, means and variances",
                Tensor::cat(&[&code.mean, &code.variance()?], 1)?,
            ),
        ] {
            let features = features.index_select(&known, 0)?;
            let found = few_labels(&features, &targets, 10, 10, seed)?;
            let mean = found.iter().sum::<f64>() / found.len() as f64;
            let variance =
                found.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / found.len() as f64;
            println!("{name:24} {mean:.4} ± {:.4}", variance.sqrt());
        }
    }
    Ok(())
}

/// Writes the features in the format that the ending says.
fn write(path: &Path, features: &Tensor, latent: usize) -> Outcome {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("npy") => features.write_npy(path)?,
        Some("csv") => {
            let parts = ["mean", "variance", "sample"];
            let column = |part| (1..=latent).map(move |number| format!("{part}_{number}"));
            let mut table = csv::Writer::from_writer(Vec::new());
            table.write_record(parts.into_iter().flat_map(column))?;
            for row in features.to_vec2::<f32>()? {
                table.serialize(row)?;
            }
            std::fs::write(path, table.into_inner()?)?;
        }
        _ => {
            return Err(format!("{}: expected is .csv or .npy; see --help", path.display()).into());
        }
    }
    Ok(())
}
