//! What the scheduler is told to keep to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How pictures are put together. All but the first are what others do, to be compared with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The batch is chosen anew for every step.
    StepLevel,
    /// One request at a time, first come, first served.
    OneAtATime,
    /// Equal requests are gathered until there are `rows` of them or the first has waited; the batch runs to its end.
    Static {
        /// Rows of a full batch.
        rows: u32,
        /// The longest that a batch waits to be filled.
        window: Duration,
    },
    /// What is waiting and equal when the device is free makes a batch, which runs to its end.
    RequestLevel,
}

/// What the scheduler is told to keep to.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How pictures are put together.
    pub policy: Policy,
    /// Waiting this long is worth [`AGEING_GAIN`](super::AGEING_GAIN) priorities.
    pub ageing: Duration,
    /// The soft target of a request: this many times what it would take alone.
    pub target_factor: f64,
    /// A user's pictures beyond this many unfinished ones go after everyone else's of their priority.
    pub user_share: usize,
    /// Requests that may wait.
    pub queue_max: usize,
    /// Device-seconds that may wait, for each device.
    pub backlog_max: Duration,
    /// Requests of one user that may be unfinished.
    pub user_queue_max: usize,
    /// Pictures that may be on a device at once.
    pub admitted_max: usize,
    /// Rows of a batch at most, whatever the knee.
    pub rows_max: u32,
    /// How often a request is started again after its device was lost.
    pub restarts_max: u32,
    /// Panics in a row after which a device counts as lost.
    pub panics_max: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            policy: Policy::StepLevel,
            ageing: Duration::from_secs(60),
            target_factor: 3.0,
            user_share: 4,
            queue_max: 1000,
            backlog_max: Duration::from_secs(900),
            user_queue_max: 100,
            admitted_max: 64,
            rows_max: 64,
            restarts_max: 1,
            panics_max: 3,
        }
    }
}
