//! Accuracy, and precision, recall and F1 of each class.

use std::fmt;

use candle_core::Tensor;

use super::contingency::{ClassCounts, Contingency, ratio};
use super::pair::read_pair;
use crate::Result;
use crate::table::Table;

/// The fraction of `predicted` that equals `labels`. Both have the same shape and hold u32 or i64
/// classes of examples `[n]`, words `[batch, time]` or pixels `[batch, height, width]`. For padded
/// sentences, select the words with [`masked_select`](super::masked_select) first.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let labels = Tensor::new(&[0u32, 1, 2, 2], &Device::Cpu)?;
/// let predicted = Tensor::new(&[0u32, 2, 2, 2], &Device::Cpu)?;
/// assert_eq!(accuracy(&labels, &predicted)?, 0.75);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If one of them does not hold labels, their shapes differ, or they are empty.
pub fn accuracy(labels: &Tensor, predicted: &Tensor) -> Result<f64> {
    let (labels, predicted) = read_pair("accuracy", NAMES, labels, predicted)?;
    let pairs = labels.iter().zip(&predicted);
    let right = pairs.filter(|(label, predicted)| label == predicted);
    Ok(right.count() as f64 / labels.len() as f64)
}

pub(super) const NAMES: [&str; 2] = ["labels", "predictions"];

/// Precision, recall and F1 of each class that occurs in `labels` or `predicted`, with accuracy and
/// averages, like scikit-learn's function of the same name. Both tensors are as in [`accuracy`]. A
/// class that is never predicted has precision 0; one that never occurs has recall 0.
///
/// # Errors
/// If one of them does not hold labels, their shapes differ, or they are empty.
pub fn classification_report(labels: &Tensor, predicted: &Tensor) -> Result<ClassificationReport> {
    let (labels, predicted) = read_pair("classification_report", NAMES, labels, predicted)?;
    let counts = Contingency::of(&labels, &predicted).of_each_class();
    let right = counts.iter().map(|class| class.right).sum();
    let score = |counts: &ClassCounts| ClassScores {
        class: counts.class,
        scores: Scores {
            precision: ratio(counts.right, counts.predicted),
            recall: ratio(counts.right, counts.occurring),
            f1: ratio(2 * counts.right, counts.occurring + counts.predicted),
            support: counts.occurring as usize,
        },
    };
    let classes: Vec<ClassScores> = counts.iter().map(score).collect();
    Ok(ClassificationReport {
        accuracy: ratio(right, labels.len() as u64),
        macro_average: average(&classes, |_| 1.0),
        weighted_average: average(&classes, |scores| scores.support as f64),
        classes,
    })
}

fn average(classes: &[ClassScores], weight: impl Fn(&Scores) -> f64) -> Scores {
    let weights: f64 = classes.iter().map(|class| weight(&class.scores)).sum();
    let mean = |score: fn(&Scores) -> f64| {
        let weighted = classes.iter().map(|c| weight(&c.scores) * score(&c.scores));
        weighted.sum::<f64>() / weights
    };
    Scores {
        precision: mean(|scores| scores.precision),
        recall: mean(|scores| scores.recall),
        f1: mean(|scores| scores.f1),
        support: classes.iter().map(|class| class.scores.support).sum(),
    }
}

/// The result of [`classification_report`]. It prints as a table, and a notebook shows it as one.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassificationReport {
    /// The classes in increasing order.
    pub classes: Vec<ClassScores>,
    /// The fraction of rows whose class was predicted correctly.
    pub accuracy: f64,
    /// The mean over classes, all with the same weight.
    pub macro_average: Scores,
    /// The mean over classes, weighted by their frequencies.
    pub weighted_average: Scores,
}

/// The scores of one class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassScores {
    /// The number of the class.
    pub class: u32,
    /// How well the class was found.
    pub scores: Scores,
}

/// Precision, recall and F1, in `[0, 1]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores {
    /// The fraction of the rows predicted to be of the class that are.
    pub precision: f64,
    /// The fraction of the rows of the class that were predicted to be.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
    /// The number of rows of the class.
    pub support: usize,
}

impl ClassificationReport {
    /// Shows the table in a notebook, as HTML and text.
    pub fn evcxr_display(&self) {
        self.table().evcxr_display();
    }

    fn table(&self) -> Table {
        let line = |name: &str, scores: &Scores| {
            let digits = |score: f64| format!("{score:.3}");
            vec![
                name.to_owned(),
                digits(scores.precision),
                digits(scores.recall),
                digits(scores.f1),
                scores.support.to_string(),
            ]
        };
        let classes = self.classes.iter();
        let mut lines: Vec<_> = classes
            .map(|class| line(&class.class.to_string(), &class.scores))
            .collect();
        lines.push(line("macro average", &self.macro_average));
        lines.push(line("weighted average", &self.weighted_average));
        Table {
            headings: ["Class", "Precision", "Recall", "F1", "Support"]
                .map(String::from)
                .to_vec(),
            lines,
            note: format!("Accuracy: {:.4}", self.accuracy),
        }
    }
}

impl fmt::Display for ClassificationReport {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.table().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn report(labels: &[u32], predicted: &[u32]) -> ClassificationReport {
        let tensor = |values: &[u32]| Tensor::new(values, &Device::Cpu).unwrap();
        classification_report(&tensor(labels), &tensor(predicted)).unwrap()
    }

    #[test]
    fn a_class_that_is_missing_on_one_side_scores_zero() {
        let report = report(&[0, 0, 5], &[0, 0, 7]);
        let classes: Vec<u32> = report.classes.iter().map(|class| class.class).collect();
        assert_eq!(classes, [0, 5, 7]);
        assert_eq!(report.classes[0].scores.f1, 1.0);
        assert_eq!(report.classes[1].scores.f1, 0.0);
        assert_eq!(report.classes[2].scores.support, 0);
        assert_eq!(report.macro_average.recall, 1.0 / 3.0);
        assert_eq!(report.weighted_average.recall, report.accuracy);
    }

    #[test]
    fn classes_may_be_many_and_their_numbers_large() {
        let labels: Vec<u32> = (0..100_000).map(|i| u32::MAX - i % 50_000).collect();
        let report = report(&labels, &labels);
        assert_eq!(report.classes.len(), 50_000);
        assert_eq!(report.classes[49_999].class, u32::MAX);
        assert_eq!((report.accuracy, report.macro_average.f1), (1.0, 1.0));
    }

    #[test]
    fn the_report_is_a_table() {
        let text = report(&[0, 0, 1, 1], &[0, 1, 1, 1]).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "Class             Precision  Recall     F1  Support"
        );
        assert_eq!(
            lines[2],
            "0                     1.000   0.500  0.667        2"
        );
        assert_eq!(lines.last(), Some(&"Accuracy: 0.7500"));
    }

    #[test]
    fn labels_of_any_shape_are_counted() {
        let labels = Tensor::new(&[[0u32, 1, 2], [2, 0, 0]], &Device::Cpu).unwrap();
        let predicted = Tensor::new(&[[0i64, 1, 1], [2, 1, 1]], &Device::Cpu).unwrap();
        assert_eq!(accuracy(&labels, &predicted).unwrap(), 0.5);
        let mask = Tensor::new(&[[1u8, 1, 1], [1, 0, 0]], &Device::Cpu).unwrap();
        let words = |tags: &Tensor| super::super::masked_select(tags, &mask).unwrap();
        let (labels, predicted) = (words(&labels), words(&predicted));
        assert_eq!(accuracy(&labels, &predicted).unwrap(), 0.75);
        let report = classification_report(&labels, &predicted).unwrap();
        assert_eq!((report.classes.len(), report.accuracy), (3, 0.75));
    }

    #[test]
    fn predictions_of_another_shape_are_refused() {
        let tensor = |n: usize| Tensor::zeros(n, candle_core::DType::U32, &Device::Cpu).unwrap();
        let error = accuracy(&tensor(3), &tensor(4)).unwrap_err().to_string();
        assert_eq!(
            error,
            "accuracy: the labels are [3] but the predictions [4]; each place needs one of both."
        );
        assert!(classification_report(&tensor(0), &tensor(0)).is_err());
    }
}
