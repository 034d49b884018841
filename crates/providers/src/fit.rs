//! What of an order a model can do: what is dropped or changed is listed, and what it costs is settled before anything is sent.

use easel_types::Task;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    Field, Micros, Order,
    catalogue::{Ability, Capabilities, Ratio, Size, Sizes},
};

const SQUARE: Ratio = Ratio(1, 1);

/// What a provider's picture has otherwise than was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// The provider does not know this.
    Dropped {
        /// Which field.
        field: Field,
    },
    /// Another size: the nearest that the provider draws.
    Resized {
        /// What was asked for.
        asked: Size,
        /// What is drawn.
        served: Size,
    },
    /// Another number: the nearest that the provider allows.
    Limited {
        /// Which field.
        field: Field,
        /// What is sent.
        served: u64,
    },
}

/// Why a model is no choice for an order.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfit {
    /// It cannot start from a picture, or knows no masks.
    #[error("the model cannot start from what was given")]
    Task,
    /// More pictures than one call gives: see [`Capabilities::batches`].
    #[error("the model does not draw so many pictures at once")]
    Pictures,
    /// The prompt is longer than it reads.
    #[error("the prompt is longer than the model reads")]
    Prompt,
    /// Nobody knows what it costs.
    #[error("the price of this size and quality is not known")]
    Price,
}

/// What a submission costs, settled before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// A picture.
    pub per_picture: Micros,
    /// How many.
    pub pictures: u32,
    /// All of them.
    pub total: Micros,
}

/// An order as a model can do it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// With nothing in it that the model does not know.
    pub order: Order,
    /// The shape, for models that are asked for one.
    pub ratio: Option<Ratio>,
    /// What the model can do.
    pub capabilities: Capabilities,
    /// What is otherwise than was asked for.
    pub changes: Vec<Change>,
    /// What it costs.
    pub quote: Quote,
}

impl Capabilities {
    /// How an order for `pictures` is split into submissions.
    pub fn batches(&self, pictures: u32) -> Vec<u32> {
        let (full, rest) = (pictures / self.pictures_max, pictures % self.pictures_max);
        let full = std::iter::repeat_n(self.pictures_max, full as usize);
        full.chain((rest > 0).then_some(rest)).collect()
    }

    /// Fits an order to this model.
    pub fn fit(&self, order: &Order) -> Result<Fitted, Unfit> {
        let ability = match order.task {
            Task::TextToImage => Ability::Text,
            Task::ImageToImage { .. } => Ability::Image,
            Task::Inpaint { .. } => Ability::Inpaint,
        };
        if !self.tasks.contains(&ability) {
            return Err(Unfit::Task);
        }
        if order.num_images == 0 || order.num_images > self.pictures_max {
            return Err(Unfit::Pictures);
        }
        if self.prompt_max.is_some_and(|max| order.prompt.chars().count() > max) {
            return Err(Unfit::Prompt);
        }
        let mut order = order.clone();
        let mut changes = self.drop_unknown(&mut order);
        let (size, ratio) = self.sizes.nearest(Size(order.width, order.height));
        let asked = Size(order.width, order.height);
        if size != asked {
            changes.push(Change::Resized { asked, served: size });
        }
        (order.width, order.height) = (size.0, size.1);
        self.limit(&mut order, &mut changes);
        let per_picture = self.price(size, order.quality.as_deref()).ok_or(Unfit::Price)?;
        let total = per_picture.times(u64::from(order.num_images));
        let quote = Quote { per_picture, pictures: order.num_images, total };
        Ok(Fitted { order, ratio, capabilities: self.clone(), changes, quote })
    }

    fn knows(&self, field: Field) -> bool {
        self.accepts.contains(&field)
    }

    fn drop_unknown(&self, order: &mut Order) -> Vec<Change> {
        let mut dropped = std::mem::take(&mut order.local_only);
        let mut forget = |field, asked: bool| {
            let forget = asked && !self.knows(field);
            if forget {
                dropped.push(field);
            }
            forget
        };
        if forget(Field::NegativePrompt, order.negative_prompt.is_some()) {
            order.negative_prompt = None;
        }
        if forget(Field::Seed, order.seed.is_some()) {
            order.seed = None;
        }
        if forget(Field::NumInferenceSteps, order.num_inference_steps.is_some()) {
            order.num_inference_steps = None;
        }
        if forget(Field::GuidanceScale, order.guidance_scale.is_some()) {
            order.guidance_scale = None;
        }
        forget(Field::Strength, order.strength().is_some());
        match order.quality.take() {
            Some(quality) if self.qualities.contains(&quality) => order.quality = Some(quality),
            asked => {
                if asked.is_some() {
                    dropped.push(Field::Quality);
                }
                order.quality = self.qualities.first().cloned();
            }
        }
        dropped.into_iter().map(|field| Change::Dropped { field }).collect()
    }

    fn limit(&self, order: &mut Order, changes: &mut Vec<Change>) {
        if let (Some(steps), Some(max)) = (order.num_inference_steps, self.steps_max)
            && steps > max
        {
            order.num_inference_steps = Some(max);
            changes.push(Change::Limited { field: Field::NumInferenceSteps, served: u64::from(max) });
        }
        if let Some(seed) = order.seed
            && (seed == 0 || seed > self.seed_max)
        {
            // Zero means "any" to some of them.
            let served = (seed % self.seed_max).max(1);
            order.seed = Some(served);
            changes.push(Change::Limited { field: Field::Seed, served });
        }
    }

    fn price(&self, size: Size, quality: Option<&str>) -> Option<Micros> {
        let row = self.prices.iter().find(|price| {
            price.size.is_none_or(|of| of == size) && price.quality.as_deref().is_none_or(|of| Some(of) == quality)
        })?;
        let megapixels = (u64::from(size.0) * u64::from(size.1)).div_ceil(1_000_000);
        Some(if row.per_megapixel { row.micros.times(megapixels) } else { row.micros })
    }
}

impl Sizes {
    /// The size nearest to what was asked for: by shape first, then by area.
    fn nearest(&self, asked: Size) -> (Size, Option<Ratio>) {
        match self {
            Self::List(sizes) => {
                let area = |size: &Size| ln(u64::from(size.0) * u64::from(size.1), u64::from(asked.0) * u64::from(asked.1)).abs();
                let far = |size: &Size| shape(*size, asked);
                let best = sizes.iter().min_by(|a, b| far(a).total_cmp(&far(b)).then(area(a).total_cmp(&area(b))));
                (best.copied().unwrap_or(asked), None)
            }
            Self::Ratios { of, pixels } => {
                let best = of.iter().min_by(|a, b| shape(Size(a.0, a.1), asked).total_cmp(&shape(Size(b.0, b.1), asked)));
                let ratio = best.copied().unwrap_or(SQUARE);
                let unit = (f64::from(*pixels) / (f64::from(ratio.0) * f64::from(ratio.1))).sqrt();
                let side = |part: u32| (f64::from(part) * unit).round() as u32;
                (Size(side(ratio.0), side(ratio.1)), Some(ratio))
            }
            Self::Free { multiple, min, max, pixels_max } => (free(asked, (*multiple, *min, *max), *pixels_max), None),
        }
    }
}

/// How far apart two shapes are.
fn shape(a: Size, b: Size) -> f64 {
    ln(u64::from(a.0) * u64::from(b.1), u64::from(a.1) * u64::from(b.0)).abs()
}

fn ln(a: u64, b: u64) -> f64 {
    (a.max(1) as f64 / b.max(1) as f64).ln()
}

/// Sides as asked for, scaled down to fit, on the grid and within the limits.
fn free(asked: Size, (multiple, min, max): (u32, u32, u32), pixels_max: u64) -> Size {
    let area = u64::from(asked.0) * u64::from(asked.1);
    let scale = if area > pixels_max { (pixels_max as f64 / area as f64).sqrt() } else { 1.0 };
    let (low, high) = (min.div_ceil(multiple) * multiple, (max / multiple * multiple).max(multiple));
    let side = |side: u32| {
        let scaled = (f64::from(side) * scale) as u32;
        (scaled / multiple * multiple).clamp(low, high.max(low))
    };
    Size(side(asked.0), side(asked.1))
}
