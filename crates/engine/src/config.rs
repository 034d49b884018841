//! What an engine can be told: limits of a request, the scheduler's rules, what stays on the devices.

use std::{fmt, path::PathBuf, sync::Arc};

use easel_types::ModelId;

use crate::{Clock, SystemClock, scheduler::Rules};

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
    /// What the scheduler keeps to.
    pub rules: Rules,
    /// The model of requests that name none; `None` is the backend's first.
    pub default_model: Option<ModelId>,
    /// Bring the default model to every device before reporting ready.
    pub preload: bool,
    /// Models that are brought in at the start and never put out.
    pub pinned: Vec<ModelId>,
    /// Bytes for weights on each device; `None` is what the device says it has.
    pub memory: Option<u64>,
    /// Measure step times at the start, of the models that are brought in then and as far as the file does not know them.
    pub measure: bool,
    /// The file that keeps measured step times.
    pub curves: Option<PathBuf>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where the seeds of requests that name none come from.
    pub seeds: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            rules: Rules::default(),
            default_model: None,
            preload: true,
            pinned: Vec::new(),
            memory: None,
            measure: false,
            curves: None,
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
            .field("rules", &self.rules)
            .field("default_model", &self.default_model)
            .field("preload", &self.preload)
            .field("pinned", &self.pinned)
            .field("memory", &self.memory)
            .field("measure", &self.measure)
            .field("curves", &self.curves)
            .finish_non_exhaustive()
    }
}
