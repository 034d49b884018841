//! What is expected of the time to come, and when that is thought over anew.
//!
//! A rehearsal costs as much as the decisions it goes through, so it is done in instalments: with every step some of its actions, for a
//! small share of what the step took. Who asks for a place gets a larger one at once.

use slotmap::SecondaryMap;

use super::{RequestKey, Scheduler, rehearsal::Rehearsal};

/// Rehearsals begin this many microseconds apart.
const AGE: u64 = 400_000;
/// A forecast is no longer believed after this many, for then much may have come.
const AGE_MAX: u64 = 10_000_000;
/// Actions that are rehearsed for each second of a step. One takes a few microseconds: less than a hundredth of the time.
const ACTIONS_PER_SECOND: f64 = 1000.0;
/// The least after a step, and the most.
const ACTIONS_STEP: (u32, u32) = (16, 1000);
/// Actions that are rehearsed at once for somebody who asks.
const ACTIONS_ASKED: u32 = 500;
/// With no more pictures than this a rehearsal is so short that everybody who asks gets one.
const FEW: usize = 24;

/// When requests begin and end. Times are microseconds.
#[derive(Default)]
pub(super) struct Forecast {
    /// When the rehearsal began, if there was one.
    made: Option<u64>,
    starts: SecondaryMap<RequestKey, u64>,
    ends: SecondaryMap<RequestKey, u64>,
    /// Device-seconds that are done with, and when.
    drains: Vec<(u64, f64)>,
}

impl Forecast {
    pub fn new(made: u64) -> Self {
        Self { made: Some(made), ..Self::default() }
    }

    pub fn starts(&mut self, request: RequestKey, at: u64) {
        self.starts.insert(request, at);
    }

    pub fn ends(&mut self, request: RequestKey, at: u64) {
        self.ends.insert(request, at);
    }

    pub fn drained(&mut self, at: u64, work: f64) {
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

    /// After a step that took so many seconds.
    pub(super) fn keep_forecast(&mut self, took: f64, now: u64) {
        let actions = ((took * ACTIONS_PER_SECOND) as u32).clamp(ACTIONS_STEP.0, ACTIONS_STEP.1);
        self.rehearse(actions, AGE, now);
    }

    /// For somebody who wants to know now.
    pub(super) fn renew_forecast(&mut self, now: u64) {
        let age = if self.parts.len() <= FEW { 0 } else { AGE };
        self.rehearse(ACTIONS_ASKED, age, now);
    }

    /// Goes on with a rehearsal, or begins one if the forecast has come of age.
    fn rehearse(&mut self, actions: u32, age: u64, now: u64) {
        let young = self.forecast.made.is_some_and(|made| now < made + age);
        if !self.foretelling || (self.rehearsal.is_none() && young) || self.devices_up() == 0 {
            return;
        }
        let mut rehearsal = self.rehearsal.take().unwrap_or_else(|| Box::new(Rehearsal::new(self, now)));
        match rehearsal.go_on(actions) {
            Some(forecast) => self.forecast = forecast,
            None => self.rehearsal = Some(rehearsal),
        }
    }
}
