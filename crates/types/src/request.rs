//! What somebody asks for, before any model is known: the one type every wire format is translated to.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Convention, Gray8, Handover, NoiseKind, Noising, Rgb8, SamplerKind, SigmaSchedule, TimestepSpacing};

/// The name of a model as users write it: `builtin`, `org/repo`, or the stem of an imported file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelId(pub String);

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for ModelId {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

/// Where the picture starts from.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// From noise alone.
    TextToImage,
    /// From a picture, noised by `strength` (0 = unchanged, 1 = noise alone).
    ImageToImage {
        /// The picture; resized to the output size.
        image: Arc<Rgb8>,
        /// Share of the schedule that is run, 0..=1.
        strength: f64,
    },
    /// From a picture of which only the white part of `mask` is repainted.
    Inpaint {
        /// The picture; resized to the output size.
        image: Arc<Rgb8>,
        /// White is repainted, black is kept; resized to the output size.
        mask: Arc<Gray8>,
        /// Share of the schedule that is run, 0..=1.
        strength: f64,
    },
}

/// A LoRA that a request asks for besides the tags in its prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoraUse {
    /// Its name: the file's, without folder and extension, or the path below the folder of LoRAs.
    pub name: String,
    /// How much of it the denoiser has.
    pub weight: f64,
    /// How much of it the text encoders have.
    pub text_encoder_weight: f64,
}

/// What counts more, the words or a ControlNet: the `control_mode` of its extension for A1111.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ControlBalance {
    /// Both alike.
    #[default]
    Balanced,
    /// The words: the outer layers have less of the ControlNet than the middle.
    Prompt,
    /// The ControlNet: as above, and what is to be avoided has nothing of it.
    Control,
}

/// A ControlNet, and the picture it looks at.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlUse {
    /// Its name: the file's or folder's.
    pub model: String,
    /// Edges, depths or a pose as the ControlNet was trained on them; resized to the output size.
    pub image: Arc<Rgb8>,
    /// How much of it there is.
    pub weight: f64,
    /// The share of the steps after which it begins, 0..=1.
    pub start: f64,
    /// The share of the steps after which it ends, 0..=1.
    pub end: f64,
    /// What counts more.
    pub balance: ControlBalance,
}

/// One request for `num_images` pictures. `None` means the model's own default.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerationRequest {
    /// The model; `None` is the server's default.
    pub model: Option<ModelId>,
    /// What to draw, in A1111 prompt syntax.
    pub prompt: String,
    /// What to avoid. `None` is the model's unconditional branch (zeros for an SDXL that says so), `Some("")` the encoded empty prompt.
    pub negative_prompt: Option<String>,
    /// LoRAs besides those that the prompt's tags name.
    pub loras: Vec<LoraUse>,
    /// ControlNets.
    pub controls: Vec<ControlUse>,
    /// Where the picture starts from.
    pub task: Task,
    /// Width in pixels, a multiple of 8.
    pub width: Option<u32>,
    /// Height in pixels, a multiple of 8.
    pub height: Option<u32>,
    /// Denoising steps (diffusers' `num_inference_steps`).
    pub num_inference_steps: Option<u32>,
    /// Classifier-free guidance; at most 1 switches the second branch off.
    pub guidance_scale: Option<f64>,
    /// Rescales the guided output towards the conditional one's deviation (Lin et al. 2024), 0..=1.
    pub guidance_rescale: f64,
    /// The update rule.
    pub sampler: Option<SamplerKind>,
    /// The noise levels.
    pub schedule: Option<SigmaSchedule>,
    /// Where timesteps fall; `None` is the model's own.
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Whose arithmetic the sampler follows.
    pub convention: Convention,
    /// Noise of stochastic samplers; `None` is the sampler's own default.
    pub eta: Option<f64>,
    /// Text encoder layers left out at the end, 0..; A1111's "Clip skip" minus one.
    pub clip_skip: Option<u32>,
    /// Seed of the first picture; picture `i` uses `seed + i` (mod 2^64), or with a variation the same. `None` draws one.
    pub seed: Option<u64>,
    /// Which generator the noise is compatible with.
    pub noise: NoiseKind,
    /// What else is said of the noise.
    pub noising: Noising,
    /// What comes from another request's latents, and goes to one.
    pub handover: Handover,
    /// How many pictures, at least 1.
    pub num_images: u32,
}

impl GenerationRequest {
    /// A text-to-image request for one picture with the model's defaults.
    pub fn text_to_image(prompt: impl Into<String>) -> Self {
        Self {
            model: None,
            prompt: prompt.into(),
            negative_prompt: None,
            loras: Vec::new(),
            controls: Vec::new(),
            task: Task::TextToImage,
            width: None,
            height: None,
            num_inference_steps: None,
            guidance_scale: None,
            guidance_rescale: 0.0,
            sampler: None,
            schedule: None,
            timestep_spacing: None,
            convention: Convention::Diffusers,
            eta: None,
            clip_skip: None,
            seed: None,
            noise: NoiseKind::TorchCpu,
            noising: Noising::default(),
            handover: Handover::default(),
            num_images: 1,
        }
    }
}
