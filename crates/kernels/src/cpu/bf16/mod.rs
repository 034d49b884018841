//! The processor's kernels in bf16: the same operations as in f32, on AMX tiles where there are any, on bf16 dot products of AVX-512 vectors
//! where there are those, and on f32 arithmetic otherwise.
//!
//! Activations and weights are bf16, sums are f32, statistics f32 or better. Weights are packed once, in pairs of the inner dimension as tiles
//! and dot products take them ([`Matrix`]); a convolution reads its input where it lies, through tiles whose lines are neighbouring pixels
//! ([`Bordered`]), so nothing is copied for it.
//!
//! **Rows never mix, and never round differently in company**: a number's products are added in the order of the inner dimension, one after
//! another, whichever line of a tile it is in and however the work is cut. What a tile holds besides is never written.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
mod attention;
mod border;
mod cell;
mod conv;
mod driver;
mod elementwise;
mod finish;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod flash;
mod halves;
mod isa;
mod low_rank;
mod norm;
mod pack;
mod permission;
mod product;
mod quick;
mod slice;

pub use attention::{Attention, attention};
pub use border::{Border, Bordered, border};
pub use conv::{Conv, conv};
pub use elementwise::{activate, add, narrow, widen};
pub use finish::{Epilogue, Out};
pub use half::bf16 as Bf16;
pub use isa::Bf16Isa;
pub use low_rank::{Addition, add_low_rank, gate, product_onto, ungated};
pub use norm::{group_norm, layer_norm};
pub use pack::Matrix;
pub use product::{Product, geglu, product};
pub use slice::HalfBuffer;
