//! kernels

pub mod mapped_file;

pub use mapped_file::{Mapping, map_file};
