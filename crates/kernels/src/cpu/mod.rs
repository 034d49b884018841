//! The processor's kernels: f32, channels last, multi-threaded, for whatever vector instructions there are.
//!
//! Activations are (rows, height, width, channels) or (rows, tokens, channels), dense; weights are packed once ([`PackedMatrix`],
//! [`PackedConv`]). What follows a product (bias, activation, residual) is done while its result is in the cache ([`Epilogue`]).
//!
//! **Rows never mix, and never round differently in company**: every number is computed by the same operations in the same order however
//! many rows there are, wherever the row stands among them, and however many threads work. Sums over the inner dimension are cut at fixed
//! places, and no thread's share depends on another's.

mod attention;
pub mod bf16;
mod buffer;
mod conv;
mod elementwise;
mod epilogue;
mod isa;
mod lanes;
mod low_rank;
mod math;
mod microkernel;
mod norm;
mod pack;
mod product;
mod share;
mod winograd;

pub use attention::{Attention, attention};
pub use buffer::{Buffer, Pool, PoolCounts};
pub use conv::{ConvGeometry, PackedConv, conv};
pub use elementwise::{
    activate, add, channels_last_to_planar, concat_channels, pad_bottom_right, planar_to_channels_last, upsample,
};
pub use epilogue::{Activation, Epilogue};
pub use isa::Isa;
pub use low_rank::{Addition, add_low_rank, gate, product_onto, scale_rows, ungated};
pub use norm::{GroupNorm, group_norm, layer_norm};
pub use pack::PackedMatrix;
pub use product::{geglu, product};
