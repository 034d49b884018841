//! Brownian motion over noise levels: the noise of the SDE samplers, which stays the same path however many steps walk along it.
//!
//! Follows torchsde's `BrownianInterval` with `halfway_tree`, tolerance 1e-6 and a pool of 24, as k-diffusion's `BatchedBrownianTree`
//! asks for it: an interval is split at its middle, rounded to six decimals, with noise seeded by its place in the tree. Nothing is
//! remembered between queries; a query redraws the path down to its ends (about 25 tensors a side).

use easel_types::NoiseKind;

use super::noise_source;
use super::seed_sequence::first_word;

/// One request's Brownian motion.
#[derive(Debug, Clone)]
pub struct BrownianTree {
    kind: NoiseKind,
    seed: u64,
    shape: Vec<usize>,
    root: Node,
    total: Vec<f32>,
}

/// An interval of the tree: its ends, and its place as torchsde numbers it.
#[derive(Debug, Clone, Copy)]
struct Node {
    start: f64,
    end: f64,
    key: u64,
    depth: u64,
}

impl Node {
    fn middle(&self) -> f64 {
        rounded(0.5 * (self.end + self.start))
    }

    fn child(&self, right: bool) -> Self {
        let (start, end) = if right { (self.middle(), self.end) } else { (self.start, self.middle()) };
        Self { start, end, key: (2 * self.key) | u64::from(right), depth: self.depth + 1 }
    }
}

/// Six decimals, half to even on the exact value, as Python's `round(x, 6)`.
fn rounded(time: f64) -> f64 {
    format!("{time:.6}").parse().unwrap_or(time)
}

impl BrownianTree {
    /// The motion between two noise levels, `sigma_min` being the lowest positive one of a schedule.
    pub fn new(kind: NoiseKind, seed: u64, shape: &[usize], sigma_min: f64, sigma_max: f64) -> Self {
        let (start, end) = (sigma_min.min(sigma_max), sigma_min.max(sigma_max));
        let scale = (end - start).max(0.0).sqrt() as f32;
        let total = noise_source(kind, first_word(seed, &[]).into()).randn(shape);
        Self {
            kind,
            seed,
            shape: shape.to_vec(),
            root: Node { start: rounded(start), end: rounded(end), key: 0, depth: 0 },
            total: total.into_iter().map(|number| number * scale).collect(),
        }
    }

    /// The motion's increment from one level to another, scaled to unit variance; zero where the two coincide.
    pub fn noise(&mut self, from: f64, to: f64) -> Vec<f32> {
        let (low, high) = (from.min(to), from.max(to));
        let (start, end) = (low.clamp(self.root.start, self.root.end), high.clamp(self.root.start, self.root.end));
        let mut sum = vec![0.0; self.total.len()];
        let (start, end) = (rounded(start), rounded(end));
        if start < end {
            self.collect(self.root, &self.total, start, end, &mut sum);
            // Going down in noise runs against the time of the motion.
            let sign = if from < to { 1.0 } else { -1.0 };
            let scale = (high as f32 - low as f32).sqrt();
            sum.iter_mut().for_each(|number| *number = sign * *number / scale);
        }
        sum
    }

    /// Adds the increments of the nodes that cover [start, end], from left to right.
    fn collect(&self, node: Node, increment: &[f32], start: f64, end: f64, sum: &mut [f32]) {
        let middle = node.middle();
        let whole = start <= node.start && end >= node.end;
        if whole || middle <= node.start || middle >= node.end {
            sum.iter_mut().zip(increment).for_each(|(sum, increment)| *sum += increment);
            return;
        }
        let left = self.left_increment(node, increment);
        if start < middle {
            self.collect(node.child(false), &left, start, end.min(middle), sum);
        }
        if end > middle {
            let right: Vec<f32> = increment.iter().zip(&left).map(|(whole, left)| whole - left).collect();
            self.collect(node.child(true), &right, start.max(middle), end, sum);
        }
    }

    /// The Brownian bridge at a node's middle.
    fn left_increment(&self, node: Node, increment: &[f32]) -> Vec<f32> {
        let (left, right) = (node.middle() - node.start, node.end - node.middle());
        let reciprocal = 1.0 / (node.end - node.start);
        let deviation = (left * right * reciprocal).sqrt() as f32;
        let (left, reciprocal) = (left as f32, reciprocal as f32);
        let seed = first_word(self.seed, &[node.key, node.depth]);
        let noise = noise_source(self.kind, seed.into()).randn(&self.shape);
        increment.iter().zip(noise).map(|(whole, noise)| left * whole * reciprocal + deviation * noise).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> BrownianTree {
        BrownianTree::new(NoiseKind::TorchCpu, 42, &[4, 4], 0.029, 14.6)
    }

    #[test]
    fn rounding_is_pythons() {
        assert_eq!(rounded(7.314_500_499_9), 7.3145);
        assert_eq!(rounded(0.007_812_5), 0.007_812);
        assert_eq!(rounded(0.023_437_5), 0.023_438);
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let (whole, high, low) = (tree().noise(9.0, 1.0), tree().noise(9.0, 3.25), tree().noise(3.25, 1.0));
        for i in 0..16 {
            let sum = high[i] * 5.75f32.sqrt() + low[i] * 2.25f32.sqrt();
            assert!((sum - whole[i] * 8.0f32.sqrt()).abs() < 1e-5);
        }
    }

    #[test]
    fn odd_queries_are_answered() {
        assert_eq!(tree().noise(3.0, 3.0), vec![0.0; 16]);
        assert!(tree().noise(99.0, 0.0).iter().all(|number| number.is_finite()));
        let mut point = BrownianTree::new(NoiseKind::TorchCpu, 1, &[20], 2.0, 2.0);
        assert_eq!(point.noise(2.0, 1.0), vec![0.0; 20]);
    }
}
