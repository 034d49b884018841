//! What is expected of the time to come, and when that is thought over anew.
//!
//! A rehearsal costs as much as the decisions it goes through, so nobody waits for one: whoever runs the scheduler takes it when it is due
//! ([`Scheduler::rehearsal`]), goes through it beside everything else, and brings back what was seen ([`Scheduler::foresee`]). With few
//! pictures it is so short that whoever asks gets one at once.

use std::time::Duration;

use slotmap::SecondaryMap;

use super::{RequestKey, Scheduler, micros, rehearsal::Rehearsal};

/// The share of the time that may be spent on rehearsals.
const SHARE: f64 = 0.1;
/// Without surprises the next rehearsal begins this many microseconds after the last: costs are learnt, and drift.
const AGE: u64 = 400_000;
/// A forecast is no longer believed after this many, for then much may have come.
const AGE_MAX: u64 = 10_000_000;
/// With no more pictures than this everybody who asks gets a rehearsal.
const FEW: usize = 24;

/// When requests begin and end. Times are microseconds.
#[derive(Debug, Default)]
pub struct Forecast {
    /// When the rehearsal began, if there was one.
    made: Option<u64>,
    starts: SecondaryMap<RequestKey, u64>,
    ends: SecondaryMap<RequestKey, u64>,
    /// Device-seconds that are done with, and when.
    drains: Vec<(u64, f64)>,
    /// Actions that were gone through.
    actions: u32,
}

/// When the next rehearsal is due. Times are microseconds.
#[derive(Default)]
pub(super) struct Foresight {
    /// Somebody came or went otherwise than was foreseen since the last rehearsal began.
    surprised: bool,
    /// Somebody is going through one.
    under_way: bool,
    /// When the last one began.
    begun: u64,
    /// There is none before.
    rests_until: u64,
}

impl Forecast {
    pub(super) fn new(made: u64) -> Self {
        Self { made: Some(made), ..Self::default() }
    }

    /// Actions that were gone through for it.
    pub fn actions(&self) -> u32 {
        self.actions
    }

    pub(super) fn acted(&mut self) {
        self.actions += 1;
    }

    pub(super) fn starts(&mut self, request: RequestKey, at: u64) {
        self.starts.insert(request, at);
    }

    pub(super) fn ends(&mut self, request: RequestKey, at: u64) {
        self.ends.insert(request, at);
    }

    pub(super) fn drained(&mut self, at: u64, work: f64) {
        if work > 0.0 {
            self.drains.push((at, work));
        }
    }
}

impl Scheduler {
    /// Whether somebody wants to hear how long things will take while they go on; at first, yes.
    pub fn foretell(&mut self, wanted: bool) {
        self.foretelling = wanted;
    }

    /// When a request is expected to end, as far as that is known.
    pub(super) fn expected_end(&self, request: RequestKey, now: u64) -> Option<u64> {
        self.forecast.ends.get(request).copied().filter(|_| self.forecast_is_fresh(now))
    }

    /// When a waiting request is expected to wait no longer: a device begins with it, or its time runs out.
    pub(super) fn expected_leaving(&self, request: RequestKey, now: u64) -> Option<u64> {
        let start = self.forecast.starts.get(request).copied().filter(|_| self.forecast_is_fresh(now));
        start.into_iter().chain(self.expected_end(request, now)).min()
    }

    /// When this many device-seconds are expected to be done with, over all devices.
    pub(super) fn expected_drain(&self, work: f64, now: u64) -> Option<u64> {
        let mut left = work;
        let mut drains = self.forecast.drains.iter().filter(|(at, _)| *at > now && self.forecast_is_fresh(now));
        let enough = drains.find(|(_, done)| {
            left -= done;
            left <= 0.0
        });
        enough.map(|(at, _)| *at)
    }

    fn forecast_is_fresh(&self, now: u64) -> bool {
        self.forecast.made.is_some_and(|made| now.saturating_sub(made) <= AGE_MAX)
    }

    /// Somebody came or went, and nobody has foreseen it.
    pub(super) fn surprise(&mut self) {
        self.foresight.surprised = true;
    }

    /// When the next rehearsal is to begin; `None` while there is nothing to foretell, or while one is under way.
    pub fn rehearsal_due(&self) -> Option<Duration> {
        let Foresight { surprised, under_way, begun, rests_until } = self.foresight;
        if !self.foretelling || under_way || self.requests.is_empty() || self.devices_up() == 0 {
            return None;
        }
        let due = if surprised { rests_until } else { rests_until.max(begun + AGE) };
        Some(Duration::from_micros(due))
    }

    /// A copy of everything, to be gone through elsewhere; [`Scheduler::foresee`] must follow.
    pub fn rehearsal(&mut self, now: Duration) -> Rehearsal {
        let now = micros(now);
        self.foresight = Foresight { surprised: false, under_way: true, begun: now, rests_until: now };
        Rehearsal::new(self, now)
    }

    /// What a rehearsal has shown, and how long it took. `None` is one that came to nothing.
    pub fn foresee(&mut self, forecast: Option<Forecast>, took: Duration) {
        self.foresight.under_way = false;
        self.foresight.rests_until = self.foresight.begun + (took.as_micros() as f64 / SHARE) as u64;
        // Somebody may have asked for one that began later.
        if let Some(forecast) = forecast.filter(|forecast| forecast.made >= self.forecast.made) {
            self.forecast = forecast;
        }
    }

    /// There are so few pictures that everybody who asks gets a rehearsal of his own.
    pub fn is_quickly_rehearsed(&self) -> bool {
        self.parts.len() <= FEW
    }

    /// For somebody who wants to know now.
    pub(super) fn renew_forecast(&mut self, now: u64) {
        if self.foretelling && self.is_quickly_rehearsed() && self.devices_up() > 0 {
            self.forecast = Rehearsal::new(self, now).run();
        }
    }
}
