//! The conditional UNet of Stable Diffusion 1.x, 2.x and SDXL (Rombach et al. 2022; diffusers' `UNet2DConditionModel`), our own because a
//! batch here has **one timestep per row**, and because it is written once over [`crate::ops::Ops`].

mod blocks;
mod config;
mod control;
mod model;
mod resnet;
mod time;
mod transformer;

pub(crate) use blocks::{Level, ResnetSpec};
pub use config::UNetConfig;
pub use control::{Control, ControlConfig, ControlNet, Weight};
pub use model::{Conditioning, Step, UNet};
pub(crate) use resnet::Resnet;
pub use time::sinusoid;
