//! What to draw, and how that becomes the engine's request once the pictures it starts from are at hand.

use std::sync::Arc;

use easel_prompts::{AppliedStyle, CatalogueVersion, StyledPrompt};
use easel_types::{
    ControlBalance, ControlUse, GenerationRequest, Gray8, LoraUse, ModelId, Rgb8, SamplerKind, SigmaSchedule, Task,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Source;

/// How much of a start picture is redrawn where nobody says.
const STRENGTH: f64 = 0.75;

/// What to draw. What is left out is the model's own default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawing {
    /// With which model.
    pub model: String,
    /// What the pictures show.
    pub prompt: String,
    /// What to avoid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Denoising steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// How closely the prompt is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guidance: Option<f64>,
    /// The update rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampler: Option<SamplerKind>,
    /// The noise levels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<SigmaSchedule>,
    /// Noise of stochastic samplers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<f64>,
    /// Text encoder layers left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_skip: Option<u32>,
    /// Of the first picture; the others count up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How many.
    pub count: u32,
    /// The picture to start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Source>,
    /// What of it is repainted: its white part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Source>,
    /// How much of the start picture is redrawn, 0..=1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<f64>,
    /// LoRAs besides those that the prompt's tags name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loras: Vec<LoraUse>,
    /// ControlNets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<Control>,
    /// What the prompts above were made of, where styles were chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub styled: Option<Styled>,
    /// Nobody else may draw it, whatever comes.
    #[serde(default, skip_serializing_if = "is_not")]
    pub stays_here: bool,
    /// Somebody else may draw it without its LoRAs and ControlNets.
    #[serde(default, skip_serializing_if = "is_not")]
    pub allow_drops: bool,
    /// The categories of words that the prompt had and that are not drawn here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<String>,
}

/// A user's words and the styles around them: with these the prompts can be made again, or it can be said why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Styled {
    /// What the user wrote.
    pub raw_prompt: String,
    /// What the user wanted to avoid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_negative: Option<String>,
    /// The styles, nearest first, each with the hash of what it said.
    pub styles: Vec<AppliedStyle>,
    /// The catalogue they came from.
    pub catalogue: CatalogueVersion,
}

impl From<&StyledPrompt> for Styled {
    fn from(styled: &StyledPrompt) -> Self {
        Self {
            raw_prompt: styled.raw_prompt.clone(),
            raw_negative: styled.raw_negative.clone(),
            styles: styled.styles.clone(),
            catalogue: styled.catalogue.clone(),
        }
    }
}

fn is_not(value: &bool) -> bool {
    !value
}

/// A ControlNet, and the stored picture it looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Its name.
    pub model: String,
    /// Edges, depths or a pose.
    pub image: Source,
    /// How much of it there is.
    pub weight: f64,
    /// The share of the steps after which it begins, 0..=1.
    pub start: f64,
    /// The share of the steps after which it ends, 0..=1.
    pub end: f64,
}

/// The pictures a drawing needs.
#[derive(Debug, Clone, Default)]
pub struct Pictures {
    /// The start.
    pub start: Option<Rgb8>,
    /// The mask, white where it is repainted.
    pub mask: Option<Gray8>,
    /// What each of the ControlNets looks at.
    pub controls: Vec<Arc<Rgb8>>,
}

impl Drawing {
    /// One picture with the model's defaults.
    pub fn new(model: &str, prompt: &str) -> Self {
        Self {
            model: model.to_owned(),
            prompt: prompt.to_owned(),
            negative_prompt: None,
            width: None,
            height: None,
            steps: None,
            guidance: None,
            sampler: None,
            schedule: None,
            eta: None,
            clip_skip: None,
            seed: None,
            count: 1,
            start: None,
            mask: None,
            strength: None,
            loras: Vec::new(),
            controls: Vec::new(),
            styled: None,
            stays_here: false,
            allow_drops: false,
            masked: Vec::new(),
        }
    }

    /// What the user wrote, before styles.
    pub fn words(&self) -> (&str, Option<&str>) {
        match &self.styled {
            Some(styled) => (&styled.raw_prompt, styled.raw_negative.as_deref()),
            None => (&self.prompt, self.negative_prompt.as_deref()),
        }
    }

    /// The record its prompts can be made again from, where styles were chosen.
    pub fn styled_prompt(&self) -> Option<StyledPrompt> {
        self.styled.clone().map(|styled| StyledPrompt {
            raw_prompt: styled.raw_prompt,
            raw_negative: styled.raw_negative,
            styles: styled.styles,
            catalogue: styled.catalogue,
            prompt: self.prompt.clone(),
            negative: self.negative_prompt.clone(),
        })
    }

    /// As the engine takes it. `seed` is used where the order names none.
    pub fn request(&self, pictures: Pictures, seed: u64) -> GenerationRequest {
        let strength = self.strength.unwrap_or(STRENGTH);
        let Pictures { start, mask, controls } = pictures;
        let task = match (start.map(Arc::new), mask.map(Arc::new)) {
            (Some(image), Some(mask)) => Task::Inpaint { image, mask, strength },
            (Some(image), None) => Task::ImageToImage { image, strength },
            (None, _) => Task::TextToImage,
        };
        let seen = |(control, image): (&Control, Arc<Rgb8>)| {
            let Control { model, weight, start, end, .. } = control;
            let balance = ControlBalance::default();
            ControlUse { model: model.clone(), image, weight: *weight, start: *start, end: *end, balance }
        };
        GenerationRequest {
            model: Some(ModelId(self.model.clone())),
            negative_prompt: self.negative_prompt.clone(),
            loras: self.loras.clone(),
            controls: self.controls.iter().zip(controls).map(seen).collect(),
            task,
            width: self.width,
            height: self.height,
            num_inference_steps: self.steps,
            guidance_scale: self.guidance,
            sampler: self.sampler,
            schedule: self.schedule,
            eta: self.eta,
            clip_skip: self.clip_skip,
            seed: Some(self.seed.unwrap_or(seed)),
            num_images: self.count,
            ..GenerationRequest::text_to_image(self.prompt.clone())
        }
    }
}

/// The seed of a job that names none: the same each time it is begun. Below 2^53, which every JSON reader keeps exactly.
pub fn seed_of(job_id: &str) -> u64 {
    let digest = Sha256::digest(job_id);
    let first: [u8; 8] = digest[..8].try_into().expect("a digest has 32 bytes. This is a bug.");
    u64::from_le_bytes(first) >> 11
}
