//! Quantiles of Beta(0.6, 0.6) over the sigma range ("Beta sampling is all you need", Lee et al. 2024).

use super::ramp;

/// Both shape parameters.
const SHAPE: f64 = 0.6;
/// The beta function at (SHAPE, SHAPE).
const BETA: f64 = 2.4153442080024723;

pub(super) fn sigmas(steps: usize, sigma_min: f64, sigma_max: f64) -> Vec<f64> {
    ramp(steps).map(|at| sigma_min + quantile(1.0 - at) * (sigma_max - sigma_min)).collect()
}

/// The inverse of the distribution function.
fn quantile(probability: f64) -> f64 {
    // The distribution is symmetric, and the series below wants the lower half.
    if probability > 0.5 { 1.0 - lower_quantile(1.0 - probability) } else { lower_quantile(probability) }
}

/// Newton's method in `y = x^SHAPE`, where the distribution function is almost a straight line.
fn lower_quantile(probability: f64) -> f64 {
    let target = probability * BETA;
    let mut y = target * SHAPE;
    for _ in 0..50 {
        let x = y.powf(1.0 / SHAPE);
        let slope = (1.0 - x).powf(SHAPE - 1.0) / SHAPE;
        let step = (y * series(x) - target) / slope;
        y = (y - step).clamp(0.0, 0.75);
        if step.abs() <= 1e-16 * y {
            break;
        }
    }
    y.powf(1.0 / SHAPE)
}

/// The incomplete beta function divided by `x^SHAPE`, for x up to a half.
fn series(x: f64) -> f64 {
    let (mut sum, mut term) = (0.0, 1.0);
    for k in 0..200 {
        let k = f64::from(k);
        let part = term / (SHAPE + k);
        sum += part;
        if part < 1e-17 * sum {
            break;
        }
        term *= (k + 1.0 - SHAPE) / (k + 1.0) * x;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_scipys() {
        // scipy.stats.beta.ppf(q, 0.6, 0.6)
        for (q, x) in QUANTILES {
            assert!((quantile(q) - x).abs() < 1e-13, "{q}: {} is not {x}", quantile(q));
        }
    }

    const QUANTILES: [(f64, f64); 10] = [
        (0.0, 0.0),
        (0.001, 1.855873851745199e-05),
        (0.05, 0.012554456873611399),
        (0.25, 0.17568037865269498),
        (0.4999, 0.49986127490549975),
        (0.5, 0.5000000000000001),
        (0.6, 0.6372990092467856),
        (0.9, 0.9604155944112192),
        (0.999, 0.9999814412614826),
        (1.0, 1.0),
    ];
}
