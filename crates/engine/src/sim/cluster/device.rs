//! A device that only knows how long things take, and is strict about what it is told.

use easel_backend::{BackendError, Prepared, Slot};

use super::{
    SimFault,
    run::{Happening, Run, micros},
};
use crate::scheduler::{Action, Group, Member, Model, PartKey, Report};

#[derive(Default)]
pub(super) struct SimDevice {
    /// Counts the turns, so that what was planned for an earlier one is recognised.
    pub turn: u64,
    pub doing: Option<(Action, f64)>,
    pub slots: Slots,
    pub loaded: Vec<Model>,
    pub gone: bool,
    pub next_slot: u32,
    /// Microseconds of the last step, and of the slices since then that were done while something could have been stepped.
    pub last_step: u64,
    pub aside: u64,
    /// Steps since one had to wait for longer than the step before took.
    pub since_long: Option<u32>,
}

/// By slot; few, and new ones have the highest numbers.
#[derive(Default)]
pub(super) struct Slots(pub Vec<(Slot, Holding)>);

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

    pub fn remove(&mut self, slot: Slot) {
        self.0.remove(self.find(slot));
    }
}

pub(super) struct Holding {
    part: PartKey,
    pub group: Group,
    branches: u32,
    done: u32,
    slices: u32,
    prepared: bool,
}

impl Run<'_> {
    pub(super) fn cost(&self, device: usize, action: &Action) -> f64 {
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

    /// Keeps count of how long steps wait for slices.
    pub(super) fn watch_gap(&mut self, device: usize, action: &Action, seconds: f64) {
        let (arrivals, submitted, scheduler) = (self.arrivals, &self.submitted, &self.scheduler);
        // Of a picture that ended meanwhile nothing is due.
        let due = |held: &Holding| {
            let request = scheduler.picture(held.part).map(|(request, _)| request);
            held.prepared && request.is_some_and(|request| held.done < arrivals[submitted[request]].submission.evaluations)
        };
        let this = &mut self.devices[device];
        match action {
            Action::Prepare(..) | Action::Decode(..) | Action::Preview(..) if this.slots.0.iter().any(|(_, held)| due(held)) => {
                this.aside += micros(seconds);
            }
            Action::Step(_) => {
                if this.last_step > 0 {
                    let gap = this.aside as f64 / this.last_step as f64;
                    self.outcome.gap_longest = self.outcome.gap_longest.max(gap);
                    this.since_long = this.since_long.map(|steps| steps + 1);
                    if this.aside > this.last_step {
                        let apart = this.since_long.replace(0);
                        self.outcome.long_gaps_apart = self.outcome.long_gaps_apart.into_iter().chain(apart).min();
                    }
                }
                (this.last_step, this.aside) = (micros(seconds), 0);
            }
            _ => {}
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

    pub(super) fn done(&mut self, device: usize) {
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
            Action::Preview(part, _) => {
                if let Some((request, _)) = self.scheduler.picture(part) {
                    *self.outcome.previews.entry(self.submitted[request]).or_default() += 1;
                }
                Report::Previewed(part)
            }
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
