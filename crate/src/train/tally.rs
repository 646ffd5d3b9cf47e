//! Mean and standard deviation of losses over the batches of an epoch.

use serde::{Deserialize, Serialize};

use super::{Measure, exact};

/// Collects the losses of batches into measures.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Tally(Vec<Part>);

/// Welford's running mean and sum of squared deviations, with the weights of the batches. It is
/// stable where a difference of sums would cancel.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Part {
    name: String,
    #[serde(with = "exact")]
    weight: f64,
    #[serde(with = "exact")]
    mean: f64,
    #[serde(with = "exact")]
    deviations: f64,
}

impl Tally {
    /// Adds the losses of a batch with this weight.
    pub(super) fn add(&mut self, losses: &[(&str, f64)], weight: f64) {
        for &(name, value) in losses {
            let index = self.0.iter().position(|part| part.name == name);
            let index = index.unwrap_or_else(|| {
                self.0.push(Part {
                    name: name.to_owned(),
                    weight: 0.0,
                    mean: 0.0,
                    deviations: 0.0,
                });
                self.0.len() - 1
            });
            let part = &mut self.0[index];
            let difference = value - part.mean;
            part.weight += weight;
            part.mean += difference * weight / part.weight;
            part.deviations += weight * difference * (value - part.mean);
        }
    }

    pub(super) fn measures(&self) -> Vec<Measure> {
        let measure = |part: &Part| Measure {
            name: part.name.clone(),
            mean: part.mean,
            std: (part.deviations / part.weight).sqrt(),
        };
        self.0.iter().map(measure).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_weighed() {
        let mut tally = Tally::default();
        tally.add(&[("loss", 1.0), ("kl", 4.0)], 3.0);
        tally.add(&[("loss", 5.0), ("kl", 4.0)], 1.0);
        let measures = tally.measures();
        let [loss, kl] = &measures[..] else {
            panic!("two parts, not {measures:?}")
        };
        assert_eq!((loss.name.as_str(), loss.mean), ("loss", 2.0));
        assert!((loss.std - 3f64.sqrt()).abs() < 1e-12);
        assert_eq!((kl.mean, kl.std), (4.0, 0.0));
    }
}
