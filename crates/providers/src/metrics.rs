//! What is known of each account, as plain numbers that others print. Labels are accounts, classes and reasons, never users.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use crate::{BreakerState, FailureClass, FallbackReason, Micros, ProviderId};

/// The upper ends of the buckets of latency, in seconds.
pub const LATENCY_BUCKETS: [f64; 11] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0];

/// A histogram as Prometheus has them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Latency {
    /// How many took at most as long as the bucket of the same place says.
    pub buckets: [u64; LATENCY_BUCKETS.len()],
    /// All.
    pub count: u64,
    /// Seconds of all.
    pub sum: f64,
}

impl Latency {
    /// Counts one.
    pub fn observe(&mut self, time: Duration) {
        let seconds = time.as_secs_f64();
        for (count, end) in self.buckets.iter_mut().zip(LATENCY_BUCKETS) {
            *count += u64::from(seconds <= end);
        }
        self.count += 1;
        self.sum += seconds;
    }
}

/// One account's numbers since the start.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Attempts that gave pictures.
    pub succeeded: u64,
    /// Attempts that did not, by class.
    pub failed: BTreeMap<FailureClass, u64>,
    /// Jobs that came here, by reason.
    pub fallbacks: BTreeMap<FallbackReason, u64>,
    /// From submission to pictures.
    pub latency: Latency,
    /// What was spent.
    pub spent: Micros,
}

impl Counts {
    /// Counts an attempt.
    pub fn attempt(&mut self, outcome: Result<(), FailureClass>, time: Duration, cost: Micros) {
        match outcome {
            Ok(()) => self.succeeded += 1,
            Err(class) => *self.failed.entry(class).or_default() += 1,
        }
        self.latency.observe(time);
        self.spent = self.spent.plus(cost);
    }

    /// Counts a job that came here.
    pub fn fallback(&mut self, reason: FallbackReason) {
        *self.fallbacks.entry(reason).or_default() += 1;
    }
}

/// One account as `/metrics` and operators see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snapshot {
    /// The account.
    pub provider: ProviderId,
    /// Its numbers.
    pub counts: Counts,
    /// What its breaker lets through.
    pub breaker: BreakerState,
    /// Spent today, and what may be.
    pub day: Spend,
    /// Spent this month, and what may be.
    pub month: Spend,
}

/// Spent against what may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Spend {
    /// Spent; `None` if that is not known.
    pub spent: Option<Micros>,
    /// What may be.
    pub limit: Micros,
}
