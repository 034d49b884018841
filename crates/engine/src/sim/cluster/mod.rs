//! A cluster in virtual time: the real [`Scheduler`](crate::scheduler::Scheduler) on devices that only know how long things take. Days pass in seconds.
//!
//! Strict where a real device is trusting: a slot must exist, its steps must come in order, its model must be there, memory must not be
//! overdrawn, and a batch must share model and shape. Anything else is a panic, which is a bug in the scheduler.

mod device;
mod run;
mod story;

use std::time::Duration;

use crate::scheduler::{Cost, Rules};

pub use story::{Arrival, End, Estimate, Outcome, Story};

/// A model of the cluster.
#[derive(Debug, Clone)]
pub struct SimModel {
    /// What it takes on a device.
    pub bytes: u64,
    /// Seconds to bring it in.
    pub load: f64,
}

/// A shape of a model's pictures and what it truly costs.
#[derive(Debug, Clone)]
pub struct SimShape {
    /// Index of the model.
    pub model: usize,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The truth, which the scheduler is told as it would have measured it.
    pub cost: Cost,
    /// More rows in one step are out of memory.
    pub rows_max: u32,
}

/// What goes wrong on a device, with the first action of the right kind that ends after the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimFault {
    /// The device is gone and comes back after this time.
    Lost(Duration),
    /// A step runs out of memory.
    OutOfMemory,
    /// The first picture of a step is no longer finite.
    NonFinite,
    /// A step panics.
    Panic,
    /// The device is not there from the start, but comes up at this time.
    Late,
    /// The device is not there from the start, and at this time it is clear that it will not come.
    Absent,
}

/// The cluster.
#[derive(Debug, Clone)]
pub struct SimCluster {
    /// The scheduler's rules.
    pub rules: Rules,
    /// Devices, all alike.
    pub devices: usize,
    /// Bytes for weights on each.
    pub memory: Option<u64>,
    /// Models.
    pub models: Vec<SimModel>,
    /// Shapes; a submission's group is an index into them.
    pub shapes: Vec<SimShape>,
    /// Models that are on every device from the start.
    pub loaded: Vec<usize>,
    /// What goes wrong: when, where, what.
    pub faults: Vec<(Duration, usize, SimFault)>,
    /// The scheduler's invariants are checked after everything that happens; slow.
    pub checked: bool,
    /// Estimates are collected, those of the queue this often.
    pub asked_every: Option<Duration>,
}
