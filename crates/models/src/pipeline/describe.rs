//! What a model's folder says about using it: family, sampler, native size, defaults.

use std::sync::Arc;

use easel_sampling::{AlignYourSteps, SamplerConfig, TrainingSchedule, from_diffusers};

use super::{Defaults, Encoder, LatentColours, weigh::stored_numbers};
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

impl Description {
    /// Reads and checks the configuration files.
    pub fn read(files: &ModelFiles) -> Result<Self, ModelError> {
        let (sampler, mut training) = from_diffusers(&files.scheduler_config)?;
        if files.family != Family::Sdxl {
            // diffusers' StableDiffusionPipeline corrects old folders to this value when it loads them.
            training.steps_offset = 1;
        }
        training.align_your_steps = match files.family {
            Family::Sd1 | Family::Sd2 => AlignYourSteps::StableDiffusion,
            Family::Sdxl => AlignYourSteps::StableDiffusionXl,
        };
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
        defaults.check_size(vae.scale() as u32)?;
        Ok(Self {
            colours: defaults.colours(files.family, latent)?,
            weight_count: stored_numbers(files),
            family: files.family,
            training,
            sampler: defaults.apply(sampler),
            width: defaults.width.unwrap_or(side),
            height: defaults.height.unwrap_or(side),
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::weights::folder::open_model;

    #[test]
    fn the_family_has_its_own_align_your_steps() {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/conformance/models");
        let table = |name: &str| {
            let files = open_model(&models.join(name), None).unwrap();
            Description::read(&files).unwrap().training.config().align_your_steps
        };
        assert_eq!(table("sdxl"), AlignYourSteps::StableDiffusionXl);
        assert_eq!([table("sd1"), table("sd2")], [AlignYourSteps::StableDiffusion; 2]);
    }
}
