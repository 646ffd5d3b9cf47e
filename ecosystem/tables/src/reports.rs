//! Frames of what the workbook finds out.

use cuaderno::Result;
use cuaderno::data::{Sentences, TaggedText};
use cuaderno::metrics::{ClassScores, ClassificationReport, ClusteringReport};
use cuaderno::representations::CodeComparison;
use cuaderno::train::{Epoch, History, Measure};
use polars::prelude::*;

use crate::of_polars;

/// Something that has rows and columns.
pub trait ToFrame {
    /// Its rows and columns as a frame.
    ///
    /// # Errors
    /// If two columns have the same name.
    fn frame(&self) -> Result<DataFrame>;
}

fn columns<T, const N: usize>(
    rows: &[T],
    columns: [(&str, &dyn Fn(&T) -> f64); N],
) -> impl Iterator<Item = Column> {
    let column = |(name, value): (&str, &dyn Fn(&T) -> f64)| {
        let values: Vec<f64> = rows.iter().map(value).collect();
        Column::new(name.into(), values)
    };
    columns.map(column).into_iter()
}

/// A row an epoch: `epoch`, `seconds`, `learning_rate`, then mean and standard deviation of each part,
/// as [`History::save_csv`] writes them.
impl ToFrame for History {
    fn frame(&self) -> Result<DataFrame> {
        let numbers: Vec<u64> = self
            .epochs
            .iter()
            .map(|epoch| epoch.number as u64)
            .collect();
        let mut all = vec![Column::new("epoch".into(), numbers)];
        all.extend(columns(
            &self.epochs,
            [
                ("seconds", &|epoch| epoch.seconds),
                ("learning_rate", &|epoch| epoch.learning_rate),
            ],
        ));
        type Part = for<'a> fn(&'a Epoch, &str) -> Option<&'a Measure>;
        let sets: [(&str, fn(&Epoch) -> &[Measure], Part); 2] = [
            (
                "train",
                |epoch| &epoch.train,
                |epoch, part| epoch.train(part),
            ),
            (
                "valid",
                |epoch| &epoch.valid,
                |epoch, part| epoch.valid(part),
            ),
        ];
        for (set, parts, part) in sets {
            for Measure { name, .. } in self.epochs.first().map_or(&[][..], parts) {
                let values = |value: fn(&Measure) -> f64| -> Vec<Option<f64>> {
                    let measures = self.epochs.iter().map(|epoch| part(epoch, name));
                    measures.map(|measure| measure.map(value)).collect()
                };
                let (mean, std) = (values(|m| m.mean), values(|m| m.std));
                all.push(Column::new(format!("{set}_{name}").into(), mean));
                all.push(Column::new(format!("{set}_{name}_std").into(), std));
            }
        }
        DataFrame::new(self.epochs.len(), all).map_err(of_polars("the history"))
    }
}

/// A row a class: `class`, `precision`, `recall`, `f1`, `support`.
impl ToFrame for ClassificationReport {
    fn frame(&self) -> Result<DataFrame> {
        let classes: Vec<u32> = self.classes.iter().map(|class| class.class).collect();
        let support: Vec<u64> = (self.classes.iter())
            .map(|class| class.scores.support as u64)
            .collect();
        let mut all = vec![Column::new("class".into(), classes)];
        all.extend(columns(
            &self.classes,
            [
                ("precision", &|class: &ClassScores| class.scores.precision),
                ("recall", &|class| class.scores.recall),
                ("f1", &|class| class.scores.f1),
            ],
        ));
        all.push(Column::new("support".into(), support));
        DataFrame::new(self.classes.len(), all).map_err(of_polars("the report"))
    }
}

/// A row a score: `score`, `value`.
impl ToFrame for ClusteringReport {
    fn frame(&self) -> Result<DataFrame> {
        let scores = [
            ("nmi", self.nmi),
            ("ari", self.ari),
            ("homogeneity", self.homogeneity),
            ("completeness", self.completeness),
            ("v_measure", self.v_measure),
            ("accuracy", self.accuracy),
        ];
        let names = Column::new("score".into(), scores.map(|(name, _)| name));
        let values = Column::new("value".into(), scores.map(|(_, value)| value));
        DataFrame::new(scores.len(), vec![names, values]).map_err(of_polars("the report"))
    }
}

/// A row a method and size of code: `method`, `latent`, `compression` (percent), `mse`, `bce`,
/// `accuracy`, `milliseconds`.
impl ToFrame for CodeComparison {
    fn frame(&self) -> Result<DataFrame> {
        let methods: Vec<&str> = self
            .scores
            .iter()
            .map(|line| line.method.as_str())
            .collect();
        let latent: Vec<u64> = self.scores.iter().map(|line| line.latent as u64).collect();
        let mut all = vec![
            Column::new("method".into(), methods),
            Column::new("latent".into(), latent),
        ];
        all.extend(columns(
            &self.scores,
            [
                ("compression", &|line| line.compression),
                ("mse", &|line| line.mse),
                ("bce", &|line| line.bce),
                ("accuracy", &|line| line.accuracy),
                ("milliseconds", &|line| line.milliseconds),
            ],
        ));
        DataFrame::new(self.scores.len(), all).map_err(of_polars("the comparison"))
    }
}

/// A row a word: `sentence`, counted from 1, `word`, `lemma`, `pos`, `tag`.
impl ToFrame for TaggedText {
    fn frame(&self) -> Result<DataFrame> {
        let numbers: Vec<u64> = (1..)
            .zip(&self.words)
            .flat_map(|(number, words)| std::iter::repeat_n(number, words.len()))
            .collect();
        let column = |(name, sentences): (&str, &Sentences)| {
            let values: Vec<&str> = sentences.iter().flatten().map(AsRef::as_ref).collect();
            Column::new(name.into(), values)
        };
        let mut all = vec![Column::new("sentence".into(), numbers)];
        let lists = [
            ("word", &self.words),
            ("lemma", &self.lemmas),
            ("pos", &self.pos),
            ("tag", &self.tags),
        ];
        all.extend(lists.into_iter().map(column));
        DataFrame::new(self.word_count(), all).map_err(of_polars("the text"))
    }
}
