//! Align Your Steps (Sabour et al. 2024): eleven published levels for Stable Diffusion 1.5, interpolated in ln sigma for other counts.

const LEVELS: [f64; 11] = [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029];

pub(super) fn sigmas(steps: usize) -> Vec<f64> {
    if steps == LEVELS.len() {
        return LEVELS.to_vec();
    }
    // Interpolated from the low end, as published: a single step gets the lowest level.
    let at = |i: usize| {
        let place = if steps > 1 { i as f64 / (steps - 1) as f64 * 10.0 } else { 0.0 };
        let low = (place as usize).min(9);
        let ln = |index: usize| LEVELS[10 - index].ln();
        (ln(low) + (place - low as f64) * (ln(low + 1) - ln(low))).exp()
    };
    (0..steps).rev().map(at).collect()
}
