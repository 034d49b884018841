//! The schedule that minimises a bound on the Kullback–Leibler divergence (Sabour et al. 2024), in closed form.
//!
//! A1111 makes `steps + 1` levels of it, the last being the lowest sigma and no zero behind it.

pub(super) fn sigmas(steps: usize, sigma_min: f64, sigma_max: f64) -> Vec<f64> {
    let (low, high) = (sigma_min.atan(), sigma_max.atan());
    let at = |i: usize| i as f64 / steps as f64;
    (0..=steps).map(|i| (at(i) * low + (1.0 - at(i)) * high).tan()).collect()
}
