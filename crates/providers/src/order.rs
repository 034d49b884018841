//! What is asked of a provider: the fields of a request that other services know too. The rest is named, so that it can be told.

use std::fmt;

use easel_types::{GenerationRequest, Task};
use serde::{Deserialize, Serialize};

/// A field that some providers, or all of them, do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// What to avoid.
    NegativePrompt,
    /// The seed.
    Seed,
    /// Denoising steps.
    NumInferenceSteps,
    /// Guidance.
    GuidanceScale,
    /// How much of a picture is drawn anew.
    Strength,
    /// The provider's own quality.
    Quality,
    /// The update rule: known here alone.
    Sampler,
    /// The noise levels: known here alone.
    Schedule,
    /// Where timesteps fall: known here alone.
    TimestepSpacing,
    /// Noise of stochastic samplers: known here alone.
    Eta,
    /// Layers left out: known here alone.
    ClipSkip,
    /// Rescaled guidance: known here alone.
    GuidanceRescale,
    /// What A1111's requests say of their noise, variation seeds among it: known here alone.
    Noising,
    /// LoRAs, asked for or named by the prompt: this host's files.
    Loras,
    /// ControlNets: this host's files.
    Controls,
}

/// What is asked of a provider. Its `Debug` holds no prompt and no picture.
#[derive(Clone, PartialEq)]
pub struct Order {
    /// The provider's name of the model.
    pub model: String,
    /// What to draw.
    pub prompt: String,
    /// What to avoid.
    pub negative_prompt: Option<String>,
    /// Where the picture starts from.
    pub task: Task,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// How many pictures.
    pub num_images: u32,
    /// The seed of the first picture.
    pub seed: Option<u64>,
    /// Denoising steps.
    pub num_inference_steps: Option<u32>,
    /// Guidance.
    pub guidance_scale: Option<f64>,
    /// The provider's own quality (`high`), as its catalogue names it.
    pub quality: Option<String>,
    /// What was asked for and means nothing elsewhere.
    pub local_only: Vec<Field>,
}

impl Order {
    /// A request with its model and size as they were settled on.
    ///
    /// LoRAs and ControlNets are nowhere else: whoever gives such an order away has been told that they are dropped.
    pub fn from_request(request: &GenerationRequest, model: impl Into<String>, (width, height): (u32, u32)) -> Self {
        let prompt = without_tags(&request.prompt);
        let asked = [
            (Field::Sampler, request.sampler.is_some()),
            (Field::Schedule, request.schedule.is_some()),
            (Field::TimestepSpacing, request.timestep_spacing.is_some()),
            (Field::Eta, request.eta.is_some()),
            (Field::ClipSkip, request.clip_skip.is_some()),
            (Field::GuidanceRescale, request.guidance_rescale != 0.0),
            (Field::Noising, !request.noising.is_usual()),
            (Field::Loras, !request.loras.is_empty() || prompt.len() != request.prompt.len()),
            (Field::Controls, !request.controls.is_empty()),
        ];
        Self {
            model: model.into(),
            prompt,
            negative_prompt: request.negative_prompt.clone().filter(|text| !text.trim().is_empty()),
            task: request.task.clone(),
            width,
            height,
            num_images: request.num_images,
            seed: request.seed,
            num_inference_steps: request.num_inference_steps,
            guidance_scale: request.guidance_scale,
            quality: None,
            local_only: asked.into_iter().filter(|(_, asked)| *asked).map(|(field, _)| field).collect(),
        }
    }

    /// How much of the picture is drawn anew, where it starts from one.
    pub fn strength(&self) -> Option<f64> {
        match self.task {
            Task::TextToImage => None,
            Task::ImageToImage { strength, .. } | Task::Inpaint { strength, .. } => Some(strength),
        }
    }
}

/// What a tag in a prompt begins with that names a LoRA.
const TAG: &str = "<lora:";

/// Whether a prompt names LoRAs.
pub fn names_loras(prompt: &str) -> bool {
    prompt.contains(TAG)
}

/// A prompt without its `<lora:…>`, which elsewhere would be words. What is not closed is left: it names nothing.
fn without_tags(prompt: &str) -> String {
    let (mut kept, mut rest) = (String::with_capacity(prompt.len()), prompt);
    while let Some((before, tag)) = rest.split_once(TAG) {
        kept.push_str(before);
        match tag.split_once('>') {
            Some((_, after)) => rest = after,
            None => {
                kept.push_str(TAG);
                rest = tag;
            }
        }
    }
    kept.push_str(rest);
    kept
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order")
            .field("model", &self.model)
            .field("prompt_chars", &self.prompt.chars().count())
            .field("size", &(self.width, self.height))
            .field("num_images", &self.num_images)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_loras_are_no_words() {
        for (prompt, left) in [
            ("a heron", "a heron"),
            ("a heron <lora:ink:0.8>, at dawn", "a heron , at dawn"),
            ("<lora:a:1><lora:b:1>a heron", "a heron"),
            ("a heron <lora:ink", "a heron <lora:ink"),
        ] {
            let order = Order::from_request(&GenerationRequest::text_to_image(prompt.to_owned()), "m", (64, 64));
            assert_eq!(order.prompt, left);
            assert_eq!(order.local_only.contains(&Field::Loras), prompt != left, "{prompt}");
        }
    }
}
