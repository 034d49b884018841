//! How the engine shares the devices among requests.

use std::time::Duration;

use easel_types::ModelId;

use super::{ConfigError, Fallback, Setting, Values};

/// How many may wait.
pub const QUEUE_MAX: Setting = Setting {
    key: "engine.queue_max",
    flag: "queue-max",
    env: &["EASEL_QUEUE_MAX"],
    placeholder: "N",
    help: "Requests that may wait; one more is answered with 503",
    default: Fallback::Fixed("1000"),
    ..Setting::BASE
};

/// How much work may wait.
pub const BACKLOG_SECONDS: Setting = Setting {
    key: "engine.backlog_seconds",
    flag: "backlog-seconds",
    env: &["EASEL_BACKLOG_SECONDS"],
    placeholder: "SECONDS",
    help: "Estimated work that may wait, for each device; what would add to more is answered with 503",
    default: Fallback::Fixed("900"),
    ..Setting::BASE
};

/// How many of one user's requests may be unfinished.
pub const USER_QUEUE_MAX: Setting = Setting {
    key: "engine.user_queue_max",
    flag: "user-queue-max",
    env: &["EASEL_USER_QUEUE_MAX"],
    placeholder: "N",
    help: "Unfinished requests of one user; one more is answered with 429",
    default: Fallback::Fixed("100"),
    ..Setting::BASE
};

/// The largest batch.
pub const ROWS_MAX: Setting = Setting {
    key: "engine.rows_max",
    flag: "rows-max",
    env: &["EASEL_ROWS_MAX"],
    placeholder: "N",
    help: "Rows of a batch at most; a picture with guidance has two. Usually the measured knee is reached first",
    default: Fallback::Fixed("64"),
    ..Setting::BASE
};

/// When a request should be done.
pub const TARGET_FACTOR: Setting = Setting {
    key: "engine.target_factor",
    flag: "target-factor",
    env: &["EASEL_TARGET_FACTOR"],
    placeholder: "K",
    help: "Requests should be done within this many times what they would take alone",
    default: Fallback::Fixed("3"),
    ..Setting::BASE
};

/// How waiting raises priority.
pub const AGEING_SECONDS: Setting = Setting {
    key: "engine.ageing_seconds",
    flag: "ageing-seconds",
    env: &["EASEL_AGEING_SECONDS"],
    placeholder: "SECONDS",
    help: "Waiting this long is worth one class of priority, so that nobody waits for ever",
    default: Fallback::Fixed("60"),
    ..Setting::BASE
};

/// Models that stay.
pub const PINNED: Setting = Setting {
    key: "engine.pinned",
    flag: "pinned",
    env: &["EASEL_PINNED"],
    placeholder: "MODELS",
    help: "Models that are loaded at the start and stay, separated by commas",
    ..Setting::BASE
};

/// Memory for weights.
pub const MEMORY_MB: Setting = Setting {
    key: "engine.memory_mb",
    flag: "memory-mb",
    env: &["EASEL_MEMORY_MB"],
    placeholder: "MB",
    help: "Megabytes for weights on each device. Unset: nine tenths of what the device has",
    ..Setting::BASE
};

/// Whether steps are timed at the start.
pub const MEASURE: Setting = Setting {
    key: "engine.measure",
    flag: "measure",
    env: &["EASEL_MEASURE"],
    placeholder: "BOOL",
    help: "Measure at the first start how large batches should be, for the default model and those that are pinned",
    default: Fallback::Fixed("true"),
    choices: Some(|| vec!["true", "false"]),
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] =
    &[&QUEUE_MAX, &BACKLOG_SECONDS, &USER_QUEUE_MAX, &ROWS_MAX, &TARGET_FACTOR, &AGEING_SECONDS, &PINNED, &MEMORY_MB, &MEASURE];

/// How the engine shares the devices among requests.
#[derive(Debug)]
pub struct Engine {
    /// How many may wait.
    pub queue_max: usize,
    /// How much work may wait.
    pub backlog: Duration,
    /// How many of one user's may be unfinished.
    pub user_queue_max: usize,
    /// The largest batch.
    pub rows_max: u32,
    /// When a request should be done, in times it would take alone.
    pub target_factor: f64,
    /// How long a class of priority is worth.
    pub ageing: Duration,
    /// Models that stay.
    pub pinned: Vec<ModelId>,
    /// Bytes for weights.
    pub memory: Option<u64>,
    /// Whether steps are timed at the start.
    pub measure: bool,
}

impl Engine {
    /// Reads the section.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        let positive = |setting| Ok(values.require::<std::num::NonZeroUsize>(setting)?.get());
        let pinned = values.get::<String>(&PINNED)?.unwrap_or_default();
        let target_factor: f64 = values.require(&TARGET_FACTOR)?;
        if !(1.0..=1000.0).contains(&target_factor) {
            return Err(ConfigError::new(format!("`{}` must be between 1 and 1000, got {target_factor}", TARGET_FACTOR.key)));
        }
        Ok(Self {
            queue_max: positive(&QUEUE_MAX)?,
            backlog: Duration::from_secs(values.require(&BACKLOG_SECONDS)?),
            user_queue_max: positive(&USER_QUEUE_MAX)?,
            rows_max: values.require::<std::num::NonZeroU32>(&ROWS_MAX)?.get(),
            target_factor,
            ageing: Duration::from_secs(values.require::<std::num::NonZeroU64>(&AGEING_SECONDS)?.get()),
            pinned: pinned.split(',').map(str::trim).filter(|name| !name.is_empty()).map(ModelId::from).collect(),
            memory: values.get::<u64>(&MEMORY_MB)?.map(|megabytes| megabytes.saturating_mul(1_000_000)),
            measure: values.switch(&MEASURE)?,
        })
    }
}
