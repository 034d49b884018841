//! The scheduler: a state machine without threads, clocks or tensors. Whoever owns a device asks [`Scheduler::next`] what to do, does it, and
//! says with [`Scheduler::report`] how it went; what clients should hear comes out as [`Effect`]s.
//!
//! The engine runs it with one thread per device and the machine's clock; the simulator runs the same code in virtual time.
//!
//! Rules by file: who goes first `rank.rs` and `line.rs`, what makes up a batch `choose.rs`, what things cost `cost.rs`, which models are on a device
//! `residency.rs`, what is refused `admission.rs`, what happens between two steps `turn.rs`, what failures do `report.rs`, how long it will
//! take `estimate.rs`, `forecast.rs` and `rehearsal.rs`, the policies it is compared with `whole_batches.rs`.
//!
//! Invariants:
//! - a picture is waiting, on exactly one device, or gone; a slot belongs to one picture or is about to be released;
//! - every accepted request ends exactly once, as finished, failed or cancelled;
//! - a step never waits for more than one slice of other work, or for more of it than the last step took.

mod admission;
mod check;
mod choose;
mod cost;
mod device;
mod estimate;
mod forecast;
mod line;
mod rank;
mod rehearsal;
mod report;
mod residency;
mod turn;
mod whole_batches;
mod work;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use easel_backend::{BackendError, Slot};
use serde::{Deserialize, Serialize};
use slotmap::{SlotMap, new_key_type};

pub use admission::Refused;
pub use choose::{Candidate, Choice, Group, Limit, Limits, Stopped, choose};
pub use cost::{Cost, Curve, Mean};
pub use estimate::Place;
pub use rank::{AGEING_GAIN, Facts, Rank};
pub use report::{Failure, Report};
pub use residency::settle;

use device::Device;
use forecast::Forecast;
use line::Lines;
use rehearsal::Rehearsal;
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
    /// Waiting this long is worth [`AGEING_GAIN`] priorities.
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

/// A request as the scheduler sees it.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Model and shape.
    pub group: Group,
    /// Pictures.
    pub pictures: u32,
    /// Denoiser rows of one evaluation.
    pub branches: u32,
    /// Evaluations of the denoiser for one picture.
    pub evaluations: u32,
    /// Whose it is; requests of nobody are not held to a share.
    pub user: Option<u64>,
    /// The plan's priority, higher first.
    pub priority: i32,
    /// When it is to be given up, counted from submission.
    pub time_limit: Option<Duration>,
    /// A preview after every so many evaluations; 0 for none.
    pub preview_every: u32,
    /// Requests with the same number are equal in everything that other servers need to be equal to share a batch.
    pub alike: u64,
}

/// One picture's part in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The picture.
    pub part: PartKey,
    /// Its tensors.
    pub slot: Slot,
    /// Index into its table's rows.
    pub index: u32,
}

/// What a device is to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Free slots; needs no report.
    Release(Vec<Slot>),
    /// Put a model out; needs no report.
    Unload(Model),
    /// Bring a model in.
    Load(Model),
    /// Take a picture in.
    Admit(PartKey),
    /// A slice of the work before the first step.
    Prepare(PartKey, Slot),
    /// One evaluation.
    Step(Vec<Member>),
    /// A preview.
    Preview(PartKey, Slot),
    /// A slice of decoding.
    Decode(PartKey, Slot),
    /// Nothing to do until something is submitted or cancelled, or until this moment.
    Wait(Option<Duration>),
    /// Nothing to do ever again.
    Exit,
}

/// What somebody should hear of.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Effect {
    /// The device has begun with a request.
    Started(RequestKey),
    /// A picture has done this many evaluations; `left` seconds are expected until the request is finished.
    Evaluated {
        /// The request.
        request: RequestKey,
        /// Which of its pictures.
        picture: u32,
        /// Evaluations done.
        done: u32,
        /// Seconds until the request is finished, as far as one can tell.
        left: f64,
    },
    /// A picture is there.
    Decoded {
        /// The request.
        request: RequestKey,
        /// Which of its pictures.
        picture: u32,
    },
    /// Every picture is there.
    Finished(RequestKey),
    /// It failed.
    Failed(RequestKey, Failure),
    /// It was cancelled.
    Cancelled(RequestKey),
    /// Its device was lost; it waits again.
    Restarted(RequestKey),
    /// A batch was stepped.
    Batch {
        /// The device.
        device: usize,
        /// Model and shape.
        group: Group,
        /// Pictures.
        pictures: u32,
        /// Rows.
        rows: u32,
        /// Seconds it took.
        seconds: f64,
        /// Why it was no larger.
        stopped: Stopped,
    },
    /// A model was brought in.
    Loaded {
        /// The device.
        device: usize,
        /// The model.
        model: Model,
        /// Seconds it took.
        seconds: f64,
    },
    /// A model was put out.
    Evicted {
        /// The device.
        device: usize,
        /// The model.
        model: Model,
    },
    /// A device was lost.
    Lost(usize, String),
}

#[derive(Clone)]
struct ModelInfo {
    bytes: u64,
    load: Mean,
    pinned: bool,
    /// Why it cannot be loaded anywhere.
    broken: Option<BackendError>,
}

#[derive(Clone)]
struct GroupInfo {
    model: Model,
    pixels: u64,
}

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
    /// The next forecast, as far as it has got.
    rehearsal: Option<Box<Rehearsal>>,
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

/// A second for a megapixel: wrong by a lot, but measured after the first step.
fn guess(pixels: u64) -> Curve {
    Curve::linear(0.0, pixels as f64 / 1e6, 2)
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
            rehearsal: None,
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

    /// So many devices are being brought up: each is to be added or given up. What has been accepted waits for them, even if every
    /// device that is there is lost meanwhile.
    pub fn expect_devices(&mut self, devices: usize) {
        self.coming += devices;
    }

    /// A device that was expected will not come. With the last of them go all requests.
    pub fn give_up_device(&mut self, reason: &str) {
        self.coming = self.coming.saturating_sub(1);
        if !self.has_future() {
            self.fail_all(&Failure::Backend(BackendError::Device(reason.to_owned())));
        }
    }

    /// A device with `memory` bytes for weights; its number.
    pub fn add_device(&mut self, memory: Option<u64>) -> usize {
        self.coming = self.coming.saturating_sub(1);
        let mut device = Device::new(memory);
        // What the first device has been measured to do is the best guess for another.
        let known = self.devices.first().map(|first| first.costs.clone());
        device.costs =
            known.unwrap_or_else(|| self.groups.iter().map(|group| Arc::new(Cost::guess(guess(group.pixels)))).collect());
        device.knees = vec![None; self.groups.len()];
        self.devices.push(device);
        self.devices.len() - 1
    }

    /// A device that was lost is there again, with nothing on it.
    pub fn restore_device(&mut self, device: usize) {
        let old = &mut self.devices[device];
        let mut new = Device::new(old.memory);
        new.costs = std::mem::take(&mut old.costs);
        new.knees = std::mem::take(&mut old.knees);
        *old = new;
    }

    /// A model that takes `bytes` on a device and about `load` seconds to bring in.
    pub fn add_model(&mut self, bytes: u64, load: f64, pinned: bool) -> Model {
        self.models.push(ModelInfo { bytes, load: Mean::guess(load), pinned, broken: None });
        Model(self.models.len() as u32 - 1)
    }

    /// A shape of a model's pictures. Until [`Scheduler::set_cost`] its costs are guessed from the model's other shapes.
    pub fn add_group(&mut self, model: Model, width: u32, height: u32) -> Group {
        let pixels = u64::from(width) * u64::from(height);
        let like = self.groups.iter().position(|known| known.model == model);
        let factor = like.map_or(1.0, |known| pixels as f64 / self.groups[known].pixels as f64);
        let group = Group(self.groups.len() as u32);
        self.groups.push(GroupInfo { model, pixels });
        for device in &mut self.devices {
            let curve = match like {
                Some(known) => device.costs[known].step.scaled(factor),
                None => guess(pixels),
            };
            device.costs.push(Arc::new(Cost::guess(curve)));
            device.knees.push(None);
        }
        group
    }

    /// What is known of a shape's costs on a device; the knee of the curve becomes the cap of its batches.
    pub fn set_cost(&mut self, device: usize, group: Group, cost: Cost) {
        let at = group.0 as usize;
        self.devices[device].knees[at] = Some(cost.step.knee());
        self.devices[device].costs[at] = Arc::new(cost);
    }

    /// What is known of a shape's costs on a device.
    pub fn cost(&self, device: usize, group: Group) -> &Cost {
        &self.devices[device].costs[group.0 as usize]
    }

    /// Rows beyond which a larger batch of this shape is no faster on a device.
    pub fn knee(&self, device: usize, group: Group) -> u32 {
        self.limit(device, group).knee
    }

    /// A model that a device has already.
    pub fn set_loaded(&mut self, device: usize, model: Model, now: Duration) {
        self.devices[device].add_resident(model, micros(now));
    }

    /// Models on a device.
    pub fn resident(&self, device: usize) -> Vec<Model> {
        self.devices[device].resident.iter().map(|r| r.model).collect()
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

    /// Takes a request out of everything, with all its pictures.
    fn end(&mut self, request: RequestKey, effect: Effect) {
        let Some(ended) = self.requests.remove(request) else { return };
        if ended.started.is_none() {
            self.waiting_requests -= 1;
        }
        for key in ended.parts {
            self.drop_part(key);
        }
        if let Some(user) = ended.user
            && let Some(known) = self.users.get_mut(&user)
        {
            known.requests -= 1;
            if known.requests == 0 {
                self.users.remove(&user);
            }
        }
        self.effects.push(effect);
    }

    /// Takes a picture out of everything.
    fn drop_part(&mut self, key: PartKey) {
        self.take_off(key);
        let Some(part) = self.parts.remove(key) else { return };
        self.backlog -= part.work;
        self.leave_share(&part, key);
    }

    /// Takes a picture from where it is: the queue or a device.
    fn take_off(&mut self, key: PartKey) {
        let Some(part) = self.parts.get(key) else { return };
        match part.place {
            Where::Waiting { at } => {
                self.leave_line(key);
                self.waiting.swap_remove(at);
                if let Some(moved) = self.waiting.get(at).copied() {
                    self.parts[moved].place = Where::Waiting { at };
                }
            }
            Where::Admitting { device } => self.devices[device].forget(key),
            Where::Preparing { device, slot } | Where::Ready { device, slot } | Where::Decoding { device, slot } => {
                self.devices[device].forget(key);
                self.devices[device].releases.push(slot);
            }
            Where::Nowhere => {}
        }
        self.parts[key].place = Where::Nowhere;
    }

    fn put_waiting(&mut self, key: PartKey) {
        self.parts[key].place = Where::Waiting { at: self.waiting.len() };
        self.waiting.push(key);
        self.line_up(key);
        self.devices.iter_mut().for_each(|device| device.stale = true);
    }

    /// The next of the user's pictures moves up into the share. Among equals it counts as having come just now; its target stays, so that
    /// it is as late as others that have waited as long.
    fn leave_share(&mut self, part: &Part, key: PartKey) {
        let Some(user) = part.user.and_then(|user| self.users.get_mut(&user)) else { return };
        user.parts.retain(|other| *other != key);
        let next = self.rules.user_share.checked_sub(1).and_then(|last| user.parts.get(last)).copied();
        if let Some(key) = next
            && let Some(next) = self.parts.get_mut(key)
        {
            if next.facts.over_share {
                next.facts.over_share = false;
                next.facts.since = self.now;
            }
            if next.is_waiting() {
                self.stand(key, self.now);
            }
        }
    }

    /// Ends what has run out of time.
    fn expire(&mut self, now: u64) {
        while let Some(Reverse((at, request))) = self.limits.peek().copied() {
            if at > now && self.requests.contains_key(request) {
                break;
            }
            self.limits.pop();
            if self.requests.contains_key(request) {
                self.end(request, Effect::Failed(request, Failure::TimeLimit));
            }
        }
    }
}
