//! `torch.randn` with a CUDA generator: Philox with one subsequence per GPU thread.
//!
//! Tensors that need more numbers than the GPU has threads depend on the GPU model; [`TorchCuda::with_threads`] says which. The device
//! evaluates logarithm and sine with fast approximations, so agreement is to a few 1e-6.

use super::NoiseSource;
use super::philox::{normal_pair, philox};

/// Threads of the GPUs most pictures are compared on: 132 multiprocessors of 2048 threads (H100, H200).
const DEFAULT_THREADS: usize = 132 * 2048;
const BLOCK: usize = 256;
/// Normal numbers a thread makes at once.
const UNROLL: usize = 4;

/// torch's CUDA generator.
#[derive(Debug, Clone)]
pub struct TorchCuda {
    seed: u64,
    /// Philox counters used so far, per thread.
    offset: u64,
    threads: usize,
}

impl TorchCuda {
    /// As `torch.Generator("cuda").manual_seed(seed)` on an H100 or H200.
    pub fn new(seed: u64) -> Self {
        Self::with_threads(seed, DEFAULT_THREADS)
    }

    /// On a GPU with this many resident threads (multiprocessors × threads of each).
    pub fn with_threads(seed: u64, threads: usize) -> Self {
        Self { seed, offset: 0, threads: threads.max(BLOCK) }
    }
}

impl NoiseSource for TorchCuda {
    fn randn(&mut self, shape: &[usize]) -> Vec<f32> {
        let count: usize = shape.iter().product();
        if count == 0 {
            return Vec::new();
        }
        let threads = BLOCK * count.div_ceil(BLOCK).min(self.threads / BLOCK);
        let rounds = (count - 1) / (threads * UNROLL) + 1;
        let mut numbers = vec![0.0; count];
        for (index, number) in numbers.iter_mut().enumerate() {
            let (round, within) = (index / (threads * UNROLL), index % (threads * UNROLL));
            let (place, thread) = (within / threads, within % threads);
            let counter = self.offset + round as u64;
            let words = philox([counter as u32, (counter >> 32) as u32, thread as u32, 0], self.seed);
            let (first, second) = normal_pair(words[place / 2 * 2], words[place / 2 * 2 + 1]);
            *number = if place.is_multiple_of(2) { first } else { second };
        }
        self.offset += rounds as u64;
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_threads_make_more_numbers_each() {
        let wide = TorchCuda::new(3).randn(&[600]);
        let narrow = TorchCuda::with_threads(3, 256).randn(&[600]);
        assert_eq!(wide[..256], narrow[..256]);
        assert_ne!(wide[256..], narrow[256..]);
    }

    #[test]
    fn a_second_draw_continues() {
        let mut source = TorchCuda::new(5);
        let (first, second) = (source.randn(&[8]), source.randn(&[8]));
        assert_ne!(first, second);
        assert_eq!(first, TorchCuda::new(5).randn(&[8]));
    }
}
