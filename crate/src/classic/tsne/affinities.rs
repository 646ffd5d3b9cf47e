//! Similarities of points in the data.

use rayon::prelude::*;

use crate::Result;
use crate::classic::features::Features;
use crate::classic::neighbours::{Nearest, nearest_others};

/// The similarities of each point to the few that are near it. They are symmetric and add up to 1.
pub(super) struct Affinities {
    /// Row `i` is at `starts[i]..starts[i + 1]`.
    starts: Vec<usize>,
    points: Vec<u32>,
    values: Vec<f32>,
}

impl Affinities {
    /// Each point has three times as many neighbours as the perplexity. It gives them Gaussian
    /// weights, with a width chosen so that the distribution of the weights has that perplexity.
    pub fn of(features: &Features, perplexity: f64) -> Result<Self> {
        let count = (3.0 * perplexity) as usize + 1;
        let nearest = nearest_others(features, count.min(features.n - 1))?;
        let weights: Vec<Vec<f64>> = nearest
            .par_iter()
            .map(|nearest| weights_of(nearest, perplexity))
            .collect();
        Ok(Self::symmetric(&nearest, &weights))
    }

    /// The mean of the weights that two points give each other.
    fn symmetric(nearest: &[Nearest], weights: &[Vec<f64>]) -> Self {
        let n = nearest.len();
        let mut rows: Vec<Vec<(u32, f64)>> = vec![Vec::new(); n];
        for (row, (nearest, weights)) in nearest.iter().zip(weights).enumerate() {
            for (&(_, other), &weight) in nearest.found.iter().zip(weights) {
                rows[row].push((other, weight));
                rows[other as usize].push((row as u32, weight));
            }
        }
        let total = 2.0 * n as f64; // the weights of each point have the sum 1
        let mut affinities = Self {
            starts: vec![0],
            points: Vec::new(),
            values: Vec::new(),
        };
        for mut row in rows {
            row.sort_by_key(|&(other, _)| other); // stable: the order of the sums is fixed
            for same in row.chunk_by(|a, b| a.0 == b.0) {
                let sum: f64 = same.iter().map(|&(_, weight)| weight).sum();
                affinities.points.push(same[0].0);
                affinities.values.push((sum / total) as f32);
            }
            affinities.starts.push(affinities.points.len());
        }
        affinities
    }

    /// The number of points.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The points similar to point `row`, with their similarities.
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let range = self.starts[row]..self.starts[row + 1];
        (&self.points[range.clone()], &self.values[range])
    }
}

/// The weights `exp(-precision * squared distance)` of the neighbours, scaled to add up to 1, with
/// the precision at which their entropy is the logarithm of `perplexity`.
fn weights_of(nearest: &Nearest, perplexity: f64) -> Vec<f64> {
    // Distances are taken relative to the nearest one, so that the largest weight is 1, and divided
    // by their mean, so that a precision around 1 is a good guess in any units.
    let nearest_one = nearest.found[0].0;
    let relative: Vec<f64> = nearest
        .found
        .iter()
        .map(|&(d, _)| d - nearest_one)
        .collect();
    let mean = relative.iter().sum::<f64>() / relative.len() as f64;
    let unit = if mean > 0.0 { mean } else { 1.0 };

    let (mut low, mut high) = (0.0, f64::INFINITY);
    let mut precision = 1.0;
    let mut weights = vec![0.0; relative.len()];
    for _ in 0..100 {
        let (mut sum, mut weighted) = (0.0, 0.0);
        for (weight, distance) in weights.iter_mut().zip(&relative) {
            *weight = (-precision * distance / unit).exp();
            sum += *weight;
            weighted += *weight * distance / unit;
        }
        for weight in &mut weights {
            *weight /= sum;
        }
        let entropy = sum.ln() + precision * weighted / sum;
        let difference = entropy - perplexity.ln();
        if difference.abs() < 1e-5 {
            break;
        }
        if difference > 0.0 {
            low = precision;
            precision = if high.is_finite() {
                (low + high) / 2.0
            } else {
                2.0 * low
            };
        } else {
            high = precision;
            precision = (low + high) / 2.0;
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_have_the_perplexity_asked_for() {
        let x = crate::Rng::new(1).normal(0.0, 1.0, &[200, 3]).unwrap();
        for scale in [1e-6, 1.0, 1e6] {
            let features = Features::of("test", &(&x * scale).unwrap()).unwrap();
            for nearest in nearest_others(&features, 60).unwrap() {
                let weights = weights_of(&nearest, 20.0);
                assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                let entropy: f64 = weights.iter().map(|w| -w * w.ln()).sum();
                assert!((entropy.exp() - 20.0).abs() < 1e-3, "{}", entropy.exp());
            }
        }
    }

    #[test]
    fn they_are_symmetric_and_sum_to_one() {
        let x = crate::Rng::new(1).normal(0.0, 1.0, &[100, 3]).unwrap();
        let affinities = Affinities::of(&Features::of("test", &x).unwrap(), 10.0).unwrap();
        assert_eq!(affinities.len(), 100);
        let mut sum = 0.0;
        for i in 0..100 {
            let (points, values) = affinities.row(i);
            assert!(points.is_sorted_by(|a, b| a < b) && !points.contains(&(i as u32)));
            for (&j, value) in points.iter().zip(values) {
                let (back, values) = affinities.row(j as usize);
                let at = back.binary_search(&(i as u32)).unwrap();
                assert_eq!(values[at], *value);
                sum += f64::from(*value);
            }
        }
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    }
}
