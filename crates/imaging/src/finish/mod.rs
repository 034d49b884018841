//! What a drawn picture goes through before it is written: resampling, sharpening, a visible mark.
//!
//! Lanczos3 in f32 over the encoded (sRGB) values, as Pillow and A1111 do it, in two passes of which nothing is rounded in between; then a
//! contrast-adaptive sharpener; then the mark; then one rounding to bytes. Two paths do this: compute shaders on a graphics card (`gpu/`)
//! and the processor (`cpu.rs`). Both read the same weights (`axis.rs`) and add in the same order, so that they differ by 1/255 at most,
//! where a value lies on the edge between two bytes. Both work in bands of rows, so that a 4K picture needs a few dozen megabytes.
//!
//! The card is optional at run time: without one, or when it fails, the processor takes over, and [`Finisher::describe`] says so.
//!
//! Upscaling by learning belongs elsewhere (it is a model); nothing here invents detail.

mod axis;
mod cpu;
#[cfg(feature = "wgpu")]
mod gpu;
mod plan;

use std::fmt;

use easel_types::{Quality, Rgb8};

use crate::{ImagingError, Mark};
use plan::Plan;

/// The most pixels a side of a finished picture may have.
pub const SIDE_MAX: u32 = 16_384;

/// Sharpening for pictures that were enlarged: they are soft, and Lanczos alone leaves them so.
const ENLARGED_SHARPNESS: f32 = 0.5;

/// What is to become of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finish<'a> {
    /// Width in pixels, at most [`SIDE_MAX`].
    pub width: u32,
    /// Height in pixels, at most [`SIDE_MAX`].
    pub height: u32,
    /// 0 changes nothing, 1 is the most. Where contrast is high already, little is added.
    pub sharpness: f32,
    /// Drawn last, over everything.
    pub mark: Option<&'a Mark>,
}

impl<'a> Finish<'a> {
    /// A quality tier for a picture of `width` x `height` pixels: enlarged and sharpened, or as it is.
    pub fn quality(quality: Quality, width: u32, height: u32) -> Self {
        let size = quality.size(width, height);
        let sharpness = if size == (width, height) { 0.0 } else { ENLARGED_SHARPNESS };
        Self { width: size.0, height: size.1, sharpness, mark: None }
    }

    /// The same with a mark.
    pub fn marked(self, mark: Option<&'a Mark>) -> Self {
        Self { mark, ..self }
    }
}

/// Which path to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Processor {
    /// A graphics card if there is one, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// Any adapter, a software one too (slower than the processor's own path; for tests).
    Wgpu,
}

/// Which path is taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The adapter's name and interface; `None` for the processor.
    pub adapter: Option<String>,
    /// Why the processor does it, if an adapter was to.
    pub reason: Option<String>,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.adapter, &self.reason) {
            (Some(adapter), _) => write!(f, "wgpu on {adapter}"),
            (None, Some(reason)) => write!(f, "cpu ({reason})"),
            (None, None) => f.write_str("cpu"),
        }
    }
}

/// Finishes pictures on the path it was made for. Cheap to share; on a card, one picture at a time.
#[derive(Debug)]
pub struct Finisher {
    #[cfg(feature = "wgpu")]
    gpu: Result<gpu::Gpu, Option<String>>,
}

impl Finisher {
    /// Looks for an adapter (which takes part of a second) and never fails: without one it is the processor.
    pub fn new(processor: Processor) -> Self {
        #[cfg(feature = "wgpu")]
        return Self {
            gpu: match processor {
                Processor::Cpu => Err(None),
                Processor::Auto => gpu::Gpu::open(false).map_err(Some),
                Processor::Wgpu => gpu::Gpu::open(true).map_err(Some),
            },
        };
        #[cfg(not(feature = "wgpu"))]
        {
            let _ = processor;
            Self {}
        }
    }

    /// The path that is taken now.
    pub fn describe(&self) -> Description {
        #[cfg(feature = "wgpu")]
        return match &self.gpu {
            Ok(gpu) => match gpu.failure() {
                None => Description { adapter: Some(gpu.name().to_owned()), reason: None },
                Some(reason) => Description { adapter: None, reason: Some(reason) },
            },
            Err(reason) => Description { adapter: None, reason: reason.clone() },
        };
        #[cfg(not(feature = "wgpu"))]
        Description { adapter: None, reason: Some("built without wgpu".to_owned()) }
    }

    /// Finishes a picture.
    pub fn finish(&self, picture: &Rgb8, finish: &Finish<'_>) -> Result<Rgb8, ImagingError> {
        let sides = [picture.width(), picture.height(), finish.width, finish.height];
        if sides.iter().any(|side| !(1..=SIDE_MAX).contains(side)) || !finish.sharpness.is_finite() {
            return Err(ImagingError::Size);
        }
        let plan = Plan::new(picture, finish);
        // A mark alone is a few thousand pixels: not worth the way to the card and back.
        #[cfg(feature = "wgpu")]
        if let Ok(gpu) = &self.gpu
            && !plan.is_only_mark()
            && let Some(pixels) = gpu.run(picture.pixels(), &plan)
        {
            return Ok(Rgb8::new(finish.width, finish.height, pixels)?);
        }
        Ok(Rgb8::new(finish.width, finish.height, cpu::run(picture.pixels(), &plan))?)
    }
}
