//! Gradient descent with momentum and a gain for each coordinate.

use super::EXAGGERATION;
use super::affinities::Affinities;
use super::attraction::{attraction, kl_divergence};
use super::repulsion::Repulsion;

/// The map while it moves.
pub(super) struct Descent<'a> {
    pub positions: Vec<[f32; 2]>,
    velocities: Vec<[f32; 2]>,
    gains: Vec<[f32; 2]>,
    affinities: &'a Affinities,
    learning_rate: f32,
}

impl<'a> Descent<'a> {
    /// A map at rest at `positions`.
    pub fn new(positions: Vec<[f32; 2]>, affinities: &'a Affinities) -> Self {
        let n = positions.len();
        Self {
            positions,
            velocities: vec![[0.0; 2]; n],
            gains: vec![[1.0; 2]; n],
            affinities,
            // Belkina et al. 2019, as in scikit-learn.
            learning_rate: (n as f32 / EXAGGERATION / 4.0).max(50.0),
        }
    }

    /// Moves every point by one step.
    pub fn step(&mut self, exaggeration: f32, momentum: f32) {
        let repulsion = Repulsion::of(&self.positions);
        let attraction = attraction(self.affinities, &self.positions);
        let divisor = repulsion.total as f32;
        for (row, (pull, push)) in attraction.iter().zip(&repulsion.forces).enumerate() {
            for (axis, (pull, push)) in pull.iter().zip(push).enumerate() {
                let gradient = 4.0 * (exaggeration * pull - push / divisor);
                let velocity = &mut self.velocities[row][axis];
                let gain = &mut self.gains[row][axis];
                // Still going downhill, or past the lowest point (Jacobs 1988).
                *gain = if *velocity * gradient < 0.0 {
                    *gain + 0.2
                } else {
                    (*gain * 0.8).max(0.01)
                };
                *velocity = momentum * *velocity - self.learning_rate * *gain * gradient;
                self.positions[row][axis] += *velocity;
            }
        }
    }

    /// The divergence of the similarities in the map from those in the data.
    pub fn kl_divergence(&self) -> f64 {
        let total = Repulsion::of(&self.positions).total;
        kl_divergence(self.affinities, &self.positions, total)
    }
}
