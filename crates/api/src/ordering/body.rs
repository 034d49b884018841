//! The body of a request to draw, and its way to an order.

use std::sync::Arc;

use easel_engine::{ModelDescription, SubmitError, plan};
use easel_platform::{
    orders::{Control, Drawing, Order, Output, OutputFormat, Pictures, Source, Styled, Work},
    prompts::StyledPrompt,
    records::User,
};
use easel_types::{Gray8, Quality, Rgb8, SamplerKind, SigmaSchedule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{LoraBody, elsewhere, size::Ratio};
use crate::{
    ApiError, AppState,
    compat::{fields::unknown_value, names},
};

/// What is to be drawn. What is left out is the model's own default.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DrawingBody {
    /// What the pictures show; A1111's weights are understood.
    #[schema(example = "a red circle on a blue background", max_length = 10_000)]
    pub(crate) prompt: String,
    /// What to avoid.
    negative_prompt: Option<String>,
    /// The styles it is drawn in, nearest first, as `/api/v1/styles` lists them. What they say goes around the prompts, and the job keeps both.
    #[serde(default)]
    #[schema(max_items = 8)]
    styles: Vec<String>,
    /// The model, as `/v1/models` lists it.
    model: Option<String>,
    /// How many pictures.
    #[schema(minimum = 1, maximum = 10, default = 1)]
    n: Option<u32>,
    /// Pixels; with `height`.
    #[schema(example = 64)]
    width: Option<u32>,
    /// Pixels; with `width`.
    #[schema(example = 64)]
    height: Option<u32>,
    /// The shape instead of numbers: `1:1`, `16:9`, `9:16`, `21:9` or another up to `4:1`, with as many pixels as the model draws best.
    aspect_ratio: Option<String>,
    /// `normal`, `2k` or `4k`: drawn as the model draws best, then enlarged.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "normal")]
    quality: Quality,
    /// Denoising steps.
    #[schema(minimum = 1, maximum = 200, example = 4)]
    steps: Option<u32>,
    /// How closely the prompt is followed.
    #[schema(minimum = 0, maximum = 50)]
    guidance: Option<f64>,
    /// The update rule, such as `euler_ancestral` or `DPM++ 2M`.
    sampler: Option<String>,
    /// The noise levels, such as `karras`.
    schedule: Option<String>,
    /// Noise of stochastic samplers.
    #[schema(minimum = 0, maximum = 1)]
    eta: Option<f64>,
    /// Text encoder layers left out.
    #[schema(minimum = 0, maximum = 11)]
    clip_skip: Option<u32>,
    /// Of the first picture, the others count up; left out, one is drawn.
    #[schema(maximum = 9007199254740991_u64)]
    seed: Option<u64>,
    /// The picture to start from.
    image: Option<SourceBody>,
    /// What of it is repainted: its transparent part, or its white part if nothing is transparent.
    mask: Option<SourceBody>,
    /// How much of the picture is redrawn.
    #[schema(minimum = 0, maximum = 1)]
    strength: Option<f64>,
    /// LoRAs, besides those that the prompt names as `<lora:name:weight>`.
    #[serde(default)]
    #[schema(max_items = 32)]
    loras: Vec<LoraBody>,
    /// ControlNets.
    #[serde(default)]
    #[schema(max_items = 8)]
    controls: Vec<ControlBody>,
    /// An external provider may draw it if this server cannot, where you allow that at all (`/api/v1/users/me/external`).
    #[schema(default = true)]
    allow_fallback: Option<bool>,
    /// And may leave out LoRAs and ControlNets, which no other service has. Without it, a request that names some is drawn here or not at all.
    #[schema(default = false)]
    allow_drops: Option<bool>,
    /// `png`, `jpeg` or `webp`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "png")]
    format: OutputFormat,
    /// For JPEG and lossy WebP.
    #[schema(minimum = 1, maximum = 100, default = 95)]
    compression: Option<u8>,
    /// For WebP: lose nothing.
    lossless: Option<bool>,
    /// Where to tell of the job's end: a public https address. It is signed with the secret of your webhook endpoint for callbacks, sent at least
    /// once, and tried again for a day.
    #[schema(example = "https://example.com/done", max_length = 2000)]
    pub(crate) callback_url: Option<String>,
    /// `email`: a mail to your proved address when the job is done or has failed, without the prompt. Nothing is sent if it is left out.
    #[schema(value_type = Option<String>, example = "email")]
    pub(crate) notify: Option<Notify>,
}

/// How the end of a job is told, beside webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Notify {
    /// By mail.
    Email,
}

/// A ControlNet, and the picture it looks at.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControlBody {
    /// The name of its file or folder.
    #[schema(example = "sd15_canny")]
    model: String,
    /// Edges, depths or a pose, as it was trained on them.
    image: SourceBody,
    /// How much of it there is.
    #[schema(minimum = -10, maximum = 10, default = 1)]
    weight: Option<f64>,
    /// The share of the steps after which it begins.
    #[schema(minimum = 0, maximum = 1, default = 0)]
    start: Option<f64>,
    /// The share of the steps after which it ends.
    #[schema(minimum = 0, maximum = 1, default = 1)]
    end: Option<f64>,
}

/// One of your stored pictures.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceBody {
    /// `image` (it was drawn) or `upload` (it was sent).
    from: SourceKind,
    /// Its id.
    id: String,
}

/// Where a picture came from.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum SourceKind {
    /// It was drawn.
    Image,
    /// It was sent.
    Upload,
}

impl SourceBody {
    /// One that was drawn.
    pub(crate) fn image(id: String) -> Self {
        Self { from: SourceKind::Image, id }
    }
}

impl From<&SourceBody> for Source {
    fn from(body: &SourceBody) -> Self {
        match body.from {
            SourceKind::Image => Self::Image(body.id.clone()),
            SourceKind::Upload => Self::Upload(body.id.clone()),
        }
    }
}

impl From<&ControlBody> for Control {
    fn from(body: &ControlBody) -> Self {
        let ControlBody { model, image, weight, start, end } = body;
        Self {
            model: model.clone(),
            image: image.into(),
            weight: weight.unwrap_or(1.0),
            start: start.unwrap_or(0.0),
            end: end.unwrap_or(1.0),
        }
    }
}

impl DrawingBody {
    /// A drawing of this prompt that starts from a picture.
    pub(crate) fn variation(of: SourceBody, prompt: String, model: Option<String>) -> Self {
        Self {
            prompt,
            negative_prompt: None,
            styles: Vec::new(),
            model,
            n: None,
            width: None,
            height: None,
            aspect_ratio: None,
            quality: Quality::Normal,
            steps: None,
            guidance: None,
            sampler: None,
            schedule: None,
            eta: None,
            clip_skip: None,
            seed: None,
            image: Some(of),
            mask: None,
            strength: None,
            loras: Vec::new(),
            controls: Vec::new(),
            allow_fallback: None,
            allow_drops: None,
            format: OutputFormat::Png,
            compression: None,
            lossless: None,
            callback_url: None,
            notify: None,
        }
    }

    /// With the words and styles of this record instead of its prompts.
    pub(crate) fn styled(self, record: StyledPrompt) -> Self {
        let styles = record.styles.into_iter().map(|style| style.id).collect();
        Self { prompt: record.raw_prompt, negative_prompt: record.raw_negative, styles, ..self }
    }

    /// With these instead of what it says.
    pub(crate) fn with(self, n: Option<u32>, strength: Option<f64>, seed: Option<u64>) -> Self {
        Self { n: n.or(self.n), strength: strength.or(self.strength), seed: seed.or(self.seed), ..self }
    }

    /// The order of this user, or what is wrong with it.
    pub(crate) async fn order(&self, state: &AppState, user: &User) -> Result<Order, ApiError> {
        let stays_here = self.allow_fallback == Some(false);
        let described = elsewhere::find(state, user, self.model.as_deref(), stays_here).await?;
        let named = self.model.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let asked = || named.unwrap_or(elsewhere::DEFAULT_MODEL).to_owned();
        let (sampler, schedule) = self.sampler()?;
        let start = self.image.as_ref().map(Source::from);
        let mask = self.mask.as_ref().map(Source::from);
        if mask.is_some() && start.is_none() {
            return Err(ApiError::invalid("mask", "invalid_value", "`mask` needs an `image`"));
        }
        if self.strength.is_some() && start.is_none() {
            return Err(ApiError::invalid("strength", "unsupported_parameter", "`strength` needs an `image`"));
        }
        let styled = state.platform.prompts.styled(&self.prompt, self.negative_prompt.as_deref(), &self.styles)?;
        let (prompt, negative_prompt) = match &styled {
            Some(styled) => (&styled.prompt, &styled.negative),
            None => (&self.prompt, &self.negative_prompt),
        };
        let mut drawing = Drawing {
            model: described.as_ref().map_or_else(asked, |described| described.id.0.clone()),
            prompt: prompt.clone(),
            negative_prompt: negative_prompt.clone(),
            width: self.width,
            height: self.height,
            steps: self.steps,
            guidance: self.guidance,
            sampler,
            schedule,
            eta: self.eta,
            clip_skip: self.clip_skip,
            seed: self.seed,
            count: self.n.unwrap_or(1),
            start,
            mask,
            strength: self.strength,
            loras: self.loras.iter().cloned().map(Into::into).collect(),
            controls: self.controls.iter().map(Into::into).collect(),
            styled: styled.as_ref().map(Styled::from),
            stays_here,
            allow_drops: self.allow_drops == Some(true),
            masked: Vec::new(),
        };
        let shape = shape(state, user, &drawing).await?;
        (drawing.width, drawing.height) = self.size(elsewhere::best(described.as_deref()), shape)?;
        match &described {
            Some(described) => check(state, described, &drawing)?,
            None => elsewhere::check(&drawing)?,
        }
        Ok(Order { work: Work::Draw(Box::new(drawing)), output: self.output()? })
    }

    fn output(&self) -> Result<Output, ApiError> {
        let compression = self.compression.unwrap_or(95);
        if !(1..=100).contains(&compression) {
            return Err(ApiError::invalid("compression", "out_of_range", "`compression` must be between 1 and 100"));
        }
        // Without a word WebP loses nothing, unless it is told how much it may.
        let lossless = self.lossless.unwrap_or(self.compression.is_none());
        Ok(Output { format: self.format, quality: self.quality, compression, lossless })
    }

    fn sampler(&self) -> Result<(Option<SamplerKind>, Option<SigmaSchedule>), ApiError> {
        let (sampler, joined) = match &self.sampler {
            None => (None, None),
            Some(name) => match names::sampler(name) {
                Some((kind, schedule)) => (Some(kind), schedule),
                None => return Err(unknown_value("sampler", "the samplers of this server", name)),
            },
        };
        let schedule = match &self.schedule {
            None => None,
            Some(name) if name.trim().eq_ignore_ascii_case("automatic") => None,
            Some(name) => {
                Some(names::schedule(name).ok_or_else(|| unknown_value("schedule", "the schedules of this server", name))?)
            }
        };
        Ok((sampler, schedule.or(joined)))
    }

    /// As asked for, else of the shape asked for, else of the given picture's shape; else the model's own.
    fn size(
        &self,
        (width, height, multiple): (u32, u32, u32),
        shape: Option<Ratio>,
    ) -> Result<(Option<u32>, Option<u32>), ApiError> {
        let wrong = |message: &str| Err(ApiError::invalid("aspect_ratio", "invalid_value", message));
        let asked = match &self.aspect_ratio {
            None => None,
            Some(_) if self.width.is_some() || self.height.is_some() => {
                return wrong("`aspect_ratio` is for requests without numbers");
            }
            Some(text) => match text.parse::<Ratio>() {
                Ok(ratio) => Some(ratio),
                Err(()) => return wrong("`aspect_ratio` must be a shape such as 16:9, at most 4:1"),
            },
        };
        if self.width.is_some() != self.height.is_some() {
            return Err(ApiError::invalid("width", "invalid_size", "`width` and `height` go together"));
        }
        let Some(ratio) = asked.or(shape.filter(|_| self.width.is_none())) else { return Ok((self.width, self.height)) };
        let (width, height) = ratio.within(u64::from(width) * u64::from(height), multiple);
        Ok((Some(width), Some(height)))
    }
}

/// The shape of the picture that is started from, else of the first that a ControlNet looks at; all of them must be this user's.
async fn shape(state: &AppState, user: &User, drawing: &Drawing) -> Result<Option<Ratio>, ApiError> {
    let images = &state.platform.images;
    if let Some(mask) = &drawing.mask {
        images.size_of(&user.id, mask).await?;
    }
    let mut shape = None;
    for source in drawing.start.iter().chain(drawing.controls.iter().map(|control| &control.image)) {
        let (width, height) = images.size_of(&user.id, source).await?;
        let pixels = |side: i64| u32::try_from(side).unwrap_or(1);
        shape = shape.or(Some(Ratio::of(pixels(width), pixels(height))));
    }
    Ok(shape)
}

/// Has the engine's planner look at it, over blank pictures of the size that will be drawn.
fn check(state: &AppState, model: &ModelDescription, drawing: &Drawing) -> Result<(), ApiError> {
    let planned = |pictures| plan(&drawing.request(pictures, 0), model, state.engine.limits(), 0).map_err(SubmitError::from);
    // Without pictures first: a size that is out of bounds is not worth allocating.
    planned(Pictures::default())?;
    if drawing.start.is_some() || !drawing.controls.is_empty() {
        let (width, height) = (drawing.width.unwrap_or(model.width), drawing.height.unwrap_or(model.height));
        let pixels = width as usize * height as usize;
        let blank = || Rgb8::new(width, height, vec![0; pixels * Rgb8::CHANNELS]).ok();
        let start = drawing.start.as_ref().and_then(|_| blank());
        let mask = drawing.mask.as_ref().and_then(|_| Gray8::new(width, height, vec![0; pixels]).ok());
        let controls = match (drawing.controls.is_empty(), blank().map(Arc::new)) {
            (false, Some(seen)) => vec![seen; drawing.controls.len()],
            _ => Vec::new(),
        };
        planned(Pictures { start, mask, controls })?;
    }
    Ok(())
}
