//! Text encoders: CLIP ViT-L, OpenCLIP ViT-H and ViT-bigG (with projection), which are one architecture with three sets of numbers.

mod clip;
mod config;

pub use clip::{ClipText, TextOutput, TokenRow};
pub use config::ClipConfig;
