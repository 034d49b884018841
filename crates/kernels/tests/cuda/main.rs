//! The CUDA kernels, emulated and on a card.

#![allow(missing_docs)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../cuda_common/mod.rs"]
mod cuda_common;

mod attention;
#[cfg(feature = "cuda")]
mod compile;
mod elementwise;
mod low_rank;
mod norm;
mod product;
mod step;
