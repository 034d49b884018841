//! Prompt weights applied to the text encoder's output, as A1111 does by default ("Original" emphasis).

/// Multiplies the hidden states of each token of one chunk by its weight, then scales the chunk so that its mean is what it was.
///
/// `hidden` is (tokens, width), row by row. When every weight is 1 nothing is touched, bit for bit. Where the mean cannot be restored
/// (the weighted mean is 0, or the factor is not finite) the weighted states are left as they are; A1111 makes them non-finite.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn apply_weights(hidden: &mut [f32], tokens: usize, width: usize, weights: &[f32]) {
    assert_eq!(hidden.len(), tokens * width, "hidden states are (tokens, width). This is a bug.");
    assert_eq!(weights.len(), tokens, "one weight per token. This is a bug.");
    if width == 0 || weights.iter().all(|&weight| weight == 1.0) {
        return;
    }
    let before = mean(hidden);
    for (row, &weight) in hidden.chunks_exact_mut(width).zip(weights) {
        row.iter_mut().for_each(|value| *value *= weight);
    }
    let factor = before / mean(hidden);
    if factor.is_finite() {
        hidden.iter_mut().for_each(|value| *value = (f64::from(*value) * factor) as f32);
    }
}

/// In f64, so that the order of summation does not show in the result.
fn mean(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_one_touch_nothing() {
        let before = [0.1_f32, -0.0, f32::MIN_POSITIVE, 3.5];
        let mut hidden = before;
        apply_weights(&mut hidden, 2, 2, &[1.0, 1.0]);
        assert_eq!(hidden.map(f32::to_bits), before.map(f32::to_bits));
    }

    #[test]
    fn a_mean_of_zero_leaves_finite_numbers() {
        let mut hidden = [1.0, 1.0, 1.0, 1.0];
        apply_weights(&mut hidden, 2, 2, &[1.0, -1.0]);
        assert_eq!(hidden, [1.0, 1.0, -1.0, -1.0]);
    }
}
