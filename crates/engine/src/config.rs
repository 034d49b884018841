//! What an engine can be told: limits of a request, and the sizes of its queues.

use std::{fmt, sync::Arc};

use easel_types::ModelId;

use crate::{Clock, SystemClock};

/// The largest request that is accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Shortest side in pixels.
    pub side_min: u32,
    /// Longest side in pixels.
    pub side_max: u32,
    /// Pixels of one picture.
    pub pixels_max: u64,
    /// Denoising steps of one picture, 1..=1000.
    pub steps_max: u32,
    /// Guidance.
    pub guidance_max: f64,
    /// Characters of a prompt, and of a negative prompt.
    pub prompt_chars_max: usize,
    /// Pictures of one request.
    pub images_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            side_min: 64,
            side_max: 4096,
            pixels_max: 2048 * 2048,
            steps_max: 200,
            guidance_max: 50.0,
            prompt_chars_max: 10_000,
            images_max: 10,
        }
    }
}

/// How an engine runs.
#[derive(Clone)]
pub struct EngineConfig {
    /// The largest request that is accepted.
    pub limits: Limits,
    /// The model of requests that name none; `None` is the backend's first.
    pub default_model: Option<ModelId>,
    /// Bring the default model to the device before reporting ready.
    pub preload: bool,
    /// Requests that may wait; one more is refused.
    pub queue_max: usize,
    /// Pictures that are stepped together.
    pub batch_max: usize,
    /// Panics of the backend in a row after which the engine gives up.
    pub panics_max: u32,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where the seeds of requests that name none come from.
    pub seeds: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            default_model: None,
            preload: true,
            queue_max: 64,
            batch_max: 8,
            panics_max: 3,
            clock: Arc::new(SystemClock::new()),
            // 32 bits: what A1111 draws, and exact in every JSON reader.
            seeds: Arc::new(|| u64::from(rand::random::<u32>())),
        }
    }
}

impl fmt::Debug for EngineConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConfig")
            .field("limits", &self.limits)
            .field("default_model", &self.default_model)
            .field("preload", &self.preload)
            .field("queue_max", &self.queue_max)
            .field("batch_max", &self.batch_max)
            .field("panics_max", &self.panics_max)
            .finish_non_exhaustive()
    }
}
