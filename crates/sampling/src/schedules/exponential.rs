//! Uniform in ln sigma (k-diffusion's `get_sigmas_exponential`).

use super::ramp;

pub(super) fn sigmas(steps: usize, sigma_min: f64, sigma_max: f64) -> Vec<f64> {
    let (low, high) = (sigma_min.ln(), sigma_max.ln());
    ramp(steps).map(|at| (high + at * (low - high)).exp()).collect()
}
