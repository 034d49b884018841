//! The processor's kernels. `bf16_permission` asks the system for something that a whole process has, and has its own program.

#![allow(missing_docs)]

#[path = "../common/mod.rs"]
mod common;

mod advance;
mod bf16_attention;
mod bf16_norm;
mod bf16_product;
mod f32_attention;
mod f32_norm;
mod f32_product;
