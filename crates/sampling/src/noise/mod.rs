//! Normal noise exactly as torch draws it, so that a seed gives the picture it gives elsewhere.
//!
//! A request owns one [`NoiseStream`]; nobody else draws from it, so its noise does not depend on the batch. A new generator is a file
//! with a [`NoiseSource`], a name in `NoiseKind` and a line in [`noise_source`].

mod a1111;
mod brownian;
mod mt19937;
mod nv;
mod philox;
mod precision;
mod seed_sequence;
mod stream;
mod torch_cpu;
mod torch_cuda;

use easel_types::NoiseKind;

pub use a1111::{FirstNoise, seed_resize, slerp};
pub use brownian::BrownianTree;
pub use nv::Nv;
pub use precision::{Half, NoisePrecision};
pub use stream::NoiseStream;
pub use torch_cpu::TorchCpu;
pub use torch_cuda::TorchCuda;

/// A stream of standard normal tensors. Its state advances with every draw.
pub trait NoiseSource: Send {
    /// The next tensor of this shape, in row-major order.
    fn randn(&mut self, shape: &[usize]) -> Vec<f32>;
}

/// The generator of a kind, freshly seeded.
pub fn noise_source(kind: NoiseKind, seed: u64) -> Box<dyn NoiseSource> {
    match kind {
        NoiseKind::TorchCpu => Box::new(TorchCpu::new(seed)),
        NoiseKind::TorchCuda => Box::new(TorchCuda::new(seed)),
        NoiseKind::Nv => Box::new(Nv::new(seed)),
    }
}
