//! How well masks are found: precision, recall and intersection over union of each class of pixels.

use std::fmt;

use candle_core::Tensor;

use super::contingency::{ClassCounts, Contingency, ratio};
use super::pair::read_pair;
use crate::Result;
use crate::table::Table;

/// Precision, recall and intersection over union of each class of pixels. `masks` and `predicted`
/// hold class numbers and have one shape, such as `[n, height, width]`. Pixels whose true class is
/// `ignored` count nowhere.
///
/// All pixels of all images are counted together, as usual, and not image by image. The mean of the
/// IoU is over the classes that occur in the masks or the predictions.
///
/// ```
/// use cuaderno::prelude::*;
/// let masks = Tensor::new(&[[0u32, 0, 1, 1]], &Device::Cpu)?;
/// let predicted = Tensor::new(&[[0u32, 1, 1, 1]], &Device::Cpu)?;
/// let report = segmentation_report(&masks, &predicted, None)?;
/// assert_eq!(report.classes[1].iou, 2.0 / 3.0);
/// assert_eq!(report.mean_iou, (1.0 / 2.0 + 2.0 / 3.0) / 2.0);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If one of them does not hold classes, their shapes differ, or no pixel counts.
pub fn segmentation_report(
    masks: &Tensor,
    predicted: &Tensor,
    ignored: Option<u32>,
) -> Result<SegmentationReport> {
    let (mut masks, mut predicted) = read_pair(
        "segmentation_report",
        ["masks", "predictions"],
        masks,
        predicted,
    )?;
    if let Some(ignored) = ignored {
        let pairs = masks.iter().zip(&predicted);
        (masks, predicted) = pairs.filter(|(class, _)| **class != ignored).unzip();
    }
    if masks.is_empty() {
        return Err(crate::Error::argument(
            "the number of pixels that count",
            0,
            "1 or more: each is of the ignored class",
        ));
    }
    let counts = Contingency::of(&masks, &predicted).of_each_class();
    let score = |counts: &ClassCounts| PixelScores {
        class: counts.class,
        precision: ratio(counts.right, counts.predicted),
        recall: ratio(counts.right, counts.occurring),
        iou: ratio(
            counts.right,
            counts.occurring + counts.predicted - counts.right,
        ),
        pixels: counts.occurring as usize,
    };
    let classes: Vec<PixelScores> = counts.iter().map(score).collect();
    let right: u64 = counts.iter().map(|class| class.right).sum();
    Ok(SegmentationReport {
        accuracy: right as f64 / masks.len() as f64,
        mean_iou: classes.iter().map(|class| class.iou).sum::<f64>() / classes.len() as f64,
        classes,
        names: Vec::new(),
    })
}

/// The result of [`segmentation_report`]. It prints as a table, and a notebook shows it as one.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentationReport {
    /// The classes in increasing order.
    pub classes: Vec<PixelScores>,
    /// The fraction of pixels whose class was predicted correctly.
    pub accuracy: f64,
    /// The mean of the IoU over classes, all with the same weight.
    pub mean_iou: f64,
    names: Vec<String>,
}

/// The scores of one class of pixels, in `[0, 1]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelScores {
    /// The number of the class.
    pub class: u32,
    /// The fraction of the pixels predicted to be of the class that are; 0 if there are none.
    pub precision: f64,
    /// The fraction of the pixels of the class that were predicted to be; 0 if there are none.
    pub recall: f64,
    /// Intersection over union: of the pixels that are of the class, or predicted to be, the
    /// fraction that are both. Also called the Jaccard index.
    pub iou: f64,
    /// The number of pixels of the class.
    pub pixels: usize,
}

impl SegmentationReport {
    /// Shows names in place of the numbers of classes, the first for class 0.
    pub fn names<S: AsRef<str>>(mut self, names: &[S]) -> Self {
        self.names = names.iter().map(|name| name.as_ref().to_owned()).collect();
        self
    }

    /// Shows the table in a notebook, as HTML and text.
    pub fn evcxr_display(&self) {
        self.table().evcxr_display();
    }

    fn table(&self) -> Table {
        let digits = |score: f64| format!("{score:.3}");
        let lines = (self.classes.iter())
            .map(|scores| {
                let name = self.names.get(scores.class as usize);
                vec![
                    name.cloned().unwrap_or_else(|| scores.class.to_string()),
                    digits(scores.precision),
                    digits(scores.recall),
                    digits(scores.iou),
                    scores.pixels.to_string(),
                ]
            })
            .collect();
        Table {
            headings: ["Class", "Precision", "Recall", "IoU", "Pixels"]
                .map(String::from)
                .to_vec(),
            lines,
            note: format!(
                "Mean IoU: {:.4}; accuracy: {:.4}",
                self.mean_iou, self.accuracy
            ),
        }
    }
}

impl fmt::Display for SegmentationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn report(
        masks: &[u32],
        predicted: &[u32],
        ignored: Option<u32>,
    ) -> Result<SegmentationReport> {
        let tensor = |classes: &[u32]| Tensor::new(classes, &Device::Cpu).unwrap();
        segmentation_report(&tensor(masks), &tensor(predicted), ignored)
    }

    #[test]
    fn what_is_ignored_counts_nowhere_but_may_be_predicted() {
        let all = report(&[0, 1, 1, 2], &[0, 1, 0, 1], Some(2)).unwrap();
        assert_eq!(all, report(&[0, 1, 1], &[0, 1, 0], None).unwrap());
        assert_eq!(all.mean_iou, 0.5);
        // A class that is predicted and nowhere true is found with an IoU of 0.
        let stray = report(&[0, 1], &[0, 2], None).unwrap();
        assert_eq!(stray.mean_iou, 1.0 / 3.0);
        let error = report(&[2, 2], &[0, 1], Some(2)).unwrap_err().to_string();
        assert!(error.contains("each is of the ignored class"), "{error}");
    }

    #[test]
    fn the_table_has_names_where_there_are_some() {
        let table = report(&[0, 1, 1, 2], &[0, 1, 0, 2], None).unwrap();
        let text = table.names(&["background", "horse"]).to_string();
        assert!(
            text.contains("horse") && text.contains("Mean IoU"),
            "{text}"
        );
        assert!(
            text.lines().any(|line| line.trim_start().starts_with('2')),
            "{text}"
        );
    }
}
