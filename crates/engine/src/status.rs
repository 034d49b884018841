//! What an engine says about itself, for health checks and people.

use easel_backend::BackendDescription;
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
