//! Features of spectra from a run of `m1_train`, as the course's `extract_features_hyp.py` makes them.
//!
//! ```sh
//! cargo run --example m1_features -- runs/scene-300-20261127-221502 scene.npy --out features.csv
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use cuaderno::prelude::*;
use parquet::basic::{Repetition, Type as PhysicalType};
use parquet::data_type::FloatType;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

/// Gives each spectrum's features: mean and variance of its code's distribution q(z|x), and a sample.
#[derive(Parser)]
struct Arguments {
    /// A folder that m1_train has made
    run: PathBuf,
    /// Files of spectra with the bands that it was trained on: .csv, .npy, .mat or .hdr (ENVI)
    #[arg(required = true)]
    data: Vec<PathBuf>,
    /// The file to write: .csv or .parquet, with names of the columns, or .npy, [spectra, 3 * latent]
    /// in the same order
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
type Outcome<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

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

/// Writes the features, [spectra, 3 * latent], in the format that the ending says.
fn write(path: &Path, features: &Tensor, latent: usize) -> Outcome {
    let parts = ["mean", "variance", "sample"];
    let names = parts
        .iter()
        .flat_map(|part| (1..=latent).map(move |number| format!("{part}_{number}")));
    let bytes = match path.extension().and_then(|ending| ending.to_str()) {
        Some("npy") => return Ok(features.write_npy(path)?),
        Some("csv") => csv_of(names, features)?,
        Some("parquet") => parquet_of(names, features)?,
        _ => {
            let path = path.display();
            return Err(format!("{path}: expected is .csv, .npy or .parquet; see --help").into());
        }
    };
    // Renamed at the end: a file of this name is replaced as a whole, or stays as it is.
    let part = path.with_extension("part");
    fs::write(&part, bytes)
        .and_then(|()| fs::rename(&part, path))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(())
}

fn csv_of(names: impl Iterator<Item = String>, features: &Tensor) -> Outcome<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(names)?;
    for row in features.to_vec2::<f32>()? {
        table.serialize(row)?;
    }
    Ok(table.into_inner()?)
}

fn parquet_of(names: impl Iterator<Item = String>, features: &Tensor) -> Outcome<Vec<u8>> {
    let column = |name: String| {
        let column = Type::primitive_type_builder(&name, PhysicalType::FLOAT);
        Ok(Arc::new(
            column.with_repetition(Repetition::REQUIRED).build()?,
        ))
    };
    let columns = names.map(column).collect::<parquet::errors::Result<_>>()?;
    let schema = Type::group_type_builder("features")
        .with_fields(columns)
        .build()?;
    let mut file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::default())?;
    let mut rows = file.next_row_group()?;
    let mut values = features.t()?.to_vec2::<f32>()?.into_iter();
    while let (Some(mut column), Some(values)) = (rows.next_column()?, values.next()) {
        column
            .typed::<FloatType>()
            .write_batch(&values, None, None)?;
        column.close()?;
    }
    rows.close()?;
    Ok(file.into_inner()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::SerializedFileReader;
    use parquet::record::{Row, RowAccessor};

    /// Runs the program on these words.
    fn program(words: &[&str]) -> std::result::Result<(), String> {
        let words = [&["m1_features"], words].concat();
        let arguments = Arguments::try_parse_from(words).map_err(|error| error.to_string())?;
        run(arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn each_format_has_the_same_features_and_other_runs_are_refused() -> Outcome {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let scene = Tensor::arange(0f32, 35.0, &Device::Cpu)?.reshape((7, 5))?;
        scene.sin()?.write_npy(at("scene.npy"))?;
        let settings = M1Settings {
            bands: 5,
            hidden: 8,
            latent: 2,
        };
        let run = M1Run::create(folder.path(), "scene", &settings)?;
        run.save(&settings.build(1)?)?;
        let run = run.path().to_string_lossy().into_owned();
        let data = at("scene.npy");
        for name in ["features.npy", "features.csv", "features.parquet"] {
            program(&[&run, &data, "--out", &at(name)])?;
        }
        let expected = Tensor::read_npy(at("features.npy"))?.to_vec2::<f32>()?;
        assert_eq!((expected.len(), expected[0].len()), (7, 6));
        let names = [
            "mean_1",
            "mean_2",
            "variance_1",
            "variance_2",
            "sample_1",
            "sample_2",
        ];

        let mut table = csv::Reader::from_path(at("features.csv"))?;
        assert_eq!(table.headers()?, &names[..]);
        let rows = table
            .deserialize()
            .collect::<std::result::Result<Vec<Vec<f32>>, _>>()?;
        assert_eq!(rows, expected);

        let table = SerializedFileReader::new(fs::File::open(at("features.parquet"))?)?;
        let rows = table
            .into_iter()
            .collect::<std::result::Result<Vec<Row>, _>>()?;
        for (row, expected) in rows.iter().zip(&expected) {
            let found: Vec<&String> = row.get_column_iter().map(|(name, _)| name).collect();
            assert_eq!(found, names);
            for (number, &value) in expected.iter().enumerate() {
                assert_eq!(row.get_float(number)?, value);
            }
        }
        assert_eq!(rows.len(), expected.len());

        let refused = program(&[&run, &data, "--out", &at("features.xlsx")]).unwrap_err();
        assert!(
            refused.ends_with("expected is .csv, .npy or .parquet; see --help"),
            "{refused}"
        );
        let refused =
            program(&[&run, &data, "--out", &at("other.csv"), "--hidden", "300"]).unwrap_err();
        assert!(
            refused.contains("the run has 8 hidden units, but 300 are asked for"),
            "{refused}"
        );
        assert!(!Path::new(&at("other.csv")).exists());
        Ok(())
    }
}
