//! Stable Diffusion on candle: text encoders, denoiser and autoencoder, their weights, and the backend the engine drives.
//!
//! [`weights`] reads and checks files, [`prompt`] turns text into token ids, [`ops`] is what the networks ([`text`], [`unet`], [`vae`]) are
//! written in, [`pipeline`] puts them together, and [`backend`] serves them. One [`backend::ModelBackend`] is owned by one thread.
//!
//! To add a model family: its networks over [`ops::Ops`], its names in [`weights`], its line in [`weights::Family`].

pub mod adapters;
pub mod backend;
mod config;
pub mod device;
mod error;
pub mod hub;
pub mod library;
pub mod ops;
pub mod pipeline;
mod precision;
pub mod prompt;
pub mod text;
pub mod unet;
pub mod vae;
pub mod weights;

pub use config::ConfigError;
pub use device::{Device, DeviceError, OpenDevice};
pub use error::ModelError;
pub use precision::Precision;
