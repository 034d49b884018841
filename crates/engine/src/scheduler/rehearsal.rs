//! What will happen if nobody comes any more: a copy of the scheduler goes through it in virtual time, and every action takes what it is
//! expected to take. The copy decides with the code that decides in earnest, so a forecast is wrong only about what nobody can know.
//!
//! Left out: failures, and pictures far back in the line.

use std::time::Duration;

use easel_backend::{Prepared, Slot};
use slotmap::SecondaryMap;

use super::{
    Action, Effect, Group, PartKey, Report, RequestKey, Scheduler,
    device::{Device, Doing},
    forecast::Forecast,
    work::{Part, Request},
};

/// Waiting pictures that are rehearsed, the first in line: the end of those behind them is far away.
const WAITING_MAX: usize = 1024;
/// A rehearsal ends after so many actions, whatever there is left.
const ACTIONS_MAX: u32 = 50_000;

/// A copy of a scheduler, ready to be gone through.
pub struct Rehearsal {
    stage: Scheduler,
    /// Requests of the copy in earnest.
    names: SecondaryMap<RequestKey, RequestKey>,
    /// When each device of the copy is to be asked next, and in which order those that are due together are.
    due: Vec<Option<(u64, u64)>>,
    forecast: Forecast,
    next_slot: u32,
}

impl Rehearsal {
    pub(super) fn new(earnest: &Scheduler, now: u64) -> Self {
        let mut names = SecondaryMap::new();
        let mut stage = earnest.copy(&mut names);
        stage.now = now;
        let due = stage.devices.iter().map(|device| device.doing.as_ref().map(|doing| (doing.until().max(now), doing.order)));
        let due = due.collect();
        Self { stage, names, due, forecast: Forecast::new(now), next_slot: u32::MAX / 2 }
    }

    /// Goes through it to the end.
    pub fn run(mut self) -> Forecast {
        self.ask_idle(self.stage.now);
        while self.forecast.actions() < ACTIONS_MAX {
            let due = self.due.iter().enumerate().filter_map(|(device, due)| Some(((*due)?, device)));
            let Some(((at, _), device)) = due.min() else { break };
            self.due[device] = None;
            self.perform(device, at);
            self.forecast.acted();
        }
        self.forecast
    }

    /// Everything that is not busy, in order.
    fn ask_idle(&mut self, now: u64) {
        for device in 0..self.due.len() {
            if self.stage.devices[device].doing.is_none() {
                self.ask(device, now);
            }
        }
        self.hear(now);
    }

    fn ask(&mut self, device: usize, now: u64) {
        self.due[device] = loop {
            match self.stage.next(device, Duration::from_micros(now)) {
                Action::Release(_) | Action::Unload(_) => {}
                Action::Wait(until) => break until.map(|until| (super::micros(until).max(now + 1), self.stage.turns)),
                Action::Exit => break None,
                _ => break self.stage.devices[device].doing.as_ref().map(|doing| (doing.until(), doing.order)),
            }
        };
    }

    /// What a device was doing is done, or it has waited long enough.
    fn perform(&mut self, device: usize, now: u64) {
        if let Some(Doing { action, seconds, .. }) = self.stage.devices[device].doing.take() {
            let unfinished = self.stage.backlog;
            let report = self.outcome(device, action);
            self.stage.report(device, report, seconds, Duration::from_micros(now));
            self.forecast.drained(now, unfinished - self.stage.backlog);
            self.ask(device, now);
        }
        self.hear(now);
        self.ask_idle(now);
    }

    /// Nothing goes wrong.
    fn outcome(&mut self, device: usize, action: Action) -> Report {
        let last = |key: PartKey, decoding: bool| {
            self.stage.parts.get(key).is_none_or(|part| {
                let cost = self.stage.cost(device, part.group);
                let slices = if decoding { cost.decode_slices } else { cost.prepare_slices };
                f64::from(part.slices + 1) >= slices.seconds().round()
            })
        };
        match action {
            Action::Load(model) => Report::Loaded(model, Ok(())),
            Action::Admit(key) => {
                self.next_slot += 1;
                Report::Admitted(key, Ok(Slot(self.next_slot)))
            }
            Action::Prepare(key, _) => Report::Prepared(key, Ok(if last(key, false) { Prepared::Ready } else { Prepared::More })),
            Action::Decode(key, _) => Report::Decoded(key, Ok(last(key, true))),
            Action::Preview(key, _) => Report::Previewed(key),
            Action::Step(members) => Report::Stepped(members, Ok(())),
            Action::Release(_) | Action::Unload(_) | Action::Wait(_) | Action::Exit => unreachable!("these need no report"),
        }
    }

    fn hear(&mut self, now: u64) {
        for effect in self.stage.take_effects() {
            match effect {
                Effect::Started(key) => self.forecast.starts(self.names[key], now),
                Effect::Finished(key) | Effect::Failed(key, _) | Effect::Cancelled(key) => {
                    self.forecast.ends(self.names[key], now)
                }
                _ => {}
            }
        }
    }
}

impl Scheduler {
    /// A copy without mailboxes, with what is on the devices and the first in line; `names` says which of its requests is which.
    fn copy(&self, names: &mut SecondaryMap<RequestKey, RequestKey>) -> Self {
        let mut copy = Self {
            models: self.models.clone(),
            groups: self.groups.clone(),
            backlog: self.backlog,
            serial: self.serial,
            turns: self.turns,
            now: self.now,
            draining: self.draining,
            rehearsing: true,
            foretelling: false,
            ..Self::new(self.rules.clone())
        };
        let mut keys: Vec<PartKey> = self.devices.iter().flat_map(|device| device.parts.iter().copied()).collect();
        keys.extend(self.first_waiting());
        keys.sort_unstable_by_key(|key| self.parts[*key].facts.serial);
        let (mut parts, mut requests) = (SecondaryMap::new(), SecondaryMap::new());
        for key in keys {
            let part = &self.parts[key];
            let request = requests.get(part.request).copied().unwrap_or_else(|| {
                // Pictures that are left out keep it from being finished, so that no wrong end is told.
                let request = copy.requests.insert(Request { parts: Vec::new(), ..self.requests[part.request].clone() });
                requests.insert(part.request, request);
                names.insert(request, part.request);
                copy.waiting_requests += usize::from(self.requests[part.request].started.is_none());
                if let Some(user) = part.user {
                    copy.users.entry(user).or_default().requests += 1;
                }
                request
            });
            let waits = part.is_waiting();
            let new = copy.parts.insert(Part { request, standing: None, ..part.clone() });
            parts.insert(key, new);
            copy.requests[request].parts.push(new);
            if let Some(user) = part.user {
                copy.users.entry(user).or_default().parts.push_back(new);
            }
            if waits {
                copy.put_waiting(new);
            }
        }
        let known = |key: &PartKey| parts.get(*key).copied();
        copy.devices = self.devices.iter().map(|device| device.renamed(known)).collect();
        let limits = self.limits.iter().filter_map(|limit| Some((limit.0.0, *requests.get(limit.0.1)?)));
        copy.limits = limits.map(std::cmp::Reverse).collect();
        copy
    }

    /// The waiting pictures that are rehearsed.
    fn first_waiting(&self) -> impl Iterator<Item = PartKey> {
        let lines = (0..self.groups.len() as u32).flat_map(|group| self.line(Group(group)).take(WAITING_MAX));
        let mut first: Vec<_> = lines.collect();
        if first.len() > WAITING_MAX {
            first.select_nth_unstable(WAITING_MAX);
            first.truncate(WAITING_MAX);
        }
        first.into_iter().map(|(_, key)| key)
    }

    /// Seconds that an action is expected to take.
    pub(super) fn expected(&self, device: usize, action: &Action) -> f64 {
        let cost = |key: &PartKey| self.parts.get(*key).map(|part| self.cost(device, part.group));
        let seconds = match action {
            Action::Load(model) => Some(self.models[model.0 as usize].load.seconds()),
            Action::Prepare(key, _) => cost(key).map(|cost| cost.prepare_slice.seconds()),
            Action::Decode(key, _) => cost(key).map(|cost| cost.decode_slice.seconds()),
            Action::Preview(key, _) => cost(key).map(|cost| cost.preview.seconds()),
            Action::Step(members) => members.first().and_then(|first| {
                let rows = members.iter().map(|member| self.parts[member.part].rows()).sum();
                Some(cost(&first.part)?.step.seconds(rows))
            }),
            // Quick, and not measured.
            Action::Admit(_) | Action::Release(_) | Action::Unload(_) | Action::Wait(_) | Action::Exit => None,
        };
        seconds.unwrap_or(0.0)
    }
}

impl Device {
    /// The same with other names for pictures; those without one are forgotten.
    fn renamed(&self, known: impl Fn(&PartKey) -> Option<PartKey>) -> Self {
        let doing = self.doing.clone().map(|doing| Doing { action: doing.action.renamed(&known), ..doing });
        Self {
            parts: self.parts.iter().filter_map(&known).collect(),
            bring: self.bring.iter().filter_map(&known).collect(),
            batch: self.batch.iter().filter_map(&known).collect(),
            doing,
            ..self.clone()
        }
    }
}

impl Action {
    /// What ended while it was worked on gets a name that nothing has.
    fn renamed(self, known: impl Fn(&PartKey) -> Option<PartKey>) -> Self {
        let name = |key: PartKey| known(&key).unwrap_or_default();
        match self {
            Self::Admit(key) => Self::Admit(name(key)),
            Self::Prepare(key, slot) => Self::Prepare(name(key), slot),
            Self::Preview(key, slot) => Self::Preview(name(key), slot),
            Self::Decode(key, slot) => Self::Decode(name(key), slot),
            Self::Step(mut members) => {
                members.iter_mut().for_each(|member| member.part = name(member.part));
                Self::Step(members)
            }
            other => other,
        }
    }
}
