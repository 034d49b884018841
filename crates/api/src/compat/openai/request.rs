//! The fields of `POST /v1/images/{generations,edits,variations}`: OpenAI's, and the extension fields that other servers' clients send.
//!
//! Liberal in what it reads: every optional field may be null, unknown ones are ignored, `quality`, `style`, `moderation` and `user` are
//! taken and change nothing; `output_compression` counts for JPEG and WebP (lossless without it, or at 100). What would change the picture
//! in a way that cannot be met is refused by name: a transparent `background`, and a `strength` where there is no picture to start from.

use std::{str::FromStr, sync::Arc};

use easel_engine::Engine;
use easel_imaging::Format;
use easel_platform::{jobs::Jobs, orders::Styled, prompts::Prompts};
use easel_types::{GenerationRequest, Gray8, LoraUse, ModelId, NoiseKind, Rgb8, SamplerKind, SigmaSchedule, Task};
use serde_json::{Map, Value};

use crate::{
    ApiError,
    compat::{
        fields::{Fields, out_of_range, unknown_value},
        names,
        openai::{control::ControlAsked, extra_args, model},
    },
};

/// OpenAI's own limit.
const IMAGES_MAX: i128 = 10;
/// JPEG quality where a request names none; OpenAI's 100 is four times the bytes for nothing anybody sees.
const QUALITY: u8 = 95;

/// How pictures are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseFormat {
    /// As an address that works for an hour.
    Url,
    /// Inside the answer.
    Base64,
}

/// How much a picture's file may lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// 1..=100.
    pub quality: u8,
    /// For WebP, which can do either.
    pub lossless: bool,
}

/// Which of the three routes a request came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A picture from words.
    Generation,
    /// A picture from another and words; with a mask, a part of it.
    Edit,
    /// A picture from another alone.
    Variation,
}

/// A request, translated.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRequest {
    /// Which route it came by.
    pub purpose: Purpose,
    /// What to make.
    pub generation: GenerationRequest,
    /// The styles it is drawn in, nearest first: an extension, beside OpenAI's `style`.
    pub styles: Vec<String>,
    /// What the prompts were made of, once there are styles around them.
    pub styled: Option<Styled>,
    /// The categories of words that were left out of the prompt.
    pub masked: Vec<String>,
    /// How it is answered.
    pub response_format: ResponseFormat,
    /// The pictures' file format.
    pub output_format: Format,
    /// For JPEG and WebP.
    pub compression: Compression,
    /// Echoed if it is one OpenAI answers with.
    pub quality: Option<&'static str>,
    /// Answer as server-sent events.
    pub stream: bool,
    /// With `stream`: also tell how far the request is. An extension that our own page uses.
    pub progress: bool,
    /// With `stream`: how often each picture is shown before it is finished, at most.
    pub partial_images: u32,
    /// ControlNets, whose pictures have yet to be read.
    pub controls: Vec<ControlAsked>,
    /// Somebody else may draw it where its owner allows that at all: an extension.
    pub allow_fallback: bool,
    /// And may leave out LoRAs and ControlNets: an extension.
    pub allow_drops: bool,
    /// How much of the start picture is redrawn, if the request says so.
    strength: Option<f64>,
    /// The start picture is to be kept as far as that goes.
    keeps_much: bool,
}

/// Evaluations between two previews, for whoever watches.
const PREVIEW_EVERY: u32 = 2;
/// How much of a picture is redrawn where nobody says: of an edited one, as our own route has it; of one that is to be kept
/// (`input_fidelity`); of the transparent part of a mask, which holds nothing to keep; of a varied one.
const EDITED: f64 = 0.75;
const KEPT: f64 = 0.5;
const REPAINTED: f64 = 1.0;
const VARIED: f64 = 0.7;

impl ImageRequest {
    /// Evaluations between two previews of a picture that takes so many; 0 for none.
    pub fn preview_every(&self, evaluations: u32) -> u32 {
        match (self.stream, self.progress, self.partial_images) {
            (false, ..) | (true, false, 0) => 0,
            (true, true, _) => PREVIEW_EVERY,
            (true, false, partial) => (evaluations / (partial + 1)).max(1),
        }
    }

    /// With its styles around its prompts.
    pub fn in_styles(mut self, prompts: &Prompts) -> Result<Self, ApiError> {
        let asked = &self.generation;
        if let Some(styled) = prompts.styled(&asked.prompt, asked.negative_prompt.as_deref(), &self.styles)? {
            self.styled = Some(Styled::from(&styled));
            (self.generation.prompt, self.generation.negative_prompt) = (styled.prompt, styled.negative);
        }
        Ok(self)
    }

    /// Without the words that are not drawn here.
    #[must_use]
    pub fn masked_by(mut self, jobs: &Jobs) -> Self {
        jobs.mask(&mut self.generation.prompt, &mut self.masked);
        if let Some(styled) = &mut self.styled {
            jobs.mask(&mut styled.raw_prompt, &mut self.masked);
        }
        self
    }

    /// The same, from a picture instead of noise; white of `mask` is repainted.
    #[must_use]
    pub fn starting_from(mut self, image: Rgb8, mask: Option<Gray8>) -> Self {
        let strength = self.strength.unwrap_or(match (self.purpose, &mask) {
            (Purpose::Variation, _) => VARIED,
            (_, Some(_)) => REPAINTED,
            _ if self.keeps_much => KEPT,
            _ => EDITED,
        });
        let image = Arc::new(image);
        self.generation.task = match mask.map(Arc::new) {
            Some(mask) => Task::Inpaint { image, mask, strength },
            None => Task::ImageToImage { image, strength },
        };
        self
    }

    /// Translates a body, of which the pictures have been taken.
    pub fn read(body: Map<String, Value>, purpose: Purpose, engine: &Engine) -> Result<Self, ApiError> {
        Self::read_for(body, purpose, engine, None)
    }

    /// The same; `missing` is its model, which is not here.
    pub fn read_for(
        mut body: Map<String, Value>,
        purpose: Purpose,
        engine: &Engine,
        missing: Option<ModelId>,
    ) -> Result<Self, ApiError> {
        extra_args::unfold(&mut body)?;
        let fields = Fields(body);
        let prompt = match fields.text(&["prompt"])? {
            None if purpose != Purpose::Variation => {
                let message = "`prompt` is required: say what the picture shows";
                return Err(ApiError::invalid("prompt", "missing_required_parameter", message));
            }
            // A variation has no words of its own in OpenAI's API.
            prompt => prompt.unwrap_or_default(),
        };
        let named = fields.text(&["model"])?;
        let (width, height) = size(&fields)?;
        let (sampler, schedule) = sampler(&fields)?;
        let generation = GenerationRequest {
            model: match missing {
                Some(missing) => Some(missing),
                None => model::resolve(named.as_deref(), engine)?,
            },
            negative_prompt: fields.text(&["negative_prompt"])?,
            loras: loras(&fields)?,
            width,
            height,
            num_inference_steps: fields.small(&["num_inference_steps", "steps", "step"])?,
            guidance_scale: fields.number(&["guidance_scale", "cfg_scale", "true_cfg_scale"])?,
            guidance_rescale: fields.number(&["guidance_rescale"])?.unwrap_or(0.0),
            sampler,
            schedule,
            eta: fields.number(&["eta"])?,
            clip_skip: fields.small(&["clip_skip"])?,
            seed: seed(&fields)?,
            noise: noise(&fields)?,
            num_images: count(&fields)?,
            ..GenerationRequest::text_to_image(prompt)
        };
        check_ignored(&fields)?;
        check_background(&fields)?;
        check_unmet(&fields)?;
        if purpose == Purpose::Generation {
            check_no_picture(&fields)?;
        }
        let base64_only = named.as_deref().is_some_and(|name| model::answers_base64_only(name.trim()));
        Ok(Self {
            purpose,
            generation,
            styles: fields.texts(&["styles"])?,
            styled: None,
            masked: Vec::new(),
            response_format: if base64_only { ResponseFormat::Base64 } else { response_format(&fields)? },
            output_format: output_format(&fields)?,
            compression: compression(&fields)?,
            quality: quality(&fields)?,
            stream: fields.boolean(&["stream"])?.unwrap_or(false),
            progress: fields.boolean(&["progress"])?.unwrap_or(false),
            partial_images: partial_images(&fields)?,
            controls: ControlAsked::read(&fields)?,
            allow_fallback: fields.boolean(&["allow_fallback"])?.unwrap_or(true),
            allow_drops: fields.boolean(&["allow_drops"])?.unwrap_or(false),
            strength: strength(&fields, purpose)?,
            keeps_much: keeps_much(&fields)?,
        })
    }
}

/// As our native route has them, and with the names that other servers' clients have for them.
fn loras(fields: &Fields) -> Result<Vec<LoraUse>, ApiError> {
    let read = |lora: Fields| {
        let name = lora
            .text(&["name", "path"])?
            .ok_or_else(|| ApiError::invalid("loras", "missing_required_parameter", "every one of `loras` needs a `name`"))?;
        let weight = lora.number(&["weight", "scale", "multiplier"])?.unwrap_or(1.0);
        Ok(LoraUse { name, weight, text_encoder_weight: lora.number(&["text_encoder_weight"])?.unwrap_or(weight) })
    };
    fields.objects(&["loras", "image_loras"])?.into_iter().map(read).collect()
}

fn count(fields: &Fields) -> Result<u32, ApiError> {
    let n = fields.integer(&["n"])?.unwrap_or(1);
    if !(1..=IMAGES_MAX).contains(&n) {
        return Err(out_of_range("n", "between 1 and 10", n));
    }
    Ok(n as u32)
}

/// `width` and `height` win over `size`; `None` is the model's own.
fn size(fields: &Fields) -> Result<(Option<u32>, Option<u32>), ApiError> {
    let from_size = match fields.text(&["size"])?.as_deref().map(str::trim) {
        None | Some("" | "auto") => None,
        Some(text) => Some(parse_size(text).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            let message = format!("`size` must be `auto` or width and height in pixels like `512x512`, got \"{shown}\"");
            ApiError::invalid("size", "invalid_size", message)
        })?),
    };
    let width = fields.small(&["width"])?.or(from_size.map(|size| size.0));
    let height = fields.small(&["height"])?.or(from_size.map(|size| size.1));
    Ok((width, height))
}

fn parse_size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once(['x', 'X'])?;
    Some((width.trim().parse().ok()?, height.trim().parse().ok()?))
}

fn sampler(fields: &Fields) -> Result<(Option<SamplerKind>, Option<SigmaSchedule>), ApiError> {
    let named = fields.text(&["schedule", "scheduler"])?;
    let schedule = match named.as_deref().map(str::trim) {
        None | Some("") => None,
        Some(name) if name.eq_ignore_ascii_case("automatic") => None,
        Some(name) => Some(names::schedule(name).ok_or_else(|| unknown_value("schedule", &known(SigmaSchedule::ALL), name))?),
    };
    let named = fields.text(&["sampler", "sampler_name"])?;
    let Some(name) = named.as_deref().filter(|name| !name.trim().is_empty()) else { return Ok((None, schedule)) };
    let (sampler, joined) = names::sampler(name).ok_or_else(|| unknown_value("sampler", &known(SamplerKind::ALL), name))?;
    Ok((Some(sampler), schedule.or(joined)))
}

fn known<T: ToString>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// -1 is A1111's way to ask for a random one.
fn seed(fields: &Fields) -> Result<Option<u64>, ApiError> {
    match fields.integer(&["seed"])? {
        None | Some(-1) => Ok(None),
        Some(seed) => u64::try_from(seed).map(Some).map_err(|_| out_of_range("seed", "between 0 and 2^64 - 1, or -1", seed)),
    }
}

/// Where clients of SGLang want the noise from: a seed's is another one on a graphics card. All other devices have the processor's.
fn noise(fields: &Fields) -> Result<NoiseKind, ApiError> {
    let device = fields.text(&["generator_device"])?.unwrap_or_default();
    let is_card = device.trim().to_ascii_lowercase().starts_with("cuda");
    Ok(if is_card { NoiseKind::TorchCuda } else { NoiseKind::TorchCpu })
}

fn response_format(fields: &Fields) -> Result<ResponseFormat, ApiError> {
    match fields.text(&["response_format"])?.as_deref() {
        None | Some("" | "url") => Ok(ResponseFormat::Url),
        Some("b64_json" | "base64") => Ok(ResponseFormat::Base64),
        Some(other) => Err(unknown_value("response_format", "url, b64_json", other)),
    }
}

fn output_format(fields: &Fields) -> Result<Format, ApiError> {
    let named = fields.text(&["output_format"])?.filter(|name| !name.is_empty());
    let Some(name) = named else { return Ok(Format::Png) };
    Format::from_str(&name).map_err(|_| unknown_value("output_format", "png, jpeg, webp", &name))
}

fn compression(fields: &Fields) -> Result<Compression, ApiError> {
    match fields.integer(&["output_compression"])? {
        None => Ok(Compression { quality: QUALITY, lossless: true }),
        Some(quality @ 0..=100) => Ok(Compression { quality: (quality as u8).max(1), lossless: quality == 100 }),
        Some(other) => Err(out_of_range("output_compression", "between 0 and 100", other)),
    }
}

/// What OpenAI's models answer with is told; `standard`, `hd` and `auto` are asked for and never answered.
fn quality(fields: &Fields) -> Result<Option<&'static str>, ApiError> {
    let named = one_of(fields, "quality", &["low", "medium", "high", "xhigh", "max", "auto", "standard", "hd"])?;
    Ok(named.filter(|named| !["auto", "standard", "hd"].contains(named)))
}

/// A field that is one of a few words; an empty one is none.
fn one_of(fields: &Fields, name: &'static str, known: &[&'static str]) -> Result<Option<&'static str>, ApiError> {
    let named = fields.text(&[name])?.filter(|named| !named.is_empty());
    let Some(named) = named else { return Ok(None) };
    let found = known.iter().find(|known| **known == named);
    found.map(|found| Some(*found)).ok_or_else(|| unknown_value(name, &known.join(", "), &named))
}

/// One picture that stands still, without drawings upon it: what else OpenAI's newest models take would change what is drawn.
fn check_unmet(fields: &Fields) -> Result<(), ApiError> {
    let unmet = |name: &str, what: &str| {
        ApiError::invalid(name, "unsupported_value", format!("`{name}` is not understood here: {what}; leave it out"))
    };
    if fields.integer(&["frame_count"])?.is_some_and(|frames| frames != 1) {
        return Err(unmet("frame_count", "pictures here stand still"));
    }
    match fields.0.get("markup") {
        None | Some(Value::Null) => Ok(()),
        Some(_) => Err(unmet("markup", "say in words what is to change, or where with `mask`")),
    }
}

/// Other servers' generations take pictures under these names; without them another picture would come of it.
fn check_no_picture(fields: &Fields) -> Result<(), ApiError> {
    let holds_something = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(all) => !all.is_empty(),
        _ => true,
    };
    let names = ["image", "images", "image_url", "ref_images", "file", "files", "mask"];
    match names.into_iter().find(|name| fields.0.get(*name).is_some_and(holds_something)) {
        None => Ok(()),
        Some(name) => {
            let message = format!("a generation starts from words, not from `{name}`: send the picture to /v1/images/edits");
            Err(ApiError::invalid(name, "unsupported_parameter", message))
        }
    }
}

/// Pictures are always opaque.
fn check_background(fields: &Fields) -> Result<(), ApiError> {
    match fields.text(&["background"])?.as_deref() {
        None | Some("" | "auto" | "opaque") => Ok(()),
        Some("transparent") => {
            let message = "`background` cannot be transparent: the models here draw opaque pictures; use `opaque` or `auto`";
            Err(ApiError::invalid("background", "unsupported_value", message))
        }
        Some(other) => Err(unknown_value("background", "opaque, auto", other)),
    }
}

/// Strength is the share of a start picture that is redrawn; its bounds are the planner's. From noise alone it can only be all of it.
fn strength(fields: &Fields, purpose: Purpose) -> Result<Option<f64>, ApiError> {
    match fields.number(&["strength", "denoising_strength"])? {
        None => Ok(None),
        Some(strength) if purpose != Purpose::Generation || strength == 1.0 => Ok(Some(strength)),
        Some(_) => {
            let message =
                "`strength` says how much of a start picture is redrawn, and a generation starts from noise; leave it out";
            Err(ApiError::invalid("strength", "unsupported_parameter", message))
        }
    }
}

fn keeps_much(fields: &Fields) -> Result<bool, ApiError> {
    Ok(one_of(fields, "input_fidelity", &["high", "low"])? == Some("high"))
}

/// Fields that change nothing here still have to be what they say they are.
fn check_ignored(fields: &Fields) -> Result<(), ApiError> {
    one_of(fields, "style", &["vivid", "natural"])?;
    one_of(fields, "moderation", &["auto", "low"])?;
    fields.text(&["user"])?;
    Ok(())
}

fn partial_images(fields: &Fields) -> Result<u32, ApiError> {
    match fields.integer(&["partial_images"])? {
        None => Ok(0),
        Some(number @ 0..=3) => Ok(number as u32),
        Some(other) => Err(out_of_range("partial_images", "between 0 and 3", other)),
    }
}
