//! What a picture was really made with, once every default is filled in: enough to make it again.

use easel_types::{Convention, LoraUse, ModelId, NoiseKind, Noising, SamplerKind, SigmaSchedule, TimestepSpacing, WornCell};
use serde::Serialize;

/// Where a picture started from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// From noise alone.
    TextToImage,
    /// From a picture.
    ImageToImage,
    /// From a picture and a mask.
    Inpaint,
}

/// The parameters of one picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Resolved {
    /// Where it started from.
    pub task: TaskKind,
    /// The prompt as given.
    pub prompt: String,
    /// The negative prompt as given.
    pub negative_prompt: Option<String>,
    /// LoRAs besides those that the prompt's tags name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub loras: Vec<LoraUse>,
    /// The model.
    pub model: ModelId,
    /// First ten hex digits of the checkpoint's SHA-256.
    pub model_hash: Option<String>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The picture's own seed.
    pub seed: u64,
    /// Which generator the noise is compatible with.
    pub noise: NoiseKind,
    /// What else was said of the noise; a variation's seed is this picture's own.
    #[serde(skip_serializing_if = "Noising::is_usual")]
    pub noising: Noising,
    /// The update rule.
    pub sampler: SamplerKind,
    /// The noise levels.
    pub schedule: SigmaSchedule,
    /// Where timesteps fall; `None` is the model's own.
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Whose arithmetic the sampler follows.
    pub convention: Convention,
    /// Steps as asked for; with a strength below 1 fewer are run.
    pub num_inference_steps: u32,
    /// Classifier-free guidance.
    pub guidance_scale: f64,
    /// Rescaling of the guided output.
    pub guidance_rescale: f64,
    /// Noise of stochastic samplers; `None` is the sampler's own default.
    pub eta: Option<f64>,
    /// Text encoder layers left out at the end.
    pub clip_skip: Option<u32>,
    /// Share of the schedule that is run; `None` for text-to-image.
    pub strength: Option<f64>,
    /// The files that it wears, once that is known.
    #[serde(skip)]
    pub worn: WornCell,
}
