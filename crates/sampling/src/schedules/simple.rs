//! Every k-th training level from the high end (ComfyUI's and A1111's "simple").

use crate::NoiseLevels;

pub(super) fn sigmas(steps: usize, levels: &NoiseLevels) -> Vec<f64> {
    let sigmas = levels.sigmas();
    let stride = sigmas.len() as f64 / steps as f64;
    (0..steps).map(|i| sigmas[sigmas.len().saturating_sub(1 + (i as f64 * stride) as usize)]).collect()
}
