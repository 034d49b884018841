//! A cluster in virtual time: the real [`Scheduler`] on devices that only know how long things take. Days pass in seconds.
//!
//! Strict where a real device is trusting: a slot must exist, its steps must come in order, its model must be there, memory must not be
//! overdrawn, and a batch must share model and shape. Anything else is a panic, which is a bug in the scheduler.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use easel_backend::{BackendError, Prepared, Slot};
use slotmap::SecondaryMap;

use crate::scheduler::{
    Action, Cost, Effect, Failure, Group, Member, Model, PartKey, Refused, Report, RequestKey, Rules, Scheduler, Submission,
};

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

/// So many turns in which no batch is stepped and no request ends are a scheduler that runs in circles.
const TURNS_MAX: u32 = 100_000;

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
    /// What was expected, if it was asked for.
    pub estimates: Vec<Estimate>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Arrives(usize),
    Leaves(usize),
    Done { device: usize, turn: u64 },
    Wakes { device: usize, turn: u64 },
    Returns(usize),
    Asks,
}

#[derive(Default)]
struct SimDevice {
    /// Counts the turns, so that what was planned for an earlier one is recognised.
    turn: u64,
    doing: Option<(Action, f64)>,
    slots: Slots,
    loaded: Vec<Model>,
    gone: bool,
    next_slot: u32,
}

/// By slot; few, and new ones have the highest numbers.
#[derive(Default)]
struct Slots(Vec<(Slot, Holding)>);

impl Slots {
    fn add(&mut self, slot: Slot, holding: Holding) {
        self.0.push((slot, holding));
    }

    fn find(&self, slot: Slot) -> usize {
        self.0.binary_search_by_key(&slot.0, |(known, _)| known.0).unwrap_or_else(|_| panic!("there is no slot {slot:?}"))
    }

    fn get(&self, slot: Slot) -> &Holding {
        &self.0[self.find(slot)].1
    }

    fn get_mut(&mut self, slot: Slot) -> &mut Holding {
        let at = self.find(slot);
        &mut self.0[at].1
    }

    fn remove(&mut self, slot: Slot) {
        self.0.remove(self.find(slot));
    }
}

struct Holding {
    part: PartKey,
    group: Group,
    branches: u32,
    done: u32,
    slices: u32,
    prepared: bool,
}

struct Run<'a> {
    plan: &'a SimCluster,
    arrivals: &'a [Arrival],
    scheduler: Scheduler,
    devices: Vec<SimDevice>,
    agenda: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    order: u64,
    now: u64,
    faults: Vec<Vec<(u64, SimFault)>>,
    submitted: SecondaryMap<RequestKey, usize>,
    keys: Vec<Option<RequestKey>>,
    stories: Vec<Option<Story>>,
    started: Vec<Option<f64>>,
    outcome: Outcome,
    watch: &'a mut dyn FnMut(usize, &Story) -> bool,
    enough: bool,
    /// Turns since something was achieved.
    turns: u32,
}

impl SimCluster {
    /// Runs until every arrival has ended.
    pub fn run(&self, arrivals: &[Arrival]) -> Outcome {
        self.run_watched(arrivals, &mut |_, _| true)
    }

    /// Shows each story to `watch` as it ends, with its place among the arrivals, and stops once that says false; the outcome then has
    /// no stories.
    pub fn run_watched(&self, arrivals: &[Arrival], watch: &mut dyn FnMut(usize, &Story) -> bool) -> Outcome {
        let mut scheduler = Scheduler::new(self.rules.clone());
        for _ in 0..self.devices {
            scheduler.add_device(self.memory);
        }
        let models: Vec<_> = self.models.iter().map(|model| scheduler.add_model(model.bytes, model.load, false)).collect();
        let loaded: Vec<_> = self.loaded.iter().map(|model| models[*model]).collect();
        for device in 0..self.devices {
            loaded.iter().for_each(|model| scheduler.set_loaded(device, *model, Duration::ZERO));
        }
        for shape in &self.shapes {
            let group = scheduler.add_group(models[shape.model], shape.width, shape.height);
            (0..self.devices).for_each(|device| scheduler.set_cost(device, group, shape.cost.clone()));
        }
        let mut faults = vec![Vec::new(); self.devices];
        for (at, device, fault) in &self.faults {
            faults[*device].push((micros(at.as_secs_f64()), *fault));
        }
        faults.iter_mut().for_each(|faults| faults.sort_by_key(|(at, _)| Reverse(*at)));
        scheduler.foretell(self.asked_every.is_some());
        let run = Run {
            plan: self,
            arrivals,
            scheduler,
            devices: (0..self.devices).map(|_| SimDevice { loaded: loaded.clone(), ..SimDevice::default() }).collect(),
            agenda: BinaryHeap::new(),
            order: 0,
            now: 0,
            faults,
            submitted: SecondaryMap::new(),
            keys: vec![None; arrivals.len()],
            stories: vec![None; arrivals.len()],
            started: vec![None; arrivals.len()],
            outcome: Outcome::default(),
            watch,
            enough: false,
            turns: 0,
        };
        run.run()
    }
}

fn micros(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}

impl Run<'_> {
    fn run(mut self) -> Outcome {
        if !self.arrivals.is_empty() {
            self.at(self.arrivals[0].at.as_micros() as u64, Happening::Arrives(0));
        }
        if self.plan.asked_every.is_some() {
            self.at(0, Happening::Asks);
        }
        (0..self.devices.len()).for_each(|device| self.turn(device));
        while let Some(Reverse((at, _, happening))) = self.agenda.pop() {
            self.now = at;
            match happening {
                Happening::Arrives(i) => self.arrives(i),
                Happening::Leaves(i) => {
                    if let Some(key) = self.keys[i].filter(|_| self.stories[i].is_none()) {
                        self.scheduler.cancel(key);
                    }
                }
                Happening::Done { device, turn } if self.devices[device].turn == turn => self.done(device),
                Happening::Wakes { device, turn } if self.devices[device].turn == turn => self.turn(device),
                Happening::Returns(device) => {
                    self.devices[device] = SimDevice { turn: self.devices[device].turn + 1, ..SimDevice::default() };
                    self.scheduler.restore_device(device);
                    self.turn(device);
                }
                Happening::Asks => {
                    self.ask();
                    continue;
                }
                // Planned before something else came between.
                Happening::Done { .. } | Happening::Wakes { .. } => continue,
            }
            self.hear();
            for device in 0..self.devices.len() {
                if self.devices[device].doing.is_none() && !self.devices[device].gone {
                    self.turn(device);
                }
            }
            self.hear();
            if self.plan.checked {
                self.scheduler.check();
            }
            if self.enough {
                return self.outcome;
            }
        }
        let unheard = self.stories.iter().filter(|story| story.is_none()).count();
        assert_eq!(unheard, 0, "{unheard} requests never ended: {} unfinished in the scheduler", self.scheduler.unfinished());
        self.outcome.stories = self.stories.into_iter().flatten().collect();
        self.outcome.seconds = self.outcome.stories.iter().map(|story| story.ended).fold(0.0, f64::max);
        self.outcome
    }

    fn at(&mut self, at: u64, happening: Happening) {
        self.order += 1;
        self.agenda.push(Reverse((at, self.order, happening)));
    }

    fn time(&self) -> Duration {
        Duration::from_micros(self.now)
    }

    fn seconds(&self) -> f64 {
        self.now as f64 / 1e6
    }

    fn arrives(&mut self, i: usize) {
        let arrival = &self.arrivals[i];
        match self.scheduler.submit(&arrival.submission, self.time()) {
            Ok(key) => {
                self.submitted.insert(key, i);
                self.keys[i] = Some(key);
                if let Some(after) = arrival.leaves_after {
                    self.at(self.now + after.as_micros() as u64, Happening::Leaves(i));
                }
            }
            Err(why) => {
                let backlog = self.scheduler.backlog();
                self.ends(i, End::Refused { why, backlog });
            }
        }
        self.outcome.queue_longest = self.outcome.queue_longest.max(self.scheduler.waiting());
        if let Some(next) = self.arrivals.get(i + 1) {
            self.at((next.at.as_micros() as u64).max(self.now), Happening::Arrives(i + 1));
        }
    }

    fn ask(&mut self) {
        for place in self.scheduler.places(self.time()) {
            let (arrival, at) = (self.submitted[place.request], self.seconds());
            self.outcome.estimates.push(Estimate { arrival, at, left: place.left, waiting: true });
        }
        if let Some(every) = self.plan.asked_every.filter(|_| self.stories.iter().any(Option::is_none)) {
            self.at(self.now + every.as_micros() as u64, Happening::Asks);
        }
    }

    fn ends(&mut self, i: usize, end: End) {
        assert!(self.stories[i].is_none(), "request {i} ended twice");
        let arrival = self.arrivals[i].at.as_secs_f64();
        let story = Story { arrival, started: self.started[i], ended: self.seconds(), end };
        self.turns = 0;
        self.enough |= !(self.watch)(i, &story);
        self.stories[i] = Some(story);
    }

    /// What the scheduler has to say.
    fn hear(&mut self) {
        for effect in self.scheduler.take_effects() {
            let (key, end) = match effect {
                Effect::Started(key) => {
                    self.started[self.submitted[key]] = Some(self.seconds());
                    continue;
                }
                Effect::Evaluated { request, left, .. } if self.plan.asked_every.is_some() => {
                    // It may have failed since.
                    if let Some(arrival) = self.submitted.get(request).copied() {
                        let at = self.seconds();
                        self.outcome.estimates.push(Estimate { arrival, at, left, waiting: false });
                    }
                    continue;
                }
                Effect::Finished(key) => (key, End::Finished),
                Effect::Failed(key, failure) => (key, End::Failed(failure)),
                Effect::Cancelled(key) => (key, End::Cancelled),
                Effect::Batch { rows, seconds, .. } => {
                    *self.outcome.batches.entry(rows).or_default() += 1;
                    self.outcome.stepping += seconds;
                    self.turns = 0;
                    continue;
                }
                Effect::Loaded { .. } => {
                    self.outcome.loads += 1;
                    continue;
                }
                Effect::Restarted(_) => {
                    self.outcome.restarts += 1;
                    continue;
                }
                _ => continue,
            };
            let i = self.submitted.remove(key).expect("ended requests were submitted and end once");
            self.ends(i, end);
        }
    }

    /// Asks what to do and plans its end.
    fn turn(&mut self, device: usize) {
        loop {
            let action = self.scheduler.next(device, self.time());
            self.turns += 1;
            assert!(self.turns < TURNS_MAX, "{} requests are unfinished, and nothing is achieved", self.scheduler.unfinished());
            let this = &mut self.devices[device];
            this.turn += 1;
            let turn = this.turn;
            match action {
                Action::Release(slots) => {
                    for slot in slots {
                        this.slots.remove(slot);
                    }
                }
                Action::Unload(model) => {
                    let used = this.slots.0.iter().any(|(_, h)| self.plan.shapes[h.group.0 as usize].model == model.0 as usize);
                    assert!(!used, "a model was put out under its pictures");
                    this.loaded.retain(|loaded| *loaded != model);
                }
                Action::Wait(until) => {
                    if let Some(until) = until {
                        let until = (until.as_micros() as u64).max(self.now + 1);
                        self.at(until, Happening::Wakes { device, turn });
                    }
                    return;
                }
                Action::Exit => return,
                action => {
                    let seconds = self.cost(device, &action);
                    self.devices[device].doing = Some((action, seconds));
                    self.at(self.now + micros(seconds), Happening::Done { device, turn });
                    return;
                }
            }
        }
    }

    fn cost(&self, device: usize, action: &Action) -> f64 {
        let of = |slot: &Slot| &self.plan.shapes[self.devices[device].slots.get(*slot).group.0 as usize].cost;
        match action {
            Action::Load(model) => self.plan.models[model.0 as usize].load,
            Action::Prepare(_, slot) => of(slot).prepare_slice.seconds(),
            Action::Decode(_, slot) => of(slot).decode_slice.seconds(),
            Action::Preview(_, slot) => of(slot).preview.seconds(),
            Action::Step(members) => of(&members[0].slot).step.seconds(self.rows(device, members)),
            _ => 0.0,
        }
    }

    fn rows(&self, device: usize, members: &[Member]) -> u32 {
        members.iter().map(|member| self.devices[device].slots.get(member.slot).branches).sum()
    }

    fn fault(&mut self, device: usize, wanted: impl Fn(SimFault) -> bool) -> Option<SimFault> {
        let due = self.faults[device].last().filter(|(at, fault)| *at <= self.now && wanted(*fault))?.1;
        self.faults[device].pop();
        Some(due)
    }

    fn done(&mut self, device: usize) {
        let Some((action, seconds)) = self.devices[device].doing.take() else { return };
        if let Some(SimFault::Lost(back)) = self.fault(device, |fault| matches!(fault, SimFault::Lost(_))) {
            self.devices[device].gone = true;
            self.scheduler.lose(device, "as planned");
            self.at(self.now + back.as_micros() as u64, Happening::Returns(device));
            return;
        }
        let fault = match action {
            Action::Step(_) => self.fault(device, |_| true),
            _ => None,
        };
        let report = match (fault, action) {
            (Some(SimFault::Panic), action) => Report::Panicked(action, "as planned".to_owned()),
            (Some(SimFault::OutOfMemory), Action::Step(members)) => {
                Report::Stepped(members, Err(BackendError::OutOfMemory("as planned".to_owned())))
            }
            (fault, action) => self.perform(device, action, fault == Some(SimFault::NonFinite)),
        };
        self.scheduler.report(device, report, seconds, self.time());
        self.turn(device);
    }

    fn perform(&mut self, device: usize, action: Action, non_finite: bool) -> Report {
        let (plan, memory) = (self.plan, self.plan.memory);
        let rows = if let Action::Step(members) = &action { self.rows(device, members) } else { 0 };
        let this = &mut self.devices[device];
        match action {
            Action::Load(model) => {
                this.loaded.push(model);
                let taken: u64 = this.loaded.iter().map(|model| plan.models[model.0 as usize].bytes).sum();
                assert!(memory.is_none_or(|memory| taken <= memory), "the memory is overdrawn");
                Report::Loaded(model, Ok(()))
            }
            Action::Admit(part) => {
                let slot = Slot(this.next_slot);
                this.next_slot += 1;
                // Cancelled meanwhile: the scheduler releases it.
                let request = self.scheduler.picture(part).map(|(request, _)| request);
                let submission = request.map(|request| &self.arrivals[self.submitted[request]].submission);
                let (group, branches) = submission.map_or((Group(0), 1), |submission| (submission.group, submission.branches));
                let model = Model(plan.shapes[group.0 as usize].model as u32);
                assert!(request.is_none() || this.loaded.contains(&model), "admitted before its model was there");
                this.slots.add(slot, Holding { part, group, branches, done: 0, slices: 0, prepared: false });
                Report::Admitted(part, Ok(slot))
            }
            Action::Prepare(part, slot) => {
                let held = this.slots.get_mut(slot);
                assert!(held.part == part && !held.prepared, "prepared twice");
                held.slices += 1;
                let slices = plan.shapes[held.group.0 as usize].cost.prepare_slices.seconds() as u32;
                held.prepared = held.slices >= slices;
                Report::Prepared(part, Ok(if held.prepared { Prepared::Ready } else { Prepared::More }))
            }
            Action::Step(members) => {
                let group = this.slots.get(members[0].slot).group;
                assert!(members.iter().all(|m| this.slots.get(m.slot).group == group), "one batch, two shapes");
                if rows > plan.shapes[group.0 as usize].rows_max {
                    return Report::Stepped(members, Err(BackendError::OutOfMemory(format!("{rows} rows"))));
                }
                for member in &members {
                    let held = this.slots.get_mut(member.slot);
                    assert!(held.part == member.part && held.prepared, "stepped before it was prepared");
                    assert_eq!(held.done, member.index, "stepped out of order");
                    held.done += 1;
                    held.slices = 0;
                }
                let first = members[0].slot;
                Report::Stepped(members, if non_finite { Err(BackendError::NonFinite(first)) } else { Ok(()) })
            }
            Action::Preview(part, _) => Report::Previewed(part),
            Action::Decode(part, slot) => {
                let held = this.slots.get_mut(slot);
                held.slices += 1;
                let slices = plan.shapes[held.group.0 as usize].cost.decode_slices.seconds() as u32;
                Report::Decoded(part, Ok(held.slices >= slices))
            }
            Action::Release(_) | Action::Unload(_) | Action::Wait(_) | Action::Exit => unreachable!("done at once"),
        }
    }
}
