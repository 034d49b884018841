//! One run through all arrivals: what happens when, and what the scheduler has to say to it.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use slotmap::SecondaryMap;

use super::{Arrival, End, Estimate, Outcome, SimCluster, SimFault, Story, device::SimDevice};
use crate::{
    core::PLACES_AT_ONCE,
    scheduler::{Action, Effect, Forecast, Group, Model, RequestKey, Scheduler},
};

/// So many turns in which no batch is stepped and no request ends are a scheduler that runs in circles.
const TURNS_MAX: u32 = 100_000;
/// What an action of a rehearsal takes: `benches/benches/scheduler.rs` measures it.
const ACTION: Duration = Duration::from_micros(5);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Happening {
    Arrives(usize),
    Leaves(usize),
    Done {
        device: usize,
        turn: u64,
    },
    Wakes {
        device: usize,
        turn: u64,
    },
    Returns(usize),
    /// A device of the plan.
    ComesUp(usize),
    GivenUp(usize),
    Asks,
    /// A rehearsal is due.
    Rehearses,
    /// A rehearsal is over.
    Foresees,
}

pub(super) struct Run<'a> {
    pub plan: &'a SimCluster,
    pub arrivals: &'a [Arrival],
    pub scheduler: Scheduler,
    pub devices: Vec<SimDevice>,
    agenda: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    order: u64,
    pub now: u64,
    pub faults: Vec<Vec<(u64, SimFault)>>,
    pub submitted: SecondaryMap<RequestKey, usize>,
    keys: Vec<Option<RequestKey>>,
    stories: Vec<Option<Story>>,
    started: Vec<Option<f64>>,
    pub outcome: Outcome,
    watch: &'a mut dyn FnMut(usize, &Story) -> bool,
    enough: bool,
    /// Turns since something was achieved.
    turns: u32,
    /// What the rehearsal that is under way will have shown.
    forecast: Option<(Forecast, Duration)>,
    /// When the next one is planned.
    rehearses: u64,
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
        let models: Vec<_> = self.models.iter().map(|model| scheduler.add_model(model.bytes, model.load, false)).collect();
        for shape in &self.shapes {
            scheduler.add_group(models[shape.model], shape.width, shape.height);
        }
        scheduler.expect_devices(self.devices);
        scheduler.foretell(self.asked_every.is_some());
        let run = Run {
            plan: self,
            arrivals,
            scheduler,
            devices: Vec::new(),
            agenda: BinaryHeap::new(),
            order: 0,
            now: 0,
            faults: Vec::new(),
            submitted: SecondaryMap::new(),
            keys: vec![None; arrivals.len()],
            stories: vec![None; arrivals.len()],
            started: vec![None; arrivals.len()],
            outcome: Outcome::default(),
            watch,
            enough: false,
            turns: 0,
            forecast: None,
            rehearses: 0,
        };
        run.run()
    }
}

pub(super) fn micros(seconds: f64) -> u64 {
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
        for device in 0..self.plan.devices {
            // The first word on it counts.
            let words = self
                .plan
                .faults
                .iter()
                .filter(|(_, of, fault)| *of == device && matches!(fault, SimFault::Late | SimFault::Absent));
            match words.min_by_key(|(at, ..)| *at) {
                None => self.comes_up(device),
                Some((at, _, SimFault::Absent)) => self.at(at.as_micros() as u64, Happening::GivenUp(device)),
                Some((at, ..)) => self.at(at.as_micros() as u64, Happening::ComesUp(device)),
            }
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
                Happening::ComesUp(planned) => self.comes_up(planned),
                Happening::GivenUp(_) => self.scheduler.give_up_device("as planned"),
                Happening::Asks => {
                    self.ask();
                    continue;
                }
                Happening::Rehearses => {
                    self.rehearse();
                    continue;
                }
                Happening::Foresees => {
                    if let Some((forecast, took)) = self.forecast.take() {
                        self.scheduler.foresee(Some(forecast), took);
                    }
                    self.rehearse();
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
            self.rehearse();
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

    /// Begins a rehearsal if one is due, and plans the next.
    fn rehearse(&mut self) {
        let Some(due) = self.scheduler.rehearsal_due() else { return };
        let due = due.as_micros() as u64;
        if due <= self.now {
            let forecast = self.scheduler.rehearsal(self.time()).run();
            let took = ACTION * forecast.actions();
            self.forecast = Some((forecast, took));
            self.at(self.now + took.as_micros() as u64, Happening::Foresees);
        } else if self.rehearses != due {
            self.rehearses = due;
            self.at(due, Happening::Rehearses);
        }
    }

    pub(super) fn at(&mut self, at: u64, happening: Happening) {
        self.order += 1;
        self.agenda.push(Reverse((at, self.order, happening)));
    }

    pub(super) fn time(&self) -> Duration {
        Duration::from_micros(self.now)
    }

    fn seconds(&self) -> f64 {
        self.now as f64 / 1e6
    }

    /// A device of the plan is there; devices are numbered as they come.
    fn comes_up(&mut self, planned: usize) {
        let device = self.scheduler.add_device(self.plan.memory);
        let loaded: Vec<_> = self.plan.loaded.iter().map(|model| Model(*model as u32)).collect();
        loaded.iter().for_each(|model| self.scheduler.set_loaded(device, *model, self.time()));
        for (shape, group) in self.plan.shapes.iter().zip(0..) {
            self.scheduler.set_cost(device, Group(group), shape.cost.clone());
        }
        let faults = self
            .plan
            .faults
            .iter()
            .filter(|(_, of, fault)| *of == planned && !matches!(fault, SimFault::Late | SimFault::Absent));
        let mut faults: Vec<_> = faults.map(|(at, _, fault)| (micros(at.as_secs_f64()), *fault)).collect();
        faults.sort_by_key(|(at, _)| Reverse(*at));
        self.faults.push(faults);
        self.devices.push(SimDevice { loaded, ..SimDevice::default() });
    }

    fn arrives(&mut self, i: usize) {
        let arrival = &self.arrivals[i];
        match self.scheduler.submit(&arrival.submission, self.time()) {
            Ok(key) => {
                self.submitted.insert(key, i);
                self.keys[i] = Some(key);
                self.first_place(i, key);
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

    /// Whoever comes is told where he stands, as the engine does.
    fn first_place(&mut self, arrival: usize, key: RequestKey) {
        if self.plan.asked_every.is_none() || self.scheduler.waiting() > PLACES_AT_ONCE {
            return;
        }
        if let Some(place) = self.scheduler.places(self.time()).into_iter().find(|place| place.request == key) {
            self.outcome.estimates.push(Estimate { arrival, at: self.seconds(), left: place.left, waiting: true });
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
    pub(super) fn turn(&mut self, device: usize) {
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
                    self.watch_gap(device, &action, seconds);
                    self.devices[device].doing = Some((action, seconds));
                    self.at(self.now + micros(seconds), Happening::Done { device, turn });
                    return;
                }
            }
        }
    }
}
