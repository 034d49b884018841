//! A loaded Stable Diffusion model: text encoders, UNet and autoencoder on one device, and what its folder says about using them.
//!
//! 1.x, 2.x and SDXL are one pipeline: SDXL is the one with a second text encoder and `text_time` conditioning. Which is which is read from
//! the folder, never from a name.

mod advance;
mod cache;
mod control;
mod decode;
mod defaults;
mod describe;
mod inputs;
mod interpolate;
mod picture;
mod prepare;
mod preview;
mod slot;
mod text;
mod wear;
mod weigh;

use std::sync::Arc;

use easel_backend::Plan;
use easel_sampling::TrainingSchedule;

pub use advance::{Advanced, commit, draw, evaluate};
pub use cache::{Cache, CacheCounts, TextCache};
pub use defaults::{DEFAULTS, Defaults};
pub use describe::Description;
pub use preview::LatentColours;
pub use slot::{BatchKey, SlotState, Stores};
pub use text::{TextKey, TextStates, Texts};
use weigh::Weighed;

use crate::{
    ModelError,
    ops::{Loader, Ops},
    prompt::ClipTokenizer,
    text::{ClipConfig, ClipText},
    unet::{UNet, UNetConfig},
    vae::{Vae, VaeConfig},
    weights::ModelFiles,
};

/// A text encoder with its tokenizer.
pub struct Encoder<O: Ops> {
    /// Text to token ids.
    pub tokenizer: ClipTokenizer,
    /// Token ids to states.
    pub model: ClipText<O>,
}

/// A model on a device.
pub struct Pipeline<O: Ops> {
    /// The device.
    pub ops: Arc<O>,
    /// One encoder, or SDXL's two.
    pub encoders: Vec<Encoder<O>>,
    /// The denoiser.
    pub unet: UNet<O>,
    /// The autoencoder.
    pub vae: Vae<O>,
    /// What its folder says about using it.
    pub description: Description,
    /// Numbers in its weights, as loaded.
    pub weight_count: u64,
}

impl<O: Ops> Pipeline<O> {
    /// Loads every component. Configurations are checked first, so that a bad folder fails before its weights are read.
    pub fn load(ops: Arc<O>, files: &ModelFiles) -> Result<Self, ModelError> {
        let description = Description::read(files)?;
        let unet_config = UNetConfig::from_json(&files.unet_config)?;
        let vae_config = VaeConfig::from_json(&files.vae_config)?;
        let count = Weighed::default();
        let mut encoders = vec![load_encoder(ops.as_ref(), files, &count, false)?];
        if files.text_encoder_2.is_some() {
            encoders.push(load_encoder(ops.as_ref(), files, &count, true)?);
        }
        describe::check_widths(&unet_config, &vae_config, &encoders)?;
        let unet = UNet::load(unet_config, &Loader::new(ops.as_ref(), &count.through(&files.unet)))?;
        let vae = Vae::load(vae_config, &Loader::new(ops.as_ref(), &count.through(&files.vae)))?;
        Ok(Self { ops, encoders, unet, vae, description, weight_count: count.numbers() })
    }

    /// The shape of a plan's latents.
    fn latent_shape(&self, plan: &Plan) -> [usize; 4] {
        let side = |pixels: u32| (pixels / self.description.scale) as usize;
        [1, self.description.latent_channels, side(plan.height), side(plan.width)]
    }

    /// Bytes of a tensor on the device.
    fn bytes(&self, x: &O::Tensor) -> u64 {
        (self.ops.shape(x).iter().product::<usize>() * self.ops.value_bytes()) as u64
    }

    /// The training noise levels.
    pub fn training(&self) -> &Arc<TrainingSchedule> {
        &self.description.training
    }
}

/// Loads a model folder or file completely on the processor, as the first request would, and throws it away.
pub fn load_check(path: &std::path::Path) -> Result<(), ModelError> {
    let ops = Arc::new(crate::ops::cpu::CpuOps::default());
    Pipeline::load(ops, &crate::weights::folder::open_model(path, None)?).map(drop)
}

fn load_encoder<O: Ops>(ops: &O, files: &ModelFiles, count: &Weighed, second: bool) -> Result<Encoder<O>, ModelError> {
    let (component, config, weights, tokenizer) = match (second, &files.text_encoder_2, &files.text_encoder_2_config) {
        (true, Some(weights), Some(config)) => {
            ("text_encoder_2", config, weights, files.tokenizer_2.as_ref().unwrap_or(&files.tokenizer))
        }
        _ => ("text_encoder", &files.text_encoder_config, &files.text_encoder, &files.tokenizer),
    };
    let config = ClipConfig::from_json(component, config)?;
    let own = ClipTokenizer::open(&tokenizer.dir)?;
    let tokenizer = match tokenizer.pad_token {
        None => own,
        Some(pad) => own.padded_with(pad)?,
    };
    let model = ClipText::load(config, &Loader::new(ops, &count.through(weights)))?;
    Ok(Encoder { tokenizer, model })
}
