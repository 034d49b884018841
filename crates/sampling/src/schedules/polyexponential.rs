//! A power of a uniform ramp in ln sigma (k-diffusion's `get_sigmas_polyexponential`); with rho 1, its default, the exponential schedule.

use super::ramp;

const RHO: f64 = 1.0;

pub(super) fn sigmas(steps: usize, sigma_min: f64, sigma_max: f64) -> Vec<f64> {
    let (low, high) = (sigma_min.ln(), sigma_max.ln());
    ramp(steps).map(|at| (low + (1.0 - at).powf(RHO) * (high - low)).exp()).collect()
}
