//! The history of a training.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::exact;
use crate::files::write_atomically;
use crate::table::Table;
use crate::{Error, Result};

/// The epochs of a training, which returns it at the end. It prints as a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The epochs in order.
    pub epochs: Vec<Epoch>,
    /// The reason why the training stopped before its last epoch, if it did.
    pub stopped: Option<String>,
}

/// One pass over the training examples and the validation after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// The number of the epoch, counted from 1.
    pub number: usize,
    /// The time it took, including validation.
    #[serde(with = "exact")]
    pub seconds: f64,
    /// The learning rate of its steps.
    #[serde(with = "exact")]
    pub learning_rate: f64,
    /// The parts of the loss on the training batches, while the weights were changing.
    pub train: Vec<Measure>,
    /// The parts of the loss on the validation examples, with the weights at the end of the epoch.
    pub valid: Vec<Measure>,
}

/// A named part of the loss, over the batches of an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// The name that the model gave it, such as `loss`.
    pub name: String,
    /// The mean over the examples.
    #[serde(with = "exact")]
    pub mean: f64,
    /// The standard deviation of the means of the batches, which a learning curve shows as a band.
    #[serde(with = "exact")]
    pub std: f64,
}

/// The measures on the training or on the validation examples.
type Measures = fn(&Epoch) -> &[Measure];

impl History {
    /// The names of the parts, the minimised one first.
    pub fn parts(&self) -> Vec<&str> {
        let first = self.epochs.first();
        first.map_or(Vec::new(), |epoch| {
            epoch.train.iter().map(|m| m.name.as_str()).collect()
        })
    }

    /// The last epoch.
    pub fn last(&self) -> Option<&Epoch> {
        self.epochs.last()
    }

    /// The mean of `part` on the training batches, epoch by epoch.
    ///
    /// ```
    /// use cuaderno::prelude::*;
    /// let mut rng = Rng::new(6202);
    /// let images = rng.uniform(0.0, 1.0, &[64, 1, 28, 28])?;
    /// let examples = TensorExamples::new(images.clone(), images)?;
    /// let vae = Vae::dense(16, 2, &mut rng)?;
    /// let history = Trainer::new(Adam::new(1e-3)).epochs(2).fit(&vae, &examples, &examples)?;
    /// let (train, valid) = (history.train("kl")?, history.valid("kl")?);
    /// assert_eq!((train.len(), valid.len()), (2, 2));
    /// # Ok::<(), cuaderno::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there was no epoch, or the model has no such part; the error names those it has.
    pub fn train(&self, part: &str) -> Result<Vec<f64>> {
        self.means(|epoch| &epoch.train, part)
    }

    /// The mean of `part` on the validation examples, epoch by epoch.
    ///
    /// # Errors
    /// As for [`History::train`].
    pub fn valid(&self, part: &str) -> Result<Vec<f64>> {
        self.means(|epoch| &epoch.valid, part)
    }

    /// The mean of `part` on the validation examples after the last epoch.
    ///
    /// # Errors
    /// As for [`History::train`].
    pub fn final_valid(&self, part: &str) -> Result<f64> {
        let means = self.valid(part)?;
        Ok(means[means.len() - 1])
    }

    fn means(&self, measures: Measures, part: &str) -> Result<Vec<f64>> {
        if self.epochs.is_empty() {
            let problem = format!("no epoch ran, so it has no {part:?}; train for at least one.");
            return Err(Error::shape("history", problem));
        }
        let mean = |epoch: &Epoch| {
            let measures = measures(epoch);
            let measure = measures.iter().find(|measure| measure.name == part);
            measure.map(|measure| measure.mean).ok_or_else(|| {
                let names: Vec<_> = measures.iter().map(|m| m.name.as_str()).collect();
                let expected = format!("one of: {}", names.join(", "));
                Error::argument("the part of the history", part, expected)
            })
        };
        self.epochs.iter().map(mean).collect()
    }

    /// Writes a CSV file with a line for each epoch, which holds the mean and standard deviation of
    /// each part in training and validation:
    /// `epoch,seconds,learning_rate,train_loss,train_loss_std,valid_loss,…`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut text = String::from("epoch,seconds,learning_rate");
        for (set, _, name) in self.columns() {
            text += &format!(",{set}_{name},{set}_{name}_std");
        }
        for epoch in &self.epochs {
            text += &format!(
                "\n{},{},{}",
                epoch.number, epoch.seconds, epoch.learning_rate
            );
            for (_, measures, name) in self.columns() {
                match measures(epoch).iter().find(|m| m.name == name) {
                    Some(Measure { mean, std, .. }) => text += &format!(",{mean},{std}"),
                    None => text += ",,",
                }
            }
        }
        text.push('\n');
        write_atomically(path.as_ref(), text.as_bytes())
    }

    /// Shows the table in a notebook, as HTML and text.
    pub fn evcxr_display(&self) {
        self.table().evcxr_display();
    }

    /// The set, its measures and the name of the part, for every column of numbers.
    fn columns(&self) -> Vec<(&'static str, Measures, &str)> {
        let sets: [(_, Measures); 2] = [
            ("train", |epoch| &epoch.train),
            ("valid", |epoch| &epoch.valid),
        ];
        let mut columns = Vec::new();
        for (set, measures) in sets {
            for measure in self.epochs.first().map_or(&[][..], measures) {
                columns.push((set, measures, measure.name.as_str()));
            }
        }
        columns
    }

    fn table(&self) -> Table {
        let columns = self.columns();
        let mut headings = vec!["epoch".to_owned()];
        headings.extend(columns.iter().map(|(set, _, name)| format!("{set} {name}")));
        headings.push("seconds".into());
        let line = |epoch: &Epoch| {
            let mut line = vec![epoch.number.to_string()];
            for (_, measures, name) in &columns {
                let measure = measures(epoch).iter().find(|m| m.name == *name);
                let text = measure.map(|m| format!("{:.5} ± {:.5}", m.mean, m.std));
                line.push(text.unwrap_or_default());
            }
            line.push(format!("{:.1}", epoch.seconds));
            line
        };
        let stopped = self.stopped.as_ref();
        Table {
            headings,
            lines: self.epochs.iter().map(line).collect(),
            note: stopped.map_or(String::new(), |reason| format!("stopped: {reason}")),
        }
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.table().fmt(f)
    }
}

impl Epoch {
    /// A part of the loss on the training batches.
    pub fn train(&self, part: &str) -> Option<&Measure> {
        self.train.iter().find(|m| m.name == part)
    }

    /// A part of the loss on the validation examples.
    pub fn valid(&self, part: &str) -> Option<&Measure> {
        self.valid.iter().find(|m| m.name == part)
    }
}

impl fmt::Display for Epoch {
    /// One line: `epoch 3: loss 0.12340, valid loss 0.13010, 2.1 s`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "epoch {}: ", self.number)?;
        for Measure { name, mean, .. } in &self.train {
            write!(f, "{name} {mean:.5}, ")?;
        }
        for Measure { name, mean, .. } in &self.valid {
            write!(f, "valid {name} {mean:.5}, ")?;
        }
        write!(f, "{:.1} s", self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let measure = |mean| {
            vec![Measure {
                name: "loss".into(),
                mean,
                std: 0.25,
            }]
        };
        let epoch = |number: usize| Epoch {
            number,
            seconds: 1.5,
            learning_rate: 0.001,
            train: measure(1.0 / number as f64),
            valid: measure(0.5),
        };
        History {
            epochs: (1..=2).map(epoch).collect(),
            stopped: Some("the time was up".into()),
        }
    }

    #[test]
    fn a_part_is_found_by_its_name_and_another_is_named_with_those_there_are() {
        let history = history();
        assert_eq!(history.train("loss").unwrap(), [1.0, 0.5]);
        assert_eq!(history.valid("loss").unwrap(), [0.5, 0.5]);
        assert_eq!(history.final_valid("loss").unwrap(), 0.5);
        let error = history.final_valid("kl").unwrap_err().to_string();
        assert_eq!(
            error,
            "the part of the history is kl, but it must be one of: loss."
        );
        let error = History::default().train("loss").unwrap_err().to_string();
        assert_eq!(
            error,
            "history: no epoch ran, so it has no \"loss\"; train for at least one."
        );
    }

    #[test]
    fn it_prints_as_a_table() {
        assert_eq!(
            history().to_string(),
            "\
epoch         train loss         valid loss  seconds
────────────────────────────────────────────────────
    1  1.00000 ± 0.25000  0.50000 ± 0.25000      1.5
    2  0.50000 ± 0.25000  0.50000 ± 0.25000      1.5
stopped: the time was up"
        );
    }

    #[test]
    fn csv_has_a_line_an_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.csv");
        history().save_csv(&path).unwrap();
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            "epoch,seconds,learning_rate,train_loss,train_loss_std,valid_loss,valid_loss_std\n\
             1,1.5,0.001,1,0.25,0.5,0.25\n\
             2,1.5,0.001,0.5,0.25,0.5,0.25\n"
        );
    }

    #[test]
    fn saving_keeps_every_bit_and_what_is_not_a_number() {
        let mut history = history();
        history.epochs[0].seconds = 0.1 + 0.2;
        history.epochs[1].train[0].mean = f64::NAN;
        let text = serde_json::to_string(&history).unwrap();
        let read: History = serde_json::from_str(&text).unwrap();
        assert_eq!(read.epochs[0], history.epochs[0]);
        assert!(read.epochs[1].train[0].mean.is_nan());
    }
}
