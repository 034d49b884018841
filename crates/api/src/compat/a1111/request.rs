//! The bodies of `POST /sdapi/v1/txt2img` and `/img2img`, translated.
//!
//! Fields have A1111's defaults, null is absent, unknown fields are ignored: clients send their whole state.

use easel_engine::{Engine, SubmitError, plan};
use easel_imaging::repaint::Fit;
use easel_platform::{
    jobs::Jobs,
    orders::Styled,
    prompts::{Prompts, Style},
};
use easel_types::{GenerationRequest, Rgb8, Task};
use serde_json::{Map, Value};
use std::sync::Arc;

use super::{
    comments,
    control::{self, Unit},
    flag::flag,
    hires::Hires,
    infotext, networks, neutral,
    options::Options,
    parameters::{self, Count},
    repaint::Repaint,
};
use crate::{
    ApiError,
    compat::fields::{Fields, out_of_range},
};

/// A1111's default share that is redrawn.
const STRENGTH: f64 = 0.75;

/// A request, translated, but for the pictures it brings.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The pictures of one round.
    pub generation: GenerationRequest,
    /// How many.
    pub count: Count,
    /// The settings it is drawn under.
    pub options: Options,
    /// What it starts from.
    pub from: Start,
    /// The ControlNets it has.
    pub units: Vec<Unit>,
    /// The styles it is drawn in.
    pub styles: Vec<String>,
    /// What the prompts were made of, once there are styles around them.
    pub styled: Option<Styled>,
    /// The categories of words that were left out of the prompts.
    pub masked: Vec<String>,
    /// The pictures are answered.
    pub send_images: bool,
    /// Somebody else may draw it where its owner allows that at all: an extension.
    pub allow_fallback: bool,
    /// And may leave out LoRAs and ControlNets: an extension.
    pub allow_drops: bool,
    /// What its client calls it.
    pub task_id: Option<String>,
    /// The body, to be answered.
    pub echo: Map<String, Value>,
}

/// What a request starts from.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// Noise.
    Noise {
        /// And it is enlarged and drawn over.
        hires: Option<Box<Hires>>,
    },
    /// Pictures, as they were sent.
    Picture {
        /// One for all pictures of a round, or one for each.
        images: Vec<String>,
        /// What of it is repainted.
        mask: Option<String>,
        /// How it is repainted.
        repaint: Repaint,
        /// How it is brought to the size.
        fit: Fit,
        /// Its latents are, instead.
        in_latents: bool,
        /// The share that is redrawn.
        strength: f64,
    },
}

impl Asked {
    /// Text to image.
    pub fn text_to_image(mut body: Map<String, Value>, options: &Options, engine: &Engine) -> Result<Self, ApiError> {
        fill(&mut body)?;
        if Fields(body.clone()).boolean(&["enable_hr"])?.unwrap_or(false) {
            old_first_pass(&mut body)?;
        }
        let asked = Self::read(body, options, engine)?;
        let fields = Fields(asked.echo.clone());
        let hires = if flag(&fields, "enable_hr")?.unwrap_or(false) {
            let model = engine.find_model(asked.generation.model.as_ref())?;
            let first = (asked.generation.width.unwrap_or(model.width), asked.generation.height.unwrap_or(model.height));
            let mut hires = Hires::read(&fields, first, model.size_multiple, engine)?;
            if has_no_networks(&fields)? {
                hires.prompt = hires.prompt.as_deref().map(networks::without);
            }
            if asked.options.comments {
                hires.prompt = hires.prompt.as_deref().map(comments::without);
                hires.negative_prompt = hires.negative_prompt.as_deref().map(comments::without);
            }
            check_second_pass(&hires, &asked.generation, engine)?;
            Some(Box::new(hires))
        } else {
            None
        };
        Ok(Self { from: Start::Noise { hires }, ..asked })
    }

    /// Image to image.
    pub fn image_to_image(mut body: Map<String, Value>, options: &Options, engine: &Engine) -> Result<Self, ApiError> {
        fill(&mut body)?;
        let images = init_images(&body)?;
        let asked = Self::read(body, options, engine)?;
        let count = of_each(&images, asked.count)?;
        let fields = Fields(asked.echo.clone());
        let fit = match fields.integer(&["resize_mode"])?.unwrap_or(0) {
            0 | 3 => Fit::Stretch,
            1 => Fit::Crop,
            2 => Fit::Fill,
            other => return Err(out_of_range("resize_mode", "between 0 and 3", other)),
        };
        let in_latents = fields.integer(&["resize_mode"])? == Some(3);
        let repaint = Repaint::read(&fields)?;
        let mask = fields.text(&["mask"])?.filter(|mask| !mask.trim().is_empty());
        // A1111 lays such a picture into the corner of what was drawn. Of one whose mask alone is drawn nothing is resized.
        if in_latents && mask.is_some() && !repaint.only_masked {
            return Err(neutral::refused("resize_mode", "the resizing of latents around a mask"));
        }
        let mut generation = asked.generation;
        generation.noising.fill = repaint.latents;
        generation.num_images = count.batch;
        let from = Start::Picture {
            images,
            mask,
            repaint,
            fit,
            in_latents,
            strength: fields.number(&["denoising_strength"])?.unwrap_or(STRENGTH),
        };
        let mut echo = asked.echo;
        if !flag(&fields, "include_init_images")?.unwrap_or(false) {
            for name in ["init_images", "mask"] {
                echo.insert(name.to_owned(), Value::Null);
            }
        }
        Ok(Self { from, echo, generation, count, ..asked })
    }

    /// With its styles around its prompts; A1111's clients name them as they are listed, or as people see them.
    pub fn in_styles(mut self, prompts: &Prompts) -> Result<Self, ApiError> {
        let id = |name: &String| {
            let called = |style: &&Style| style.id == *name || style.names.en.eq_ignore_ascii_case(name);
            prompts.styles().styles().iter().find(called).map_or_else(|| name.clone(), |style| style.id.clone())
        };
        let ids: Vec<_> = self.styles.iter().filter(|name| !name.trim().is_empty()).map(id).collect();
        let asked = &self.generation;
        if let Some(styled) = prompts.styled(&asked.prompt, asked.negative_prompt.as_deref(), &ids)? {
            self.styled = Some(Styled::from(&styled));
            (self.generation.prompt, self.generation.negative_prompt) = (styled.prompt, styled.negative);
        }
        Ok(self)
    }

    /// Without the words that are not drawn here, in either pass.
    #[must_use]
    pub fn masked_by(mut self, jobs: &Jobs) -> Self {
        jobs.mask(&mut self.generation.prompt, &mut self.masked);
        if let Some(styled) = &mut self.styled {
            jobs.mask(&mut styled.raw_prompt, &mut self.masked);
        }
        if let Start::Noise { hires: Some(hires) } = &mut self.from {
            hires.texts().for_each(|text| jobs.mask(text, &mut self.masked));
        }
        self
    }

    fn read(body: Map<String, Value>, options: &Options, engine: &Engine) -> Result<Self, ApiError> {
        let fields = Fields(body);
        neutral::check(&fields)?;
        let options = match fields.0.get("override_settings") {
            None | Some(Value::Null) => options.clone(),
            Some(Value::Object(settings)) => options.with(settings, engine)?,
            Some(_) => {
                return Err(ApiError::invalid("override_settings", "invalid_type", "`override_settings` must be an object"));
            }
        };
        let count = Count::read(&fields, engine.limits().images_max)?;
        let mut generation = parameters::generation(&fields, &options, count, engine)?;
        if has_no_networks(&fields)? {
            generation.prompt = networks::without(&generation.prompt);
        }
        if options.comments {
            generation.prompt = comments::without(&generation.prompt);
            let negative = generation.negative_prompt.as_deref().map(comments::without);
            generation.negative_prompt = negative.filter(|negative| !negative.is_empty());
        }
        Ok(Self {
            generation,
            count,
            from: Start::Noise { hires: None },
            units: control::units(&fields)?,
            styles: fields.texts(&["styles"])?,
            styled: None,
            masked: Vec::new(),
            send_images: flag(&fields, "send_images")?.unwrap_or(true),
            allow_fallback: flag(&fields, "easel_allow_fallback")?.unwrap_or(true),
            allow_drops: flag(&fields, "easel_allow_drops")?.unwrap_or(false),
            task_id: fields.text(&["force_task_id"])?.filter(|id| !id.is_empty()).map(|id| id.chars().take(128).collect()),
            options,
            echo: echoed(fields.0),
        })
    }
}

/// Tags of LoRAs in prompts do nothing.
fn has_no_networks(fields: &Fields) -> Result<bool, ApiError> {
    Ok(flag(fields, "disable_extra_networks")?.unwrap_or(false))
}

/// What the request brings as infotext fills what it does not say itself.
fn fill(body: &mut Map<String, Value>) -> Result<(), ApiError> {
    let text = Fields(body.clone()).text(&["infotext"])?.filter(|text| !text.trim().is_empty());
    if let Some(text) = text {
        infotext::fill(body, &text);
    }
    Ok(())
}

/// Older clients say the size of the first pass, and the result's as width and height.
fn old_first_pass(body: &mut Map<String, Value>) -> Result<(), ApiError> {
    let fields = Fields(body.clone());
    let first = (fields.small(&["firstphase_width"])?.unwrap_or(0), fields.small(&["firstphase_height"])?.unwrap_or(0));
    if first.0 == 0 || first.1 == 0 {
        return Ok(());
    }
    for (name, resized, first) in [("width", "hr_resize_x", first.0), ("height", "hr_resize_y", first.1)] {
        let result = body.get(name).cloned().unwrap_or_default();
        body.insert(resized.to_owned(), result);
        body.insert(name.to_owned(), Value::from(first));
    }
    Ok(())
}

/// Refused before the first pass is drawn.
fn check_second_pass(hires: &Hires, first: &GenerationRequest, engine: &Engine) -> Result<(), ApiError> {
    let request = hires.request(first);
    let model = engine.find_model(request.model.as_ref())?;
    // Without a picture first: a size that is out of bounds is not worth allocating.
    plan(&request, &model, engine.limits(), 0).map_err(SubmitError::from)?;
    let pixels = hires.width as usize * hires.height as usize * Rgb8::CHANNELS;
    let blank = Rgb8::new(hires.width, hires.height, vec![0; pixels]).map_err(|_| ApiError::internal())?;
    let task = Task::ImageToImage { image: Arc::new(blank), strength: hires.strength };
    plan(&GenerationRequest { task, ..request }, &model, engine.limits(), 0).map_err(SubmitError::from)?;
    Ok(())
}

fn init_images(body: &Map<String, Value>) -> Result<Vec<String>, ApiError> {
    let missing = || ApiError::new(axum::http::StatusCode::NOT_FOUND, "init_image_missing", "Init image not found");
    let images = match body.get("init_images") {
        None | Some(Value::Null) => return Err(missing()),
        Some(Value::Array(images)) => images,
        Some(_) => return Err(ApiError::invalid("init_images", "invalid_type", "`init_images` must be a list")),
    };
    let image = |image: &Value| match image {
        Value::String(image) if !image.trim().is_empty() => Ok(image.clone()),
        Value::String(_) | Value::Null => Err(missing()),
        _ => Err(ApiError::invalid("init_images", "invalid_type", "`init_images` must hold pictures in base64")),
    };
    if images.is_empty() { Err(missing()) } else { images.iter().map(image).collect() }
}

/// With several pictures to start from a round has as many, each from its own.
fn of_each(images: &[String], count: Count) -> Result<Count, ApiError> {
    match u32::try_from(images.len()) {
        Ok(1) => Ok(count),
        Ok(several) if several <= count.batch => Ok(Count { batch: several, ..count }),
        _ => {
            let (sent, batch) = (images.len(), count.batch);
            let message =
                format!("`init_images` has {sent} pictures, and `batch_size` is {batch}: send no more than are drawn at once");
            Err(ApiError::invalid("init_images", "out_of_range", message))
        }
    }
}

/// What is answered of the body: not the pictures of scripts, which only make it long.
fn echoed(mut body: Map<String, Value>) -> Map<String, Value> {
    if body.contains_key("alwayson_scripts") {
        body.insert("alwayson_scripts".to_owned(), Value::Object(Map::new()));
    }
    body
}
