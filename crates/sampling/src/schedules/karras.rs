//! Karras et al. 2022 ("Elucidating the design space"), equation 5: uniform in `sigma^(1/rho)`.

use super::ramp;

const RHO: f64 = 7.0;

pub(super) fn sigmas(steps: usize, sigma_min: f64, sigma_max: f64) -> Vec<f64> {
    let (low, high) = (sigma_min.powf(1.0 / RHO), sigma_max.powf(1.0 / RHO));
    ramp(steps).map(|at| (high + at * (low - high)).powf(RHO)).collect()
}
