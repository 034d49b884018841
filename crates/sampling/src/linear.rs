//! Linear forms over what one update may read: the latents, the model output, three stored tensors and fresh noise.
//!
//! Writing an update with these reads like the paper's formula and yields the coefficients of a [`crate::Row`].

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A weighted sum of (x, m, h1, h2, h3, z).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Linear(pub [f64; 6]);

/// The latents.
pub(crate) const X: Linear = Linear([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
/// The model output.
pub(crate) const M: Linear = Linear([0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
/// The first stored tensor.
pub(crate) const H1: Linear = Linear([0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
/// The second stored tensor.
pub(crate) const H2: Linear = Linear([0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
/// The third stored tensor.
pub(crate) const H3: Linear = Linear([0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
/// Fresh noise.
pub(crate) const Z: Linear = Linear([0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
/// Nothing.
pub(crate) const ZERO: Linear = Linear([0.0; 6]);

impl Linear {
    /// The part a stored tensor may have: everything but the noise.
    pub(crate) fn without_noise(self) -> [f64; 5] {
        let [x, m, h1, h2, h3, z] = self.0;
        debug_assert!(z == 0.0, "history never contains noise");
        [x, m, h1, h2, h3]
    }

    /// This form with `latents` in place of x: what the same formula gives when it starts from other latents.
    pub(crate) fn with_latents(self, latents: Linear) -> Linear {
        self + self.0[0] * (latents - X)
    }

    /// This form with `output` in place of m.
    pub(crate) fn with_output(self, output: Linear) -> Linear {
        self + self.0[1] * (output - M)
    }
}

impl Add for Linear {
    type Output = Linear;

    fn add(self, other: Linear) -> Linear {
        Linear(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
}

impl Sub for Linear {
    type Output = Linear;

    fn sub(self, other: Linear) -> Linear {
        Linear(std::array::from_fn(|i| self.0[i] - other.0[i]))
    }
}

impl Neg for Linear {
    type Output = Linear;

    fn neg(self) -> Linear {
        Linear(self.0.map(|c| -c))
    }
}

impl Mul<Linear> for f64 {
    type Output = Linear;

    fn mul(self, form: Linear) -> Linear {
        Linear(form.0.map(|c| self * c))
    }
}

impl Mul<f64> for Linear {
    type Output = Linear;

    fn mul(self, factor: f64) -> Linear {
        factor * self
    }
}

impl Div<f64> for Linear {
    type Output = Linear;

    fn div(self, divisor: f64) -> Linear {
        Linear(self.0.map(|c| c / divisor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_a_formula() {
        let euler = X + (M - X) / 2.0 * 0.5 - 3.0 * Z + -H1;
        assert_eq!(euler, Linear([0.75, 0.25, -1.0, 0.0, 0.0, -3.0]));
    }

    #[test]
    fn other_latents_take_the_place_of_x() {
        assert_eq!((2.0 * X + M).with_latents(H2 + Z), 2.0 * H2 + 2.0 * Z + M);
    }
}
