//! What models need and safe Rust or candle does not give at its best: mapped files, the sampler's update in one pass,
//! and fused operations for processors and NVIDIA cards.

pub mod advance;
#[allow(unsafe_code)]
pub mod cpu;
#[cfg(any(feature = "cuda", feature = "emulator"))]
#[allow(unsafe_code)]
pub mod cuda;
pub mod mapped_file;

pub use mapped_file::{Mapping, map_file};
