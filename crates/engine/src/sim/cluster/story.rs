//! What comes, and what became of it.

use std::{collections::BTreeMap, time::Duration};

use crate::scheduler::{Failure, Refused, Submission};

/// A request of the simulation.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// When it comes; arrivals are in order.
    pub at: Duration,
    /// What comes.
    pub submission: Submission,
    /// Its owner loses interest after this time.
    pub leaves_after: Option<Duration>,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// Every picture was there.
    Finished,
    /// It failed.
    Failed(Failure),
    /// Its owner left.
    Cancelled,
    /// It was not taken.
    Refused {
        /// Why.
        why: Refused,
        /// Device-seconds that were unfinished, for each device that was up.
        backlog: f64,
    },
}

/// A request's story. Times are seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// When it came.
    pub arrival: f64,
    /// When a device began with it.
    pub started: Option<f64>,
    /// When it ended.
    pub ended: f64,
    /// How it ended.
    pub end: End,
}

/// What was expected of a request at a moment. Times are seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Its place among the arrivals.
    pub arrival: usize,
    /// When it was said.
    pub at: f64,
    /// Until its end.
    pub left: f64,
    /// It was waiting.
    pub waiting: bool,
}

/// What happened.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Every request's story, in order of arrival.
    pub stories: Vec<Story>,
    /// The longest the queue has been.
    pub queue_longest: usize,
    /// When the last one ended.
    pub seconds: f64,
    /// Seconds in which devices were stepping, over all devices.
    pub stepping: f64,
    /// Steps by rows of the batch.
    pub batches: BTreeMap<u32, u64>,
    /// Models brought in.
    pub loads: u64,
    /// Requests that were started again.
    pub restarts: u64,
    /// The longest that a step which was due waited for slices, as a multiple of the step before.
    pub gap_longest: f64,
    /// The fewest steps from one that waited for longer than the step before took to the next such.
    pub long_gaps_apart: Option<u32>,
    /// Previews by arrival.
    pub previews: BTreeMap<usize, u32>,
    /// What was expected, if it was asked for.
    pub estimates: Vec<Estimate>,
}
