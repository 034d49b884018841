//! What the denoiser was trained to predict, and on which noise schedule.
//!
//! Neither is in the weights. In this order: the sidecar or metadata (see [`super::overrides`]); the metadata of the ModelSpec standard
//! (`modelspec.prediction_type`, or an architecture that names `768-v`); a tensor named `v_pred`, with which trainers mark velocity models
//! (`ztsnr` beside it marks a schedule that ends in pure noise); `global_step` 875000, 2-base's; or else the family's rule: 2.x predicts
//! velocity unless it inpaints, everything else predicts noise. That rule is diffusers'; it is wrong for 2-base files without any of these
//! marks, for which the sidecar is the remedy.

use serde_json::{Value, json};

use super::{super::Family, Source, overrides::Overrides};

/// What the denoiser predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prediction {
    Epsilon,
    Velocity,
}

/// The training step that marks the 512-pixel base model of 2.x.
const SD2_BASE_STEP: f32 = 875_000.0;

pub(super) fn prediction(source: &Source, family: Family, in_channels: usize, overrides: &Overrides) -> Prediction {
    let metadata = &source.file().header().metadata;
    let said = overrides.field("scheduler_config", "prediction_type").and_then(Value::as_str);
    let said = said.or(overrides.prediction_type.as_deref()).or(metadata.get("modelspec.prediction_type").map(String::as_str));
    match said {
        Some("v" | "v_prediction") => return Prediction::Velocity,
        Some("epsilon" | "eps") => return Prediction::Epsilon,
        _ => {}
    }
    match metadata.get("modelspec.architecture").map(String::as_str) {
        Some(name) if name.contains("768-v") => return Prediction::Velocity,
        Some(name) if name.contains("v2-512") => return Prediction::Epsilon,
        _ => {}
    }
    if source.has("v_pred") {
        return Prediction::Velocity;
    }
    let base =
        source.view("global_step", super::super::Change::None).ok().and_then(|view| view.first_f32()) == Some(SD2_BASE_STEP);
    match family {
        Family::Sd2 if in_channels == 4 && !base => Prediction::Velocity,
        _ => Prediction::Epsilon,
    }
}

/// Side of the native latents: from the metadata's resolution, else the family's.
pub(super) fn sample_size(source: &Source, family: Family, prediction: Prediction) -> usize {
    const LATENT_SCALE: usize = 8;
    const SIDE_MAX: usize = 8192;
    let resolution = source.file().header().metadata.get("modelspec.resolution");
    let side = resolution.and_then(|text| text.split('x').filter_map(|side| side.parse::<usize>().ok()).max());
    if let Some(side) = side.filter(|side| (LATENT_SCALE..=SIDE_MAX).contains(side)) {
        return side / LATENT_SCALE;
    }
    match (family, prediction) {
        (Family::Sdxl, _) => 128,
        (Family::Sd2, Prediction::Velocity) => 96,
        _ => 64,
    }
}

/// The scheduler configuration that the family's diffusers folders have.
pub(super) fn config(source: &Source, family: Family, prediction: Prediction) -> Value {
    let class = match family {
        Family::Sd1 => "PNDMScheduler",
        Family::Sd2 => "DDIMScheduler",
        Family::Sdxl => "EulerDiscreteScheduler",
    };
    json!({
        "_class_name": class,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "prediction_type": if prediction == Prediction::Velocity { "v_prediction" } else { "epsilon" },
        "rescale_betas_zero_snr": source.has("ztsnr"),
        "clip_sample": false,
        "set_alpha_to_one": false,
        "skip_prk_steps": true,
        "steps_offset": 1,
        "timestep_spacing": "leading",
    })
}
