//! What models need and safe Rust or candle does not give at its best: mapped files, and the sampler's update in one pass.

pub mod advance;
#[allow(unsafe_code)]
pub mod cpu;
pub mod mapped_file;

pub use mapped_file::{Mapping, map_file};
