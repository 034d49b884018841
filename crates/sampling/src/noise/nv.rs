//! A1111's "NV" noise source: Philox as a GPU would draw it, computed on the host in f64 and without a limit of threads.

use super::NoiseSource;
use super::philox::{TURN, UNIT, philox};

/// A1111's `rng_philox.Generator`.
#[derive(Debug, Clone)]
pub struct Nv {
    seed: u64,
    calls: u32,
}

impl Nv {
    /// Seeds it.
    pub fn new(seed: u64) -> Self {
        Self { seed, calls: 0 }
    }
}

impl NoiseSource for Nv {
    fn randn(&mut self, shape: &[usize]) -> Vec<f32> {
        const UNIT_TURN: f32 = (2.328_306_4e-10f64 * 6.283_185_5f64) as f32;
        debug_assert!((UNIT_TURN - UNIT * TURN).abs() < 1e-15);
        let uniform = |word: u32, scale: f32| f64::from(word) * f64::from(scale) + f64::from(scale / 2.0);
        let number = |index: usize| {
            let words = philox([self.calls, 0, index as u32, 0], self.seed);
            let radius = (-2.0 * uniform(words[0], UNIT).ln()).sqrt();
            (radius * uniform(words[1], UNIT_TURN).sin()) as f32
        };
        let numbers = (0..shape.iter().product()).map(number).collect();
        self.calls = self.calls.wrapping_add(1);
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a1111s_own_example() {
        // The example in A1111's docstring comes from a GPU, which is good to a few units in the last place.
        let expected =
            [-0.924_662_6, -0.425_344_15, -2.643_845_8, 0.145_183_88, -0.120_866_47, -0.579_725_6, -0.622_851_2, -0.328_387_1];
        // What A1111's own numpy code gives.
        let exact = [-0.9246624, -0.42534396, -2.6438458, 0.14518388, -0.12086651, -0.5797257, -0.6228513, -0.32838714];
        let numbers = Nv::new(0).randn(&[3, 4]);
        assert_eq!(numbers[..8], exact);
        for (got, want) in numbers.iter().zip(expected) {
            assert!((got - want).abs() < 5e-7, "{got} is not {want}");
        }
    }
}
