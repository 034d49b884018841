//! Uniform timesteps, sigmas interpolated in ln sigma: k-diffusion's `get_sigmas` and its variant without the last timestep ("SGM").

use super::ramp;
use crate::NoiseLevels;

pub(super) fn sigmas(steps: usize, levels: &NoiseLevels) -> Vec<f64> {
    let last = (levels.sigmas().len() - 1) as f64;
    ramp(steps).map(|at| levels.sigma_at_log(last * (1.0 - at))).collect()
}

pub(super) fn sgm_uniform(steps: usize, levels: &NoiseLevels) -> Vec<f64> {
    let mut sigmas = sigmas(steps + 1, levels);
    sigmas.truncate(steps);
    sigmas
}
