//! What an engine says about itself, for health checks and people.

use easel_backend::{BackendDescription, MemoryUse};
use easel_types::ModelId;
use serde::Serialize;

/// Where an engine is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The backend or its default model is being brought up.
    Loading,
    /// Requests are taken.
    Ready,
    /// What was accepted is finished, nothing new is taken.
    Draining,
    /// The end, as asked for.
    Stopped,
    /// The device or the backend cannot be used any more; only a restart helps.
    Failed,
}

/// A moment in an engine's life.
#[derive(Debug, Clone)]
pub struct Status {
    /// Where it is in its life.
    pub state: State,
    /// Why it failed, for the log and the operator; never for clients.
    pub failure: Option<String>,
    /// Requests that wait.
    pub queued: usize,
    /// Pictures being drawn.
    pub active: usize,
    /// Estimated work that has been accepted, for each device.
    pub backlog: std::time::Duration,
    /// Devices that cannot be used any more.
    pub devices_lost: usize,
    /// The device; `None` until the backend is up.
    pub backend: Option<BackendDescription>,
}

/// One device at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceStatus {
    /// Its name, such as `cpu` or `cuda:0`.
    pub name: String,
    /// What it is.
    pub detail: String,
    /// It can be used; one that is lost comes back with a restart.
    pub is_up: bool,
    /// Models in its memory.
    pub models: Vec<ModelId>,
    /// Pictures being drawn on it.
    pub pictures: usize,
    /// What it uses.
    pub memory: MemoryUse,
    /// Bytes for weights, where there is a limit.
    pub weights_max: Option<u64>,
}
