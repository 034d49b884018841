//! What A1111's clients read: pictures, the request again, and `info`, which is JSON inside a string.

use std::collections::BTreeMap;

use easel_engine::Resolved;
use easel_imaging::infotext::sampler_label;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The answer to both ways of drawing.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DrawnView {
    /// The files in base64.
    pub images: Vec<String>,
    /// The request.
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// What was drawn, as JSON in a string.
    pub info: String,
}

/// What `info` says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Info {
    /// What was to be drawn.
    pub prompt: String,
    /// Of each picture.
    pub all_prompts: Vec<String>,
    /// What was to be avoided.
    pub negative_prompt: String,
    /// Of each picture.
    pub all_negative_prompts: Vec<String>,
    /// Of the first picture.
    pub seed: u64,
    /// Of each picture.
    pub all_seeds: Vec<u64>,
    /// Of the first picture, -1 without variations.
    pub subseed: i128,
    /// As many as there are pictures.
    pub all_subseeds: Vec<i128>,
    /// How much of the other seed there is.
    pub subseed_strength: f64,
    /// Pixels of the first pass.
    pub width: u32,
    /// Pixels of the first pass.
    pub height: u32,
    /// The update rule, as A1111 shows it.
    pub sampler_name: &'static str,
    /// Guidance.
    pub cfg_scale: f64,
    /// Denoising steps.
    pub steps: u32,
    /// Pictures of one round.
    pub batch_size: u32,
    /// False.
    pub restore_faces: bool,
    /// None.
    pub face_restoration_model: Option<String>,
    /// The model.
    pub sd_model_name: String,
    /// Its hash.
    pub sd_model_hash: Option<String>,
    /// None: the model's own.
    pub sd_vae_name: Option<String>,
    /// None.
    pub sd_vae_hash: Option<String>,
    /// -1.
    pub seed_resize_from_w: i64,
    /// -1.
    pub seed_resize_from_h: i64,
    /// The share of a start picture that was redrawn.
    pub denoising_strength: Option<f64>,
    /// What the infotext says beyond the usual.
    pub extra_generation_params: BTreeMap<String, String>,
    /// 0: there are no grids.
    pub index_of_first_image: u32,
    /// Of each picture.
    pub infotexts: Vec<String>,
    /// As they were named.
    pub styles: Vec<String>,
    /// When it was begun.
    pub job_timestamp: String,
    /// From 1.
    pub clip_skip: u32,
    /// The model takes the mask as an input.
    pub is_using_inpainting_conditioning: bool,
    /// The categories of words that were left out of the prompts: an extension.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<String>,
    /// Of this server.
    pub version: &'static str,
}

impl Info {
    /// Of pictures with these seeds and texts; `first` is what the first of them was begun with.
    pub fn new(first: &Resolved, seeds: Vec<u64>, infotexts: Vec<String>) -> Self {
        let negative = first.negative_prompt.clone().unwrap_or_default();
        let count = seeds.len();
        let other = first.noising.variation;
        let from = first.noising.resized_from;
        Self {
            all_prompts: vec![first.prompt.clone(); count],
            prompt: first.prompt.clone(),
            all_negative_prompts: vec![negative.clone(); count],
            negative_prompt: negative,
            seed: first.seed,
            all_seeds: seeds,
            subseed: other.map_or(-1, |other| i128::from(other.seed)),
            all_subseeds: (0..count as u64).map(|i| other.map_or(-1, |other| i128::from(other.seed.wrapping_add(i)))).collect(),
            subseed_strength: other.map_or(0.0, |other| other.strength),
            width: first.width,
            height: first.height,
            sampler_name: sampler_label(first.sampler),
            cfg_scale: first.guidance_scale,
            steps: first.num_inference_steps,
            batch_size: 1,
            restore_faces: false,
            face_restoration_model: None,
            sd_model_name: first.model.0.clone(),
            sd_model_hash: first.model_hash.clone(),
            sd_vae_name: None,
            sd_vae_hash: None,
            seed_resize_from_w: from.map_or(-1, |(width, _)| i64::from(width)),
            seed_resize_from_h: from.map_or(-1, |(_, height)| i64::from(height)),
            denoising_strength: first.strength,
            extra_generation_params: BTreeMap::new(),
            index_of_first_image: 0,
            infotexts,
            styles: Vec::new(),
            job_timestamp: String::new(),
            clip_skip: first.clip_skip.unwrap_or(0) + 1,
            is_using_inpainting_conditioning: false,
            masked: Vec::new(),
            version: concat!("easel-", env!("CARGO_PKG_VERSION")),
        }
    }
}

/// The answer to who enlarges a picture.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct EnlargedView {
    /// Nothing.
    pub html_info: String,
    /// The file in base64.
    pub image: String,
}

/// The answer to who enlarges several.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AllEnlargedView {
    /// Nothing.
    pub html_info: String,
    /// The files in base64.
    pub images: Vec<String>,
}

/// What a file says.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PngInfoView {
    /// The text, empty if there is none.
    pub info: String,
    /// What else is written in it.
    #[schema(value_type = Object)]
    pub items: Map<String, Value>,
    /// The text, taken apart.
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
}
