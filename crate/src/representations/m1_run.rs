//! The log folder of a training of M1.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use candle_core::Tensor;
use chrono::Utc;

use crate::models::{M1, M1Settings};
use crate::plot::{Figure, line_chart};
use crate::train::{Callback, RunFolder, Training};
use crate::{Error, Result, Rng};

/// Steps between two lines of the log.
const EVERY: usize = 10;
/// Spectra in a figure of samples.
const SAMPLES: usize = 8;

/// The folder of a training of [`M1`], named after the data, the hidden units and the time in UTC, as
/// `scene-300-20261127-221502`. Beside what a [`RunFolder`] has, `weights` has the parameters that
/// make features, the notes' v, in `v.safetensors`, and those that make spectra, w, in
/// `w.safetensors`, both of the best step so far.
///
/// ```
/// use cuaderno::{prelude::*, representations::M1Run};
/// # let folder = std::env::temp_dir().join(format!("doc-m1-{}", std::process::id()));
/// let scene = spectral_scene([16, 16], 6202)?;
/// let settings = M1Settings { bands: 96, hidden: 16, latent: 2 };
/// let m1 = settings.build(6202)?;
/// m1.standardise(&scene.spectra)?;
/// let run = M1Run::create(&folder, "scene", &settings)?;
/// let trainer = Trainer::new(Adam::new(1e-3)).epochs(10).callback(run.log(&m1));
/// trainer.quiet().fit(&m1, &scene, &scene)?;
///
/// let again = M1Run::open(run.path())?.model()?;
/// let features = again.encode(&scene.spectra)?;
/// assert_eq!(features.mean.dims(), [256, 2]);
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), cuaderno::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct M1Run {
    folder: RunFolder,
    settings: M1Settings,
}

impl M1Run {
    /// Creates the folder of a new training below `logdir`, for data that go by this name.
    ///
    /// # Errors
    /// If it cannot be created, or there is one of the same name and second.
    pub fn create(logdir: impl AsRef<Path>, data: &str, settings: &M1Settings) -> Result<Self> {
        let time = Utc::now().format("%Y%m%d-%H%M%S");
        let name = format!("{data}-{}-{time}", settings.hidden);
        let folder = RunFolder::build(logdir.as_ref().join(name), settings)?;
        let settings = *settings;
        Ok(Self { folder, settings })
    }

    /// Opens the folder of an earlier training.
    ///
    /// # Errors
    /// If it is none, or its files are damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = path.join("architecture.json");
        if !file.exists() {
            let problem = "it is no folder of a training of M1, because there is no architecture.json in \
                           it; give one that `M1Run::create` or m1_train has made";
            return Err(Error::data(path.display(), problem));
        }
        let text = fs::read_to_string(&file).map_err(|error| Error::io(&file, error))?;
        let settings: M1Settings = serde_json::from_str(&text).map_err(|error| {
            let problem = format!("these are no hyperparameters of M1: {error}");
            Error::data(file.display(), problem)
        })?;
        let folder = RunFolder::load(path, &settings)?;
        Ok(Self { folder, settings })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The hyperparameters of its model.
    pub fn settings(&self) -> M1Settings {
        self.settings
    }

    /// The model with the weights of the best step.
    ///
    /// # Errors
    /// If no step has been kept yet, or the weights are those of another model.
    pub fn model(&self) -> Result<M1> {
        let model = self.settings.build(0)?;
        let [v, w] = self.files();
        model.v().load(v)?;
        model.w().load(w)?;
        Ok(model)
    }

    /// Keeps the weights of `model` as the best ones.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn save(&self, model: &M1) -> Result<()> {
        let [v, w] = self.files();
        model.v().save(v)?;
        model.w().save(w)
    }

    fn files(&self) -> [PathBuf; 2] {
        ["v.safetensors", "w.safetensors"].map(|name| self.folder.weights().join(name))
    }

    /// A callback for the training of `model`. A step is a pass over the training spectra. Every ten
    /// steps it prints the step, the seconds since the start, the bound on the log-likelihood of the
    /// last training batch and of the validation spectra, in nats a spectrum, and the steps since the
    /// latter was best, and draws samples of the model to `images/step-0010.png`. It keeps the
    /// weights of each step that is better than all before, and ends the training after 100 steps
    /// that are not.
    pub fn log(&self, model: &M1) -> M1Log {
        M1Log {
            run: self.clone(),
            model: model.clone(),
            start: Instant::now(),
            batch: f64::NAN,
            best: f64::NEG_INFINITY,
            waited: 0,
            patience: 100,
        }
    }
}

/// See [`M1Run::log`].
pub struct M1Log {
    run: M1Run,
    model: M1,
    start: Instant,
    batch: f64,
    best: f64,
    waited: usize,
    patience: usize,
}

impl M1Log {
    /// Sets the number of steps without improvement after which a training ends.
    pub fn patience(mut self, steps: usize) -> Self {
        self.patience = steps;
        self
    }
}

impl Callback for M1Log {
    fn batch_done(&mut self, training: &mut Training) -> Result<()> {
        self.batch = training.losses.first().map_or(f64::NAN, |(_, loss)| -loss);
        Ok(())
    }

    fn epoch_done(&mut self, training: &mut Training) -> Result<()> {
        let valid = -training.history.final_valid("loss")?;
        self.waited += 1;
        if valid > self.best {
            (self.best, self.waited) = (valid, 0);
            self.run.save(&self.model)?;
        }
        let step = training.epoch;
        if step.is_multiple_of(EVERY) {
            println!(
                "step {step:5}  {:7.1} s  batch {:9.3}  validation {valid:9.3}  without improvement {:3}",
                self.start.elapsed().as_secs_f64(),
                self.batch,
                self.waited
            );
            let name = format!("step-{step:04}.png");
            let figure = sampled_spectra(&self.model)?;
            figure.save(self.run.folder.images().join(name))?;
        }
        if self.waited >= self.patience {
            let (waited, best) = (self.waited, self.best);
            training.finish(format!("no better for {waited} steps than {best:.3} nats"));
        }
        Ok(())
    }

    fn state(&self) -> Vec<f64> {
        vec![self.best, self.waited as f64]
    }

    fn restore(&mut self, state: &[f64]) {
        if let &[best, waited] = state {
            (self.best, self.waited) = (best, waited as usize);
        }
    }
}

/// Without the folder, whose name has the time in it: it decides nothing.
impl fmt::Debug for M1Log {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "M1Log with patience {}", self.patience)
    }
}

/// Eight spectra that nobody measured, decoded from codes that are always the same.
fn sampled_spectra(model: &M1) -> Result<Figure> {
    let spectra: Tensor = model.sample(SAMPLES, &mut Rng::new(0))?;
    let points = |levels: Vec<f32>| -> Vec<(f64, f64)> {
        let levels = levels.into_iter().map(f64::from);
        (1..).map(f64::from).zip(levels).collect()
    };
    let rows = spectra.to_vec2::<f32>()?.into_iter().map(points);
    let curves: Vec<(String, Vec<_>)> = (1..)
        .zip(rows)
        .map(|(number, points)| (format!("z{number}"), points))
        .collect();
    Ok(line_chart("band", "decoded", &curves)?.title("Samples"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::spectral_scene;
    use crate::optim::Adam;
    use crate::train::{Model, Trainer};

    #[test]
    fn a_run_keeps_its_best_weights_and_stops() {
        let folder = tempfile::tempdir().unwrap();
        let scene = spectral_scene([12, 12], 1).unwrap();
        let settings = M1Settings {
            bands: 96,
            hidden: 8,
            latent: 2,
        };
        let run = M1Run::create(folder.path(), "scene", &settings).unwrap();
        assert!(
            run.path()
                .file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("scene-8-20")
        );
        assert!(
            run.model()
                .unwrap_err()
                .to_string()
                .contains("v.safetensors")
        );
        let m1 = settings.build(1).unwrap();
        m1.standardise(&scene.spectra).unwrap();
        // Steps of this size make nothing better for long.
        let trainer = Trainer::new(Adam::new(0.3)).epochs(60).seed(1).quiet();
        let trainer = trainer.callback(run.log(&m1).patience(4));
        let history = trainer.fit(&m1, &scene, &scene).unwrap();
        assert!(
            history
                .stopped
                .unwrap()
                .contains("no better for 4 steps than")
        );
        let kept = M1Run::open(run.path()).unwrap().model().unwrap();
        let best = crate::train::evaluate(&kept, &scene).unwrap()[0].mean;
        let losses = history
            .epochs
            .iter()
            .map(|epoch| epoch.valid("loss").unwrap().mean);
        let lowest = losses.fold(f64::INFINITY, f64::min);
        assert!((best - lowest).abs() < 1e-9, "{best} {lowest}");
        if history.epochs.len() >= 10 {
            assert!(run.folder.images().join("step-0010.png").exists());
        }
    }

    #[test]
    fn a_resumed_training_counts_on_and_keeps_the_same_weights() {
        let folder = tempfile::tempdir().unwrap();
        let scene = spectral_scene([12, 12], 1).unwrap();
        let settings = M1Settings {
            bands: 96,
            hidden: 8,
            latent: 2,
        };
        let train = |data: &str, parts: &[usize]| {
            let run = M1Run::create(folder.path(), data, &settings).unwrap();
            let mut length = 0;
            for &epochs in parts {
                let m1 = settings.build(1).unwrap();
                m1.standardise(&scene.spectra).unwrap();
                let trainer = Trainer::new(Adam::new(0.3)).epochs(epochs).seed(1).quiet();
                let trainer = trainer.callback(run.log(&m1).patience(4));
                let trainer = trainer.resume(folder.path().join(format!("{data}-state")));
                length = trainer.fit(&m1, &scene, &scene).unwrap().epochs.len();
            }
            (length, run.model().unwrap().parameters())
        };
        let (whole, of_whole) = train("whole", &[60]);
        assert!(whole < 60, "{whole}");
        let (resumed, of_resumed) = train("resumed", &[whole - 2, 60]);
        assert_eq!(resumed, whole);
        assert!(of_resumed.same_values(&of_whole).unwrap());
    }

    #[test]
    fn what_is_no_run_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path(), &folder.path().join("none")] {
            let error = M1Run::open(path).unwrap_err().to_string();
            assert!(
                error.contains("no architecture.json in it; give"),
                "{error}"
            );
        }
        fs::write(folder.path().join("architecture.json"), "{\"bands\": 3}").unwrap();
        let error = M1Run::open(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("these are no hyperparameters of M1"),
            "{error}"
        );
        // Weights of another model than the hyperparameters say.
        let settings = M1Settings {
            bands: 5,
            hidden: 4,
            latent: 2,
        };
        let run = M1Run::create(folder.path(), "x", &settings).unwrap();
        run.save(
            &M1Settings {
                hidden: 3,
                ..settings
            }
            .build(1)
            .unwrap(),
        )
        .unwrap();
        let error = run.model().unwrap_err().to_string();
        assert!(error.contains("v.safetensors"), "{error}");
    }
}
