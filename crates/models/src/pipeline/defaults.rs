//! What a model's makers recommend where a request says nothing.

use std::{io::ErrorKind, path::Path};

use easel_sampling::SamplerConfig;
use easel_types::{SamplerKind, SigmaSchedule, TimestepSpacing};
use serde::{Deserialize, Serialize};

use super::LatentColours;
use crate::{
    ModelError,
    config::ConfigError,
    weights::{Family, ModelFiles},
};

/// The file's name in a model's folder.
pub const DEFAULTS: &str = "defaults.toml";
/// Longest side of a recommended picture.
const SIDE_MAX: u32 = 4096;

/// `defaults.toml` in a model's folder. diffusers has no place for it; `None` is what the model's configuration or family says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// Steps, 1..=1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_inference_steps: Option<u32>,
    /// Guidance, 0..=50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guidance_scale: Option<f64>,
    /// The update rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampler: Option<SamplerKind>,
    /// The noise levels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<SigmaSchedule>,
    /// Where timesteps fall.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Width in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// The colour each latent channel stands for in previews, red, green and blue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latent_rgb_factors: Option<Vec<[f64; 3]>>,
    /// The colour of a latent of zeros.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latent_rgb_bias: Option<[f64; 3]>,
}

impl Defaults {
    /// Those beside a model's files; none where there is no such file.
    pub(super) fn beside(files: &ModelFiles) -> Result<Self, ModelError> {
        let path = files.path.join(DEFAULTS);
        Self::read(&path).map_err(|reason| bad(reason).into())
    }

    fn read(path: &Path) -> Result<Self, String> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Self::default()),
            Err(error) => return Err(error.to_string()),
        };
        let defaults: Self = toml::from_str(&text).map_err(|error| error.to_string())?;
        defaults.check()?;
        Ok(defaults)
    }

    /// Why some number cannot be meant.
    pub fn check(&self) -> Result<(), String> {
        let numbers = self.latent_rgb_factors.iter().flatten().chain(&self.latent_rgb_bias).flatten();
        let rules = [
            (self.num_inference_steps.is_none_or(|n| (1..=1000).contains(&n)), "num_inference_steps must be 1..=1000"),
            (self.guidance_scale.is_none_or(|g| (0.0..=50.0).contains(&g)), "guidance_scale must be 0..=50"),
            (self.latent_rgb_bias.is_none() || self.latent_rgb_factors.is_some(), "latent_rgb_bias goes with latent_rgb_factors"),
            (
                numbers.into_iter().all(|v| (-100.0..=100.0).contains(v)),
                "latent_rgb_factors and latent_rgb_bias must be -100..=100",
            ),
        ];
        rules.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, why)| Err((*why).to_owned()))
    }

    /// A size that the model's latents can have.
    pub(super) fn check_size(&self, multiple: u32) -> Result<(), ModelError> {
        let fits = |side: u32| side > 0 && side <= SIDE_MAX && side.is_multiple_of(multiple);
        match [self.width, self.height].into_iter().flatten().all(fits) {
            true => Ok(()),
            false => Err(bad(format!("width and height must be multiples of {multiple}, at most {SIDE_MAX}")).into()),
        }
    }

    /// Its own colours, or those of its family.
    pub(super) fn colours(&self, family: Family, channels: usize) -> Result<LatentColours, ConfigError> {
        let Some(factors) = &self.latent_rgb_factors else { return Ok(LatentColours::of(family)) };
        if factors.len() != channels {
            return Err(bad(format!("latent_rgb_factors has {} channels, the latents have {channels}", factors.len())));
        }
        Ok(LatentColours { factors: factors.clone(), bias: self.latent_rgb_bias.unwrap_or_default() })
    }

    /// The model's own sampler, changed where something else is recommended.
    pub(super) fn apply(&self, own: SamplerConfig) -> SamplerConfig {
        let mut sampler = match self.sampler {
            Some(kind) if kind != own.kind => SamplerConfig::new(kind, SigmaSchedule::Normal),
            _ => own,
        };
        sampler.schedule = self.schedule.unwrap_or(sampler.schedule);
        sampler.timestep_spacing = self.timestep_spacing.or(sampler.timestep_spacing);
        sampler
    }
}

fn bad(reason: String) -> ConfigError {
    ConfigError { file: DEFAULTS.into(), reason }
}
