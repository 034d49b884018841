//! The Turbo models' schedule: evenly spaced training steps from the high end.

use crate::NoiseLevels;

pub(super) fn sigmas(steps: usize, levels: &NoiseLevels) -> Vec<f64> {
    let count = levels.sigmas().len();
    let stride = count as f64 / steps as f64;
    let index = |i: usize| (i as f64 * stride - 1.0).round_ties_even().clamp(0.0, (count - 1) as f64) as usize;
    (1..=steps).rev().map(|i| levels.sigmas()[index(i)]).collect()
}
