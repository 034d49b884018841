//! Single-file checkpoints in the layout of the original latent-diffusion code, presented as a diffusers folder is.
//!
//! References: the parameter names of the original code (`model.diffusion_model.*`, `first_stage_model.*`, `cond_stage_model.*`, XL's
//! `conditioner.embedders.*`) and diffusers' `from_single_file`, whose result ours equals bit for bit (`tests/files/single_file.rs`).
//!
//! The family is told by the text encoders that are inside, everything else is derived from names and shapes, so a small model in this
//! layout loads as well as a real one. What shapes do not show is decided by rule:
//!
//! | not in the shapes | rule |
//! |---|---|
//! | attention heads | 1.x: 8; 2.x and XL: 64 channels per head; text encoders: 64 per head |
//! | groups of the normalisations | 32 |
//! | text activation | CLIP `quick_gelu`, OpenCLIP `gelu` |
//! | latent scale | 0.18215; XL 0.13025 |
//! | what the denoiser predicts | see [`schedule`] |
//!
//! Any of it can be overridden, see [`overrides`]. An autoencoder beside the checkpoint (`name.vae.safetensors`, as A1111 has them) counts more
//! than the one inside. Memory: tensors stay in the mapped file; a view costs its name.
//! Refused with a reason: XL refiners, depth, upscaling and instruction models, files without text encoder or autoencoder, other
//! families, LoRA, ControlNet. To add a layout: detect it in `detect.rs`, map its parts as `unet.rs`, `vae.rs` and `text.rs` do.

mod detect;
pub mod overrides;
pub mod schedule;
mod source;
mod text;
mod unet;
mod vae;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{
    Family, ModelFiles, OpenOptions, WeightFile, WeightsError,
    tokenizer::{TokenizerFiles, find_clip},
};
use overrides::Overrides;
use source::Source;

/// Opens a single-file checkpoint.
pub fn open(path: &Path, options: &OpenOptions) -> Result<ModelFiles, WeightsError> {
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gguf")) {
        return Err(WeightsError::model(path, "GGUF files are not supported; get the model as .safetensors"));
    }
    let source = Source::new(Arc::new(WeightFile::open(path)?));
    let family = detect::family(&source)?;
    let overrides = Overrides::read(path, &source.file().header().metadata)?;

    let text = match family {
        Family::Sd1 => text::clip(&source, "cond_stage_model.transformer.")?,
        Family::Sd2 => text::open_clip(&source, "cond_stage_model.model.", text::Layers::Penultimate)?,
        Family::Sdxl => text::clip(&source, "conditioner.embedders.0.transformer.")?,
    };
    let text_2 = match family {
        Family::Sdxl => Some(text::open_clip(&source, "conditioner.embedders.1.model.", text::Layers::All)?),
        _ => None,
    };
    let projection = text_2.as_ref().map(|text| text.projection);
    let unet = unet::map(&source, family, projection)?;
    let vae = match vae_beside(path) {
        Some(own) => vae::map(&Source::new(Arc::new(WeightFile::open(&own)?)), family)?,
        None => vae::map(&source, family)?,
    };
    let prediction = schedule::prediction(&source, family, unet.in_channels, &overrides);
    let (tokenizer, tokenizer_2) = tokenizers(path, options, &overrides, family, text.vocabulary)?;

    let mut unet_config = unet.config;
    unet_config["sample_size"] = json!(schedule::sample_size(&source, family, prediction));
    Ok(ModelFiles {
        path: path.to_owned(),
        family,
        model_index: model_index(family),
        unet: unet.weights,
        unet_config: overrides.apply("unet_config", unet_config),
        vae: vae.weights,
        vae_config: overrides.apply("vae_config", vae.config),
        text_encoder: text.weights,
        text_encoder_config: overrides.apply("text_encoder_config", text.config),
        text_encoder_2_config: text_2.as_ref().map(|text| overrides.apply("text_encoder_2_config", text.config.clone())),
        text_encoder_2: text_2.map(|text| text.weights),
        scheduler_config: overrides.apply("scheduler_config", schedule::config(&source, family, prediction)),
        tokenizer,
        tokenizer_2,
        unmapped: source.unmapped(),
    })
}

/// The family of the checkpoint at `path`, without opening its parts.
pub fn family(path: &Path) -> Result<Family, WeightsError> {
    detect::family(&Source::new(Arc::new(WeightFile::open(path)?)))
}

/// What the name of an autoencoder beside a checkpoint ends with.
pub const VAE_BESIDE: &str = ".vae.safetensors";

/// The autoencoder beside a checkpoint, if there is one.
fn vae_beside(checkpoint: &Path) -> Option<PathBuf> {
    let stem = checkpoint.file_stem()?.to_str()?;
    Some(checkpoint.with_file_name(format!("{stem}{VAE_BESIDE}"))).filter(|path| path.is_file())
}

fn model_index(family: Family) -> Value {
    match family {
        Family::Sd1 | Family::Sd2 => json!({ "_class_name": "StableDiffusionPipeline" }),
        Family::Sdxl => json!({ "_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": true }),
    }
}

/// One vocabulary serves all encoders, but OpenCLIP was trained with another padding token.
fn tokenizers(
    path: &Path,
    options: &OpenOptions,
    overrides: &Overrides,
    family: Family,
    vocabulary: usize,
) -> Result<(TokenizerFiles, Option<TokenizerFiles>), WeightsError> {
    const CLIP_PADDING: &str = "<|endoftext|>";
    const OPEN_CLIP_PADDING: &str = "!";
    let found = find_clip(path, overrides.tokenizer(path)?, &options.roots, vocabulary)?;
    Ok(match family {
        Family::Sd1 => (found.padded_with(CLIP_PADDING), None),
        Family::Sd2 => (found.padded_with(OPEN_CLIP_PADDING), None),
        Family::Sdxl => (found.padded_with(CLIP_PADDING), Some(found.padded_with(OPEN_CLIP_PADDING))),
    })
}
