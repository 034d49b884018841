//! The levels at DDIM's timesteps, from the second training step up (ComfyUI's `ddim_uniform`, A1111's "DDIM").
//!
//! Where the steps do not divide the training steps there are more levels than steps; A1111 runs them all.

use crate::NoiseLevels;

pub(super) fn sigmas(steps: usize, levels: &NoiseLevels) -> Vec<f64> {
    let stride = (levels.sigmas().len() / steps).max(1);
    let mut sigmas: Vec<f64> = levels.sigmas().iter().skip(1).step_by(stride).copied().collect();
    sigmas.reverse();
    sigmas
}
