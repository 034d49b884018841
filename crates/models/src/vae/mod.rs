//! The autoencoder between pictures and latents (Rombach et al. 2022; diffusers' `AutoencoderKL`), whole or in overlapping tiles.

mod config;
mod decoder;
mod encoder;
mod mid;
mod model;
mod sequence;
mod tiles;

pub use config::VaeConfig;
pub use model::{Posterior, Vae};
pub use sequence::Progress;
pub use tiles::Tiling;
