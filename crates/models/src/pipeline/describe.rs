//! What a model's folder says about using it: family, sampler, native size, defaults.

use std::{io::ErrorKind, sync::Arc};

use easel_sampling::{SamplerConfig, TrainingSchedule, from_diffusers};
use easel_types::{SamplerKind, SigmaSchedule, TimestepSpacing};
use serde::Deserialize;

use super::{Encoder, LatentColours, weigh::stored_numbers};
use crate::{
    ModelError,
    config::ConfigError,
    ops::Ops,
    unet::UNetConfig,
    vae::VaeConfig,
    weights::{Family, ModelFiles},
};

/// Everything planning needs; reading it touches configuration files only.
#[derive(Debug, Clone)]
pub struct Description {
    /// SD 1.x, 2.x or SDXL.
    pub family: Family,
    /// The training noise levels.
    pub training: Arc<TrainingSchedule>,
    /// The model's own sampler.
    pub sampler: SamplerConfig,
    /// Native width in pixels.
    pub width: u32,
    /// Native height in pixels.
    pub height: u32,
    /// Steps where a request names none.
    pub num_inference_steps: u32,
    /// Guidance where a request names none.
    pub guidance_scale: f64,
    /// Pixels per latent.
    pub scale: u32,
    /// Channels of the latents.
    pub latent_channels: usize,
    /// The denoiser takes mask and masked picture as extra channels.
    pub has_mask_channels: bool,
    /// The denoiser is told the guidance scale as a number: there is no unconditional branch.
    pub embeds_guidance: bool,
    /// An absent negative prompt is zeros instead of an encoded empty text.
    pub zeros_for_empty_negative: bool,
    /// How latents become a preview.
    pub colours: LatentColours,
    /// Numbers in its weights, by the files' headers.
    pub weight_count: u64,
}

/// `defaults.toml` in a model's folder: what its makers recommend where a request says nothing. diffusers has no place for it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaults {
    num_inference_steps: Option<u32>,
    guidance_scale: Option<f64>,
    sampler: Option<SamplerKind>,
    schedule: Option<SigmaSchedule>,
    timestep_spacing: Option<TimestepSpacing>,
    latent_rgb_factors: Option<Vec<[f64; 3]>>,
    latent_rgb_bias: Option<[f64; 3]>,
}

impl Defaults {
    fn beside(files: &ModelFiles) -> Result<Self, ModelError> {
        let bad = |reason: String| ConfigError { file: "defaults.toml".into(), reason };
        let path = files.path.join("defaults.toml");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Self::default()),
            Err(error) => return Err(bad(error.to_string()).into()),
        };
        let defaults: Self = toml::from_str(&text).map_err(|e| bad(e.to_string()))?;
        if defaults.num_inference_steps.is_some_and(|n| !(1..=1000).contains(&n)) {
            return Err(bad("num_inference_steps must be 1..=1000".into()).into());
        }
        if defaults.guidance_scale.is_some_and(|g| !(0.0..=50.0).contains(&g)) {
            return Err(bad("guidance_scale must be 0..=50".into()).into());
        }
        if defaults.latent_rgb_bias.is_some() && defaults.latent_rgb_factors.is_none() {
            return Err(bad("latent_rgb_bias goes with latent_rgb_factors".into()).into());
        }
        let numbers = defaults.latent_rgb_factors.iter().flatten().chain(&defaults.latent_rgb_bias).flatten();
        if numbers.into_iter().any(|v| !(-100.0..=100.0).contains(v)) {
            return Err(bad("latent_rgb_factors and latent_rgb_bias must be -100..=100".into()).into());
        }
        Ok(defaults)
    }

    /// Its own colours, or those of its family.
    fn colours(&self, family: Family, channels: usize) -> Result<LatentColours, ConfigError> {
        let Some(factors) = &self.latent_rgb_factors else { return Ok(LatentColours::of(family)) };
        if factors.len() != channels {
            let reason = format!("latent_rgb_factors has {} channels, the latents have {channels}", factors.len());
            return Err(ConfigError { file: "defaults.toml".into(), reason });
        }
        Ok(LatentColours { factors: factors.clone(), bias: self.latent_rgb_bias.unwrap_or_default() })
    }

    fn apply(&self, own: SamplerConfig) -> SamplerConfig {
        let mut sampler = match self.sampler {
            Some(kind) if kind != own.kind => SamplerConfig::new(kind, SigmaSchedule::Normal),
            _ => own,
        };
        sampler.schedule = self.schedule.unwrap_or(sampler.schedule);
        sampler.timestep_spacing = self.timestep_spacing.or(sampler.timestep_spacing);
        sampler
    }
}

impl Description {
    /// Reads and checks the configuration files.
    pub fn read(files: &ModelFiles) -> Result<Self, ModelError> {
        let (sampler, mut training) = from_diffusers(&files.scheduler_config)?;
        if files.family != Family::Sdxl {
            // diffusers' StableDiffusionPipeline corrects old folders to this value when it loads them.
            training.steps_offset = 1;
        }
        let training = Arc::new(TrainingSchedule::new(training)?);
        let unet = UNetConfig::from_json(&files.unet_config)?;
        let vae = VaeConfig::from_json(&files.vae_config)?;
        let latent = vae.latent_channels;
        let has_mask_channels = unet.in_channels == 2 * latent + 1;
        if unet.in_channels != latent && !has_mask_channels {
            return Err(unet_error(format!(
                "in_channels = {} fits neither {latent} latent channels nor those with mask and masked picture ({})",
                unet.in_channels,
                2 * latent + 1
            )));
        }
        let side = (unet.sample_size * vae.scale()) as u32;
        let defaults = Defaults::beside(files)?;
        Ok(Self {
            colours: defaults.colours(files.family, latent)?,
            weight_count: stored_numbers(files),
            family: files.family,
            training,
            sampler: defaults.apply(sampler),
            width: side,
            height: side,
            num_inference_steps: defaults.num_inference_steps.unwrap_or(25),
            guidance_scale: defaults.guidance_scale.unwrap_or(if files.family == Family::Sdxl { 5.0 } else { 7.5 }),
            scale: vae.scale() as u32,
            latent_channels: latent,
            has_mask_channels,
            embeds_guidance: unet.time_cond_proj_dim.is_some(),
            zeros_for_empty_negative: files.model_index["force_zeros_for_empty_prompt"]
                .as_bool()
                .unwrap_or(files.family == Family::Sdxl),
        })
    }
}

/// The widths at which components meet.
pub(super) fn check_widths<O: Ops>(unet: &UNetConfig, vae: &VaeConfig, encoders: &[Encoder<O>]) -> Result<(), ModelError> {
    let text: usize = encoders.iter().map(|e| e.model.config().hidden_size).sum();
    if text != unet.cross_attention_dim {
        return Err(unet_error(format!(
            "cross_attention_dim = {} but the text encoders give {text} values a token",
            unet.cross_attention_dim
        )));
    }
    if unet.out_channels != vae.latent_channels {
        return Err(unet_error(format!(
            "out_channels = {} but the autoencoder has {} latent channels",
            unet.out_channels, vae.latent_channels
        )));
    }
    if let Some((dim, input)) = unet.text_time {
        let pooled = encoders.last().map_or(0, |e| e.model.config().projection_dim);
        if encoders.len() != 2 || input != 6 * dim + pooled {
            return Err(unet_error(format!(
                "projection_class_embeddings_input_dim = {input}, but six numbers of {dim} and pooled text of {pooled} make {}",
                6 * dim + pooled
            )));
        }
    }
    Ok(())
}

fn unet_error(reason: String) -> ModelError {
    ConfigError::component("unet", reason).into()
}
