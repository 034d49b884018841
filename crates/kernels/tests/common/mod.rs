//! Random tensors and the measure of an error.

#![allow(dead_code)] // Each test program uses its own part.

/// Marsaglia's xorshift: the same cases on every run.
pub struct Random(pub u64);

impl Random {
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// -2..2.
    pub fn number(&mut self) -> f32 {
        ((self.bits() >> 11) as f64 / (1u64 << 51) as f64 - 2.0) as f32
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub fn chance(&mut self) -> bool {
        self.bits().is_multiple_of(2)
    }

    pub fn values(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.number()).collect()
    }
}

/// `x` by an activation's definition.
pub fn activated(activation: easel_kernels::cpu::Activation, x: f64) -> f64 {
    use easel_kernels::cpu::Activation;
    match activation {
        Activation::None => x,
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::Gelu => x * (1.0 + erf(x / 2f64.sqrt())) / 2.0,
        Activation::QuickGelu => x / (1.0 + (-1.702 * x).exp()),
    }
}

/// By its series, or by the continued fraction of its complement.
pub fn erf(x: f64) -> f64 {
    if x.abs() < 2.5 {
        let (mut term, mut sum) = (x, x);
        for n in 1..100 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        return sum * 2.0 / std::f64::consts::PI.sqrt();
    }
    let mut fraction = 0.0;
    for n in (1..200).rev() {
        fraction = f64::from(n) / 2.0 / (x.abs() + fraction);
    }
    (1.0 - (-x * x).exp() / std::f64::consts::PI.sqrt() / (x.abs() + fraction)) * x.signum()
}

/// Every number is within `bound` of the expected one, in units of the size of what was added up to it.
pub fn assert_close(what: &str, found: &[f32], expected: &[(f64, f64)], bound: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (found, (expected, size))) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(*found) - expected).abs();
        assert!(
            error <= bound * size.max(1.0),
            "{what}, number {i}: {found} for {expected}, error {error:.2e} of size {size:.2e}"
        );
    }
}

/// The bits of numbers, so that equal means equal.
pub fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|v| v.to_bits()).collect()
}

impl Random {
    /// bf16 numbers of -2..2.
    pub fn halves(&mut self, len: usize) -> Vec<easel_kernels::cpu::bf16::Bf16> {
        (0..len).map(|_| easel_kernels::cpu::bf16::Bf16::from_f32(self.number())).collect()
    }
}

/// Every number is the expected one, rounded to bf16, but for `bound` in units of the size of what was added up to it.
pub fn assert_rounded(what: &str, found: &[easel_kernels::cpu::bf16::Bf16], expected: &[(f64, f64)], bound: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (found, (expected, size))) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found.to_f32()) - expected).abs();
        // Half of the last of eight bits, and a sixteenth of that for functions that are no better.
        let rounding = expected.abs() / 256.0 * 17.0 / 16.0;
        assert!(
            error <= rounding + bound * size.max(1.0),
            "{what}, number {i}: {found} for {expected}, error {error:.2e} of size {size:.2e}"
        );
    }
}
