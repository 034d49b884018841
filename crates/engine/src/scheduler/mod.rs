//! The scheduler: a state machine without threads, clocks or tensors. Whoever owns a device asks [`Scheduler::next`] what to do, does it, and
//! says with [`Scheduler::report`] how it went; what clients should hear comes out as [`Effect`]s.
//!
//! The engine runs it with one thread per device and the machine's clock; the simulator runs the same code in virtual time.
//!
//! Rules by file: who goes first `rank.rs` and `line.rs`, what makes up a batch `choose.rs`, what things cost `cost.rs`, which models are on a device
//! `residency.rs`, what is refused `admission.rs`, what happens between two steps `turn.rs` and `slices.rs`, how pictures leave `leave.rs`, what failures do `report.rs`, how long it will
//! take `estimate.rs`, `forecast.rs` and `rehearsal.rs`, the policies it is compared with `whole_batches.rs`.
//!
//! Invariants:
//! - a picture is waiting, on exactly one device, or gone; a slot belongs to one picture or is about to be released;
//! - every accepted request ends exactly once, as finished, failed or cancelled;
//! - a step waits for other work for no longer than the last step took, or for a single slice that is longer by itself, now and then.

mod action;
mod admission;
mod by_hand;
mod catalogue;
mod check;
mod choose;
mod cost;
mod device;
mod effect;
mod estimate;
mod forecast;
mod leave;
mod line;
mod prices;
mod rank;
mod rehearsal;
mod report;
mod residency;
mod rules;
mod slices;
mod submission;
mod turn;
mod whole_batches;
mod work;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    time::Duration,
};

use slotmap::{SlotMap, new_key_type};

pub use action::{Action, Member};
pub use admission::Refused;
pub use by_hand::Stays;
pub use choose::{Candidate, Choice, Group, Limit, Limits, Stopped, choose};
pub use cost::{Cost, Curve, Mean};
pub use effect::Effect;
pub use estimate::Place;
pub use forecast::Forecast;
pub use rank::{AGEING_GAIN, Facts, Rank};
pub use rehearsal::Rehearsal;
pub use report::{Failure, Report};
pub use residency::settle;
pub use rules::{Policy, Rules};
pub use submission::Submission;

use catalogue::{GroupInfo, ModelInfo};
use device::Device;
use forecast::Foresight;
use line::Lines;
use work::{Part, Request, Where};

new_key_type! {
    /// Names a request.
    pub struct RequestKey;
    /// Names one picture of a request.
    pub struct PartKey;
}

/// Names a model within a scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Model(pub u32);

#[derive(Default)]
struct User {
    /// Unfinished pictures in order; the first few are within the share.
    parts: VecDeque<PartKey>,
    requests: usize,
}

/// The state of everything that was accepted and has not ended.
pub struct Scheduler {
    rules: Rules,
    devices: Vec<Device>,
    /// Devices that are still being brought up.
    coming: usize,
    models: Vec<ModelInfo>,
    groups: Vec<GroupInfo>,
    requests: SlotMap<RequestKey, Request>,
    parts: SlotMap<PartKey, Part>,
    /// In no order; a part knows its place.
    waiting: Vec<PartKey>,
    /// The same in order.
    lines: Lines,
    forecast: Forecast,
    /// Forecasts are kept up to date.
    foretelling: bool,
    foresight: Foresight,
    /// This is the copy of a scheduler, and nobody listens.
    rehearsing: bool,
    waiting_requests: usize,
    users: HashMap<u64, User>,
    limits: BinaryHeap<Reverse<(u64, RequestKey)>>,
    effects: Vec<Effect>,
    /// Device-seconds of everything unfinished.
    backlog: f64,
    serial: u64,
    /// Actions that devices have been told to do.
    turns: u64,
    /// The latest moment that anybody has told.
    now: u64,
    paused: bool,
    draining: bool,
}

/// Whole microseconds: what is compared must not hang on the last bit of a sum.
pub(crate) fn whole_micros(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}

pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Scheduler {
    /// Nothing to do, no devices.
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            devices: Vec::new(),
            coming: 0,
            models: Vec::new(),
            groups: Vec::new(),
            requests: SlotMap::with_key(),
            parts: SlotMap::with_key(),
            waiting: Vec::new(),
            lines: Lines::default(),
            forecast: Forecast::default(),
            foretelling: true,
            foresight: Foresight::default(),
            rehearsing: false,
            waiting_requests: 0,
            users: HashMap::new(),
            limits: BinaryHeap::new(),
            effects: Vec::new(),
            backlog: 0.0,
            serial: 0,
            turns: 0,
            now: 0,
            paused: false,
            draining: false,
        }
    }

    /// What happened since the last call.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Requests none of whose pictures has been begun.
    pub fn waiting(&self) -> usize {
        self.waiting_requests
    }

    /// Requests that have not ended.
    pub fn unfinished(&self) -> usize {
        self.requests.len()
    }

    /// Pictures on devices.
    pub fn active(&self) -> usize {
        self.parts.len() - self.waiting.len()
    }

    /// Device-seconds of everything unfinished, for each device that is up.
    pub fn backlog(&self) -> f64 {
        self.backlog / self.devices_up().max(1) as f64
    }

    /// Devices that are not lost.
    pub fn devices_up(&self) -> usize {
        self.devices.iter().filter(|device| !device.lost).count()
    }

    /// Whether there is a device, or will be one.
    pub fn has_future(&self) -> bool {
        self.devices_up() + self.coming > 0
    }

    /// No device begins anything new; steps stop too.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
        self.surprise();
        self.devices.iter_mut().for_each(|device| device.stale = true);
    }

    /// Devices leave once everything accepted has ended.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// Ends a request; false if it has ended already.
    pub fn cancel(&mut self, request: RequestKey) -> bool {
        let known = self.requests.contains_key(request);
        if known {
            self.end(request, Effect::Cancelled(request));
        }
        known
    }

    /// Ends every request with the same failure.
    pub fn fail_all(&mut self, failure: &Failure) {
        for request in self.requests.keys().collect::<Vec<_>>() {
            self.end(request, Effect::Failed(request, failure.clone()));
        }
    }

    /// The request a picture belongs to and its number there; `None` once it has ended.
    pub fn picture(&self, part: PartKey) -> Option<(RequestKey, u32)> {
        self.parts.get(part).map(|part| (part.request, part.picture))
    }

    /// Rows of the pictures on devices that are being stepped.
    pub fn active_rows(&self) -> u32 {
        self.parts.values().filter(|part| matches!(part.place, Where::Ready { .. })).map(|part| part.branches).sum()
    }
}
