//! A circuit breaker for each account: closed, open, half open.
//!
//! | rule | value ([`Thresholds::default`]) |
//! |---|---|
//! | failures one after the other that open it | 5 |
//! | or: share of failures within a window, among at least so many calls | half of 20 in 60 s |
//! | how long it stays open the first time; doubled each time a trial fails | 30 s, 10 min at most |
//! | trials that must succeed while half open, one at a time | 2 |
//! | how long a trial that says nothing holds the place | 5 min |
//!
//! What counts as a failure: `Transient`, `Permanent`, `Garbage`, `Timeout`. A user error or a refusal by the rules shows that the provider
//! works. `RateLimited` closes nothing and opens nothing: the account pauses for as long as the provider says (30 s if it does not). An
//! account that is used up or whose key is refused is locked until its operator says so.
//!
//! Time is a parameter: microseconds of any clock. One that goes back moves nothing.

use std::{collections::VecDeque, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{FailureClass, ProviderError};

/// Microseconds of some clock that all calls share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(pub u64);

impl Instant {
    /// Later.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)))
    }

    /// How long after another; nothing if before it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// When a breaker opens and closes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Failures one after the other.
    pub consecutive: u32,
    /// Calls that a window must hold before its share counts.
    pub calls_min: usize,
    /// The share of failures that opens it.
    pub failure_share: f64,
    /// How far back calls count.
    pub window: Duration,
    /// How long it stays open the first time.
    pub open: Duration,
    /// The longest it stays open.
    pub open_max: Duration,
    /// Trials that must succeed.
    pub trials: u32,
    /// How long a silent trial holds the place.
    pub trial_max: Duration,
    /// The pause where a provider names none.
    pub pause: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            consecutive: 5,
            calls_min: 20,
            failure_share: 0.5,
            window: Duration::from_secs(60),
            open: Duration::from_secs(30),
            open_max: Duration::from_secs(600),
            trials: 2,
            trial_max: Duration::from_secs(300),
            pause: Duration::from_secs(30),
        }
    }
}

/// What a breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum BreakerState {
    /// Everything.
    Closed,
    /// Nothing before this.
    Open {
        /// When trials begin.
        until: Instant,
    },
    /// One trial at a time.
    HalfOpen,
    /// Nothing until the operator says so.
    Locked,
}

impl BreakerState {
    /// The name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen => "half_open",
            Self::Locked => "locked",
        }
    }
}

/// Leave for one call; its outcome is reported with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the outcome of the call must be reported"]
pub struct Permit {
    generation: u64,
    trial: bool,
}

/// What keeps an account from being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It failed too often.
    Open,
    /// It asked for a pause.
    Paused,
    /// Its operator must see to it.
    Locked,
}

/// One account's breaker.
#[derive(Debug, Clone)]
pub struct Breaker {
    thresholds: Thresholds,
    state: BreakerState,
    /// Grows with each change of state: what was asked before it has no say.
    generation: u64,
    consecutive: u32,
    recent: VecDeque<(Instant, bool)>,
    /// How often it opened without having closed.
    opened: u32,
    succeeded: u32,
    trial_since: Option<Instant>,
    paused_until: Instant,
}

impl Breaker {
    /// Closed.
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            state: BreakerState::Closed,
            generation: 0,
            consecutive: 0,
            recent: VecDeque::new(),
            opened: 0,
            succeeded: 0,
            trial_since: None,
            paused_until: Instant::default(),
        }
    }

    /// What it lets through now.
    pub fn state(&self, now: Instant) -> BreakerState {
        match self.state {
            BreakerState::Open { until } if now >= until => BreakerState::HalfOpen,
            state => state,
        }
    }

    /// What keeps a call from being made now. Changes nothing.
    pub fn refusal(&self, now: Instant) -> Option<Refusal> {
        match self.state(now) {
            BreakerState::Locked => Some(Refusal::Locked),
            BreakerState::Open { .. } => Some(Refusal::Open),
            _ if now < self.paused_until => Some(Refusal::Paused),
            BreakerState::HalfOpen if self.trial_runs(now) => Some(Refusal::Open),
            BreakerState::HalfOpen | BreakerState::Closed => None,
        }
    }

    /// Leave for one call.
    pub fn admit(&mut self, now: Instant) -> Result<Permit, Refusal> {
        if let Some(refusal) = self.refusal(now) {
            return Err(refusal);
        }
        let trial = self.state(now) == BreakerState::HalfOpen;
        if trial {
            self.enter(BreakerState::HalfOpen, self.state != BreakerState::HalfOpen || self.trial_since.is_some());
            self.trial_since = Some(now);
        }
        Ok(Permit { generation: self.generation, trial })
    }

    /// What came of a call. What was asked before the last change of state has no say, but a lock always counts.
    pub fn report(&mut self, permit: Permit, outcome: Result<(), &ProviderError>, now: Instant) {
        if let Err(failure) = outcome {
            if failure.needs_operator() {
                self.enter(BreakerState::Locked, true);
                return;
            }
            if failure.class == FailureClass::RateLimited {
                self.paused_until = self.paused_until.max(now.after(failure.retry_after.unwrap_or(self.thresholds.pause)));
            }
        }
        if permit.generation != self.generation {
            return;
        }
        self.trial_since = self.trial_since.filter(|_| !permit.trial);
        match outcome.err().map(|failure| failure.class) {
            Some(FailureClass::RateLimited) => {}
            None | Some(FailureClass::UserError | FailureClass::Moderated) => self.success(now),
            Some(_) => self.failure(now),
        }
    }

    /// A call that came to nothing, so that nothing is known of the provider: it was never made, or was given up here.
    pub fn withdraw(&mut self, permit: Permit) {
        if permit.generation == self.generation && permit.trial {
            self.trial_since = None;
        }
    }

    /// The operator says that nothing goes there.
    pub fn lock(&mut self) {
        self.enter(BreakerState::Locked, true);
    }

    /// The operator says that it works.
    pub fn reset(&mut self) {
        self.enter(BreakerState::Closed, true);
        self.paused_until = Instant::default();
        self.opened = 0;
    }

    fn trial_runs(&self, now: Instant) -> bool {
        self.state == BreakerState::HalfOpen && self.trial_since.is_some_and(|since| now.since(since) < self.thresholds.trial_max)
    }

    fn success(&mut self, now: Instant) {
        if self.state == BreakerState::HalfOpen {
            self.succeeded += 1;
            if self.succeeded >= self.thresholds.trials {
                self.enter(BreakerState::Closed, true);
                self.opened = 0;
            }
            return;
        }
        self.consecutive = 0;
        self.remember(now, true);
    }

    fn failure(&mut self, now: Instant) {
        if self.state == BreakerState::HalfOpen {
            self.open(now);
            return;
        }
        self.consecutive += 1;
        self.remember(now, false);
        let failed = self.recent.iter().filter(|(_, good)| !good).count();
        let share = failed as f64 / self.recent.len().max(1) as f64;
        let often = self.recent.len() >= self.thresholds.calls_min && share >= self.thresholds.failure_share;
        if self.consecutive >= self.thresholds.consecutive || often {
            self.open(now);
        }
    }

    fn remember(&mut self, now: Instant, good: bool) {
        while self.recent.front().is_some_and(|(at, _)| now.since(*at) > self.thresholds.window) || self.recent.len() >= 1024 {
            self.recent.pop_front();
        }
        self.recent.push_back((now, good));
    }

    fn open(&mut self, now: Instant) {
        let time = self.thresholds.open.saturating_mul(1_u32.checked_shl(self.opened).unwrap_or(u32::MAX));
        self.opened = self.opened.saturating_add(1);
        self.enter(BreakerState::Open { until: now.after(time.min(self.thresholds.open_max)) }, true);
    }

    fn enter(&mut self, state: BreakerState, anew: bool) {
        if anew {
            self.generation += 1;
            self.consecutive = 0;
            self.recent.clear();
            self.trial_since = None;
            // Trials that succeeded before one fell silent do not count.
            self.succeeded = 0;
        }
        self.state = state;
    }
}
