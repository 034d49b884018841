//! Align Your Steps (Sabour et al. 2024): eleven published levels for ten steps, interpolated in ln sigma for other counts.

use crate::AlignYourSteps;

impl AlignYourSteps {
    /// The published levels. diffusers' own table has zero for the last of them.
    fn levels(self) -> [f64; 11] {
        match self {
            Self::StableDiffusion => [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029],
            Self::StableDiffusionXl => [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029],
        }
    }
}

pub(super) fn sigmas(count: usize, table: AlignYourSteps) -> Vec<f64> {
    let levels = table.levels();
    if count == levels.len() {
        return levels.to_vec();
    }
    // Interpolated from the low end, as published: a single level is the lowest one.
    let at = |i: usize| {
        let place = if count > 1 { i as f64 / (count - 1) as f64 * 10.0 } else { 0.0 };
        let low = (place as usize).min(9);
        let ln = |index: usize| levels[10 - index].ln();
        (ln(low) + (place - low as f64) * (ln(low + 1) - ln(low))).exp()
    };
    (0..count).rev().map(at).collect()
}
