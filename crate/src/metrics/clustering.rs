//! Agreement of clusters with classes that the clustering never saw.

use std::fmt;

use candle_core::Tensor;
use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;

use super::contingency::Contingency;
use super::pair::{check_largest, read_pair};
use crate::Result;
use crate::table::Table;

/// Compares `clusters` `[n]` with the true `labels` `[n]`, both u32 or i64. The scores do not
/// depend on the numbering of the clusters.
///
/// ```
/// use cuaderno::prelude::*;
///
/// let labels = Tensor::new(&[0u32, 0, 1, 1, 2, 2], &Device::Cpu)?;
/// let clusters = Tensor::new(&[5u32, 5, 3, 3, 3, 3], &Device::Cpu)?;
/// let report = clustering_report(&labels, &clusters)?;
/// assert_eq!(report.completeness, 1.0);
/// assert_eq!(report.accuracy, 4.0 / 6.0);
/// assert_eq!(report.assignment, [None, None, None, Some(1), None, Some(0)]);
/// # Ok::<(), cuaderno::Error>(())
/// ```
///
/// # Errors
/// If one of them does not hold labels, their lengths differ, they are empty, or a number is 4096
/// or more.
pub fn clustering_report(labels: &Tensor, clusters: &Tensor) -> Result<ClusteringReport> {
    let names = ["labels", "clusters"];
    let (labels, clusters) = read_pair("clustering_report", names, labels, clusters)?;
    check_largest("the largest label", &labels)?;
    check_largest("the largest cluster", &clusters)?;
    let counts = Contingency::of(&labels, &clusters);

    let of_labels = entropy(&counts.row_sums());
    let of_clusters = entropy(&counts.column_sums());
    let shared = mutual_information(&counts);
    let part = |of: f64| if of > 0.0 { shared / of } else { 1.0 };
    let (homogeneity, completeness) = (part(of_labels), part(of_clusters));
    let v_measure = if homogeneity + completeness > 0.0 {
        2.0 * homogeneity * completeness / (homogeneity + completeness)
    } else {
        0.0
    };
    let nmi = match (of_labels + of_clusters) / 2.0 {
        0.0 => 1.0, // one class, one cluster
        mean => shared / mean,
    };

    let (assignment, right) = assign(&counts);
    Ok(ClusteringReport {
        nmi,
        ari: adjusted_rand_index(&counts),
        homogeneity,
        completeness,
        v_measure,
        accuracy: right as f64 / labels.len() as f64,
        assignment,
    })
}

/// The result of [`clustering_report`]. It prints as a table, and a notebook shows it as one.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusteringReport {
    /// Normalised mutual information: the information that cluster and class share, divided by the
    /// mean of their entropies. 0 for clusters that are unrelated to the classes, 1 for perfect
    /// ones.
    pub nmi: f64,
    /// Adjusted Rand index (Hubert and Arabie 1985): how many pairs of rows clusters and classes
    /// agree on, scaled to 0 for chance and 1 for perfect clusters.
    pub ari: f64,
    /// How nearly each cluster holds a single class, in `[0, 1]` (Rosenberg and Hirschberg 2007).
    pub homogeneity: f64,
    /// How nearly each class lies in a single cluster, in `[0, 1]`.
    pub completeness: f64,
    /// The harmonic mean of homogeneity and completeness, which equals the NMI.
    pub v_measure: f64,
    /// The fraction of rows classified correctly if each cluster stands for the class that
    /// [`assignment`](Self::assignment) gives it.
    pub accuracy: f64,
    /// The class of each cluster from 0 to the largest, with each class used at most once, such
    /// that the accuracy is highest. `None` for an empty cluster, or if there are more clusters
    /// than classes.
    pub assignment: Vec<Option<u32>>,
}

impl ClusteringReport {
    /// Shows the table in a notebook, as HTML and text.
    pub fn evcxr_display(&self) {
        self.table().evcxr_display();
    }

    fn table(&self) -> Table {
        let scores = [
            ("Normalised mutual information", self.nmi),
            ("Adjusted Rand index", self.ari),
            ("Homogeneity", self.homogeneity),
            ("Completeness", self.completeness),
            ("V-measure", self.v_measure),
            ("Accuracy of the best assignment", self.accuracy),
        ];
        let line = |(name, score): (&str, f64)| vec![name.to_owned(), format!("{score:.4}")];
        let pairs = self.assignment.iter().enumerate();
        let pairs: Vec<String> = pairs
            .filter_map(|(cluster, class)| Some(format!("{cluster} → {}", (*class)?)))
            .collect();
        Table {
            headings: ["Score", "Value"].map(String::from).to_vec(),
            lines: scores.map(line).to_vec(),
            note: format!("Cluster → class: {}", pairs.join(", ")),
        }
    }
}

impl fmt::Display for ClusteringReport {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.table().fmt(f)
    }
}

/// The entropy, in nats, of a distribution given as counts.
fn entropy(counts: &[u64]) -> f64 {
    if counts.len() < 2 {
        return 0.0; // exactly
    }
    let total = counts.iter().sum::<u64>() as f64;
    let parts = counts.iter().map(|&count| count as f64 / total);
    -parts.map(|p| p * p.ln()).sum::<f64>()
}

/// The mutual information, in nats.
fn mutual_information(counts: &Contingency) -> f64 {
    let (rows, columns) = (counts.row_sums(), counts.column_sums());
    let total = counts.total() as f64;
    let shared = counts.cells().map(|(row, column, count)| {
        let count = count as f64;
        let independent = rows[row] as f64 * columns[column] as f64 / total;
        count / total * (count / independent).ln()
    });
    // Rounding may bring independent labels slightly below zero.
    shared.sum::<f64>().max(0.0)
}

fn adjusted_rand_index(counts: &Contingency) -> f64 {
    let pairs = |count: u64| (count as f64) * (count as f64 - 1.0) / 2.0;
    let all_pairs = |counts: &[u64]| counts.iter().map(|&count| pairs(count)).sum::<f64>();
    let together: f64 = counts.cells().map(|(_, _, count)| pairs(count)).sum();
    let in_rows = all_pairs(&counts.row_sums());
    let in_columns = all_pairs(&counts.column_sums());
    let most = (in_rows + in_columns) / 2.0;
    if together == most {
        return 1.0; // the same partition, for instance one that has no pairs at all
    }
    let expected = in_rows * in_columns / pairs(counts.total());
    (together - expected) / (most - expected)
}

/// The class of each cluster from 0 to the largest, and the number of rows this classifies
/// correctly.
fn assign(counts: &Contingency) -> (Vec<Option<u32>>, u64) {
    let (classes, clusters) = (counts.rows.len(), counts.columns.len());
    // Rows are assigned to columns, so there must be at least as many columns.
    let pairs: Vec<(usize, usize)> = if classes <= clusters {
        let gains = Matrix::from_fn(classes, clusters, |(class, cluster)| {
            counts.count(class, cluster) as i64
        });
        kuhn_munkres(&gains).1.into_iter().enumerate().collect()
    } else {
        let gains = Matrix::from_fn(clusters, classes, |(cluster, class)| {
            counts.count(class, cluster) as i64
        });
        let classes = kuhn_munkres(&gains).1.into_iter().enumerate();
        classes.map(|(cluster, class)| (class, cluster)).collect()
    };
    let right = pairs
        .iter()
        .map(|&(class, cluster)| counts.count(class, cluster))
        .sum();
    let largest = counts.columns.last().map_or(0, |&cluster| cluster as usize);
    let mut assignment = vec![None; largest + 1];
    for (class, cluster) in pairs {
        assignment[counts.columns[cluster] as usize] = Some(counts.rows[class]);
    }
    (assignment, right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn report(labels: &[u32], clusters: &[u32]) -> ClusteringReport {
        let tensor = |values: &[u32]| Tensor::new(values, &Device::Cpu).unwrap();
        clustering_report(&tensor(labels), &tensor(clusters)).unwrap()
    }

    #[test]
    fn renumbered_classes_are_perfect_clusters() {
        let report = report(&[0, 0, 1, 2, 2, 2], &[4, 4, 0, 1, 1, 1]);
        for score in [report.nmi, report.ari, report.v_measure, report.accuracy] {
            assert!((score - 1.0).abs() < 1e-12, "{report:?}");
        }
        let (zero, one, two) = (Some(0), Some(1), Some(2));
        assert_eq!(report.assignment, [one, two, None, None, zero]);
    }

    #[test]
    fn one_cluster_for_all_says_nothing() {
        let report = report(&[0, 0, 1, 1], &[3, 3, 3, 3]);
        assert_eq!(
            (report.nmi, report.ari, report.homogeneity),
            (0.0, 0.0, 0.0)
        );
        assert_eq!((report.completeness, report.accuracy), (1.0, 0.5));
    }

    #[test]
    fn a_cluster_for_each_row_is_homogeneous_only() {
        let report = report(&[0, 0, 1, 1], &[0, 1, 2, 3]);
        assert!((report.homogeneity - 1.0).abs() < 1e-12, "{report:?}");
        assert_eq!((report.ari, report.accuracy), (0.0, 0.5));
        assert_eq!(report.assignment.iter().flatten().count(), 2);
    }

    #[test]
    fn the_report_is_a_table() {
        let text = report(&[0, 1], &[1, 0]).to_string();
        assert!(
            text.contains("\nAdjusted Rand index              1.0000\n"),
            "{text}"
        );
        assert!(text.ends_with("Cluster → class: 0 → 1, 1 → 0"), "{text}");
    }

    #[test]
    fn clusters_of_other_rows_are_refused() {
        let tensor = |n: usize| Tensor::zeros(n, candle_core::DType::U32, &Device::Cpu).unwrap();
        let error = clustering_report(&tensor(3), &tensor(4)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "clustering_report: the labels are [3] but the clusters [4]; each place needs one of both."
        );
    }
}
