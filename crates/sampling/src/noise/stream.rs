//! Everything random a request draws, in order.

use easel_types::NoiseKind;

use super::{BrownianTree, NoiseSource, noise_source};
use crate::NoiseDraw;

/// A request's noise: its generator, the shape of its latents, and the Brownian motion of samplers that need one.
pub struct NoiseStream {
    source: Box<dyn NoiseSource>,
    shape: Vec<usize>,
    brownian: Option<BrownianTree>,
}

impl NoiseStream {
    /// A freshly seeded stream; `brownian_range` is [`crate::Table::brownian_range`].
    pub fn new(kind: NoiseKind, seed: u64, shape: &[usize], brownian_range: Option<(f64, f64)>) -> Self {
        let brownian = brownian_range.map(|(low, high)| BrownianTree::new(kind, seed, shape, low, high));
        Self { source: noise_source(kind, seed), shape: shape.to_vec(), brownian }
    }

    /// The same with a generator of the caller's choice, such as one of another precision.
    pub fn with_source(source: Box<dyn NoiseSource>, shape: &[usize], brownian: Option<BrownianTree>) -> Self {
        Self { source, shape: shape.to_vec(), brownian }
    }

    /// The noise the first latents are made of: the stream's first draw.
    pub fn initial(&mut self) -> Vec<f32> {
        self.next()
    }

    /// Draws from another generator from now on; the Brownian motion stays.
    pub fn go_on_with(&mut self, source: Box<dyn NoiseSource>) {
        self.source = source;
    }

    /// The next normal tensor of the latents' shape.
    #[expect(clippy::should_implement_trait, reason = "a stream of tensors that never ends is no iterator")]
    pub fn next(&mut self) -> Vec<f32> {
        self.source.randn(&self.shape)
    }

    /// A normal tensor of another shape from the same generator, such as the posterior sample of an encoded picture.
    pub fn draw_shape(&mut self, shape: &[usize]) -> Vec<f32> {
        self.source.randn(shape)
    }

    /// The noise of a row, or none.
    pub fn draw(&mut self, draw: &NoiseDraw) -> Option<Vec<f32>> {
        match (draw, &mut self.brownian) {
            (NoiseDraw::None, _) => None,
            (NoiseDraw::Brownian { from, to }, Some(tree)) => Some(tree.noise(*from, *to)),
            // Without a motion, independent noise has the same distribution.
            (NoiseDraw::Next | NoiseDraw::Brownian { .. }, _) => Some(self.next()),
        }
    }
}
