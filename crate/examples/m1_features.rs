//! Features of spectra from a run of `m1_train`, as the course's `extract_features_hyp.py` makes them.
//!
//! ```sh
//! cargo run --example m1_features -- runs/scene-300-20261127-221502 scene.npy --out features.csv
//! ```

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use cuaderno::prelude::*;

const HELP: &str = "\
Gives each spectrum's features: mean and variance of its code's distribution q(z|x), and a sample.

    m1_features RUN DATA… --out FILE

RUN is a folder that m1_train has made; DATA are files of spectra with the bands it was trained on.
FILE ends in .csv, with names of the columns, or in .npy, [spectra, 3 * latent] in the same order.
Parquet is not written, because polars is not built with this program: in a notebook with
`:dep cuaderno-tables`, read the CSV and call `.save_parquet`.

    --hidden N     refuse a run with other hidden units
    --latent N     refuse a run with codes of another size
    --seed N       decides the samples (6202)
    --labels FILE  labels of the spectra, .csv or .npy: compares how many spectra their nearest
                   neighbour classifies rightly with 10 labels a class, in 10 draws, by raw spectra,
                   by principal components and by the features; --out may be left out then";

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
    let mut names = Vec::new();
    let (mut out, mut labels, mut seed) = (None, None, 6202u64);
    let (mut hidden, mut latent) = (None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--help" || argument == "-h" {
            println!("{HELP}");
            return Ok(());
        }
        if !argument.starts_with("--") {
            names.push(argument);
            continue;
        }
        let value = arguments.next();
        let value = value.ok_or_else(|| format!("{argument} needs a value; see --help"))?;
        let number = || {
            let number = value.parse::<usize>();
            number.map_err(|error| format!("{argument} {value}: {error}; see --help"))
        };
        match argument.as_str() {
            "--out" => out = Some(value),
            "--labels" => labels = Some(value),
            "--hidden" => hidden = Some(number()?),
            "--latent" => latent = Some(number()?),
            "--seed" => seed = number()? as u64,
            _ => return Err(format!("there is no option {argument}; see --help").into()),
        }
    }
    let Some((run, files)) = names.split_first().filter(|(_, files)| !files.is_empty()) else {
        return Err("name a run and files of spectra; see --help".into());
    };
    if out.is_none() && labels.is_none() {
        return Err("name the file to write with --out; see --help".into());
    }

    let run = M1Run::open(run)?;
    let spectra = Spectra::read_all(files)?;
    let settings = run.settings();
    for (what, there, here) in [
        ("hidden units", settings.hidden, hidden),
        ("numbers of a code", settings.latent, latent),
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
    if let Some(out) = out {
        let sample = code.sample(seed)?;
        let features = Tensor::cat(&[&code.mean, &code.variance()?, &sample], 1)?;
        write(out.as_ref(), &features, settings.latent)?;
        println!("{out}: {:?}", features.dims());
    }
    if let Some(labels) = labels {
        let targets = spectra.clone().with_labels_from(labels)?.targets()?;
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
            let columns: Vec<String> = parts.into_iter().flat_map(column).collect();
            let mut text = columns.join(",") + "\n";
            for row in features.to_vec2::<f32>()? {
                let numbers: Vec<String> = row.iter().map(f32::to_string).collect();
                writeln!(text, "{}", numbers.join(","))?;
            }
            std::fs::write(path, text)?;
        }
        _ => {
            return Err(format!("{}: expected is .csv or .npy; see --help", path.display()).into());
        }
    }
    Ok(())
}
