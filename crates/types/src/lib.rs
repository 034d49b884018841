//! The domain's words, shared by every crate: what a request says, which samplers and schedules exist, what a picture is.
//!
//! Only `serde` and `thiserror` here: no framework, no tensor, no clock, no randomness.

mod noising;
mod picture;
mod quality;
mod request;
mod sampler;

pub use noising::{
    FromLatents, FromPicture, Handover, LatentCell, LatentFill, LatentScaling, Latents, Noising, Variation, Worn, WornCell,
};
pub use picture::{Gray8, PictureError, Rgb8};
pub use quality::Quality;
pub use request::{ControlBalance, ControlUse, GenerationRequest, LoraUse, ModelId, Task};
pub use sampler::{Convention, NoiseKind, SamplerKind, SigmaSchedule, TimestepSpacing, UnknownName};
