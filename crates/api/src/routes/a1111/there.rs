//! Drawings that somebody else may do: how they are asked for there, and what A1111's clients are told of them.

use axum::Json;
use easel_imaging::{Format, infotext::sampler_label};
use easel_platform::orders::{Drawing, Order, Output, OutputFormat, Work};
use easel_types::{Quality, SamplerKind};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use base64::Engine as _;

use super::pictures::ENCODER;
use crate::{
    ApiError,
    compat::a1111::{
        options::Options,
        request::{Asked, Start},
        response::{DrawnView, Info},
    },
    generation::drawing_elsewhere,
    outward::There,
};

/// What is asked for, as somebody else would be asked for it: all rounds at once.
pub(super) fn order(asked: &Asked, model: &str) -> Order {
    let drawing = Drawing {
        count: asked.count.total(),
        styled: asked.styled.clone(),
        masked: asked.masked.clone(),
        stays_here: !asked.allow_fallback,
        allow_drops: asked.allow_drops,
        ..drawing_elsewhere(&asked.generation, model)
    };
    Order { work: Work::Draw(Box::new(drawing)), output: output(&asked.options) }
}

/// How its files are written.
pub(super) fn output(options: &Options) -> Output {
    let format = match options.format {
        Format::Png => OutputFormat::Png,
        Format::Jpeg => OutputFormat::Jpeg,
        Format::Webp => OutputFormat::Webp,
    };
    Output { format, quality: Quality::Normal, compression: options.quality, lossless: options.lossless }
}

/// The answer. Seeds that nobody tells are -1, as A1111 writes what it does not know.
pub(super) fn drawn(asked: &Asked, model: String, timestamp: &str, there: There) -> Result<Json<DrawnView>, ApiError> {
    let There { pictures, served_by, unit_price } = there;
    let seeds: Vec<Value> = pictures.iter().map(|picture| picture.seed.map_or(json!(-1), Value::from)).collect();
    let size = pictures.first().map_or((0, 0), |picture| picture.size);
    let told = info(asked, model, timestamp, size, pictures.len());
    let mut told = serde_json::to_value(&told).map_err(|_| ApiError::internal())?;
    told["seed"] = seeds.first().cloned().unwrap_or(json!(-1));
    told["all_seeds"] = Value::Array(seeds);
    told["served_by"] = serde_json::to_value(served_by).map_err(|_| ApiError::internal())?;
    told["unit_price"] = serde_json::to_value(unit_price).map_err(|_| ApiError::internal())?;
    let images = match asked.send_images {
        true => pictures.iter().map(|picture| ENCODER.encode(&picture.bytes)).collect(),
        false => Vec::new(),
    };
    Ok(Json(DrawnView { images, parameters: asked.echo.clone(), info: told.to_string() }))
}

/// The answer when it was interrupted or skipped while somebody else was at it: no pictures, and nothing is paid.
pub(super) fn left(asked: &Asked, model: String, timestamp: &str) -> Result<Json<DrawnView>, ApiError> {
    let told = info(asked, model, timestamp, (0, 0), 0);
    let mut told = serde_json::to_value(&told).map_err(|_| ApiError::internal())?;
    told["seed"] = json!(-1);
    Ok(Json(DrawnView { images: Vec::new(), parameters: asked.echo.clone(), info: told.to_string() }))
}

fn info(asked: &Asked, model: String, timestamp: &str, (width, height): (u32, u32), count: usize) -> Info {
    let wanted = &asked.generation;
    let negative = wanted.negative_prompt.clone().unwrap_or_default();
    Info {
        all_prompts: vec![wanted.prompt.clone(); count],
        prompt: wanted.prompt.clone(),
        all_negative_prompts: vec![negative.clone(); count],
        negative_prompt: negative,
        seed: 0,
        all_seeds: Vec::new(),
        subseed: -1,
        all_subseeds: vec![-1; count],
        subseed_strength: 0.0,
        width,
        height,
        sampler_name: sampler_label(wanted.sampler.unwrap_or(SamplerKind::Euler)),
        cfg_scale: wanted.guidance_scale.unwrap_or_default(),
        steps: wanted.num_inference_steps.unwrap_or_default(),
        batch_size: asked.count.batch,
        restore_faces: false,
        face_restoration_model: None,
        sd_model_name: model,
        sd_model_hash: None,
        sd_vae_name: None,
        sd_vae_hash: None,
        seed_resize_from_w: -1,
        seed_resize_from_h: -1,
        denoising_strength: match &asked.from {
            Start::Picture { strength, .. } => Some(*strength),
            Start::Noise { .. } => None,
        },
        extra_generation_params: BTreeMap::new(),
        index_of_first_image: 0,
        infotexts: vec![wanted.prompt.clone(); count],
        styles: asked.styles.clone(),
        job_timestamp: timestamp.to_owned(),
        clip_skip: wanted.clip_skip.unwrap_or(0) + 1,
        is_using_inpainting_conditioning: false,
        masked: asked.masked.clone(),
        version: concat!("easel-", env!("CARGO_PKG_VERSION")),
    }
}
