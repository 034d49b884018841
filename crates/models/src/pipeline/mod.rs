//! A loaded Stable Diffusion model: text encoders, UNet and autoencoder on one device, and what its folder says about using them.
//!
//! 1.x, 2.x and SDXL are one pipeline: SDXL is the one with a second text encoder and `text_time` conditioning. Which is which is read from
//! the folder, never from a name.

mod describe;
mod picture;
mod slot;
mod text;

use std::sync::Arc;

use easel_sampling::TrainingSchedule;

pub use describe::Description;
pub use slot::{BatchKey, SlotState, advance};
pub use text::{TextStates, Texts};

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
}

impl<O: Ops> Pipeline<O> {
    /// Loads every component. Configurations are checked first, so that a bad folder fails before its weights are read.
    pub fn load(ops: Arc<O>, files: &ModelFiles) -> Result<Self, ModelError> {
        let description = Description::read(files)?;
        let unet_config = UNetConfig::from_json(&files.unet_config)?;
        let vae_config = VaeConfig::from_json(&files.vae_config)?;
        let mut encoders = vec![load_encoder(ops.as_ref(), files, false)?];
        if files.text_encoder_2.is_some() {
            encoders.push(load_encoder(ops.as_ref(), files, true)?);
        }
        describe::check_widths(&unet_config, &vae_config, &encoders)?;
        let unet = UNet::load(unet_config, &Loader::new(ops.as_ref(), &files.unet))?;
        let vae = Vae::load(vae_config, &Loader::new(ops.as_ref(), &files.vae))?;
        Ok(Self { ops, encoders, unet, vae, description })
    }

    /// The training noise levels.
    pub fn training(&self) -> &Arc<TrainingSchedule> {
        &self.description.training
    }
}

/// Loads a model folder or file completely on the processor, as the first request would, and throws it away.
pub fn load_check(path: &std::path::Path) -> Result<(), ModelError> {
    let device = crate::Device::Cpu.open().map_err(|e| ModelError::Unsupported(e.to_string()))?;
    let ops = Arc::new(crate::ops::candle::CandleOps::on(&device));
    Pipeline::load(ops, &crate::weights::folder::open_model(path, None)?).map(drop)
}

fn load_encoder<O: Ops>(ops: &O, files: &ModelFiles, second: bool) -> Result<Encoder<O>, ModelError> {
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
    let model = ClipText::load(config, &Loader::new(ops, weights))?;
    Ok(Encoder { tokenizer, model })
}
