//! One request being drawn: its pictures are admitted, stepped together as far as memory allows, and decoded in slices.
//!
//! Owned by the device's thread. A run is advanced by [`Run::turn`], one backend call's worth of steps at a time, so that a scheduler can
//! put other requests' rows between two turns. What it holds on the device is given back by [`Run::release`], whatever happened.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use easel_backend::{BackendError, DenoiseBackend, Plan, Prepared, Slot, StepRow};
use easel_types::{ModelId, Rgb8};

use crate::{Event, Picture, ticket::Job};

/// Why a run ended without pictures.
#[derive(Debug)]
pub(crate) enum Stop {
    Cancelled,
    Failed(BackendError),
}

impl From<BackendError> for Stop {
    fn from(error: BackendError) -> Self {
        Self::Failed(error)
    }
}

/// How many pictures fit into one call, as far as it is known: running out of memory teaches it.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    rows_max: HashMap<Shape, usize>,
}

/// What decides how much memory a row takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Shape {
    model: ModelId,
    width: u32,
    height: u32,
}

impl Shape {
    fn of(plan: &Plan) -> Self {
        Self { model: plan.model.clone(), width: plan.width, height: plan.height }
    }
}

/// What a turn may use, besides the run itself.
pub(crate) struct Turn<'a, B> {
    pub(crate) backend: &'a mut B,
    pub(crate) memory: &'a mut Memory,
    pub(crate) stopping: &'a dyn Fn() -> bool,
    pub(crate) batch_max: usize,
    pub(crate) now: Duration,
}

/// A picture in the making.
#[derive(Debug)]
struct Active {
    picture: usize,
    slot: Slot,
    row: usize,
}

/// One request's pictures and how far they are.
pub(crate) struct Run {
    job: Job,
    waiting: VecDeque<usize>,
    active: Vec<Active>,
    done: Vec<Option<Rgb8>>,
    steps_done: u32,
    steps_told: u32,
    stepping_since: Option<Duration>,
}

impl Run {
    pub(crate) fn new(job: Job) -> Self {
        let pictures = job.planned.plans.len();
        Self {
            job,
            waiting: (0..pictures).collect(),
            active: Vec::new(),
            done: vec![None; pictures],
            steps_done: 0,
            steps_told: 0,
            stepping_since: None,
        }
    }

    pub(crate) fn job(&self) -> &Job {
        &self.job
    }

    pub(crate) fn model(&self) -> Option<&ModelId> {
        self.job.planned.plans.first().map(|plan| &plan.model)
    }

    /// Admits, steps or decodes a little; true when every picture is there.
    pub(crate) fn turn<B: DenoiseBackend>(&mut self, turn: &mut Turn<'_, B>) -> Result<bool, Stop> {
        self.admit(turn)?;
        if self.active.iter().any(|active| !self.is_stepped(active)) {
            self.stepping_since.get_or_insert(turn.now);
            self.step(turn)?;
        } else {
            self.decode(turn)?;
        }
        Ok(self.waiting.is_empty() && self.active.is_empty())
    }

    /// Gives back what the run holds on the device.
    pub(crate) fn release<B: DenoiseBackend>(&mut self, backend: &mut B) {
        for active in self.active.drain(..) {
            backend.release(active.slot);
        }
    }

    /// The pictures, once [`Run::turn`] has said they are there.
    pub(crate) fn into_pictures(self) -> (Job, Vec<Picture>) {
        let resolved = self.job.planned.resolved.clone();
        let pictures = self.done.into_iter().flatten().zip(resolved).zip(0..);
        let pictures = pictures.map(|((image, resolved), index)| Picture { index, image, resolved }).collect();
        (self.job, pictures)
    }

    fn is_stepped(&self, active: &Active) -> bool {
        active.row >= self.job.planned.plans[active.picture].table.rows.len()
    }

    fn check<B>(&self, turn: &Turn<'_, B>) -> Result<(), Stop> {
        if self.job.is_cancelled() || (turn.stopping)() { Err(Stop::Cancelled) } else { Ok(()) }
    }

    /// Fills the active set up. Memory that is short now may be there once the pictures already admitted are done.
    fn admit<B: DenoiseBackend>(&mut self, turn: &mut Turn<'_, B>) -> Result<(), Stop> {
        while self.active.len() < turn.batch_max.max(1) {
            let Some(&picture) = self.waiting.front() else { break };
            self.check(turn)?;
            match turn.backend.admit(&self.job.planned.plans[picture]) {
                Ok(slot) => {
                    self.waiting.pop_front();
                    self.active.push(Active { picture, slot, row: 0 });
                    while turn.backend.prepare(slot)? == Prepared::More {}
                }
                Err(BackendError::OutOfMemory(_)) if !self.active.is_empty() => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// One row of every picture that has one left, in as few calls as memory allows.
    fn step<B: DenoiseBackend>(&mut self, turn: &mut Turn<'_, B>) -> Result<(), Stop> {
        let due: Vec<usize> = (0..self.active.len()).filter(|&i| !self.is_stepped(&self.active[i])).collect();
        let shape = Shape::of(&self.job.planned.plans[self.active[due[0]].picture]);
        let mut size = turn.memory.rows_max.get(&shape).copied().unwrap_or(usize::MAX).min(due.len());
        let mut at = 0;
        while at < due.len() {
            self.check(turn)?;
            let call = &due[at..due.len().min(at + size)];
            let rows: Vec<_> = call.iter().map(|&i| StepRow { slot: self.active[i].slot, index: self.active[i].row }).collect();
            match turn.backend.step(&rows) {
                Ok(()) => {
                    at += rows.len();
                    for &i in call {
                        self.advance(i);
                    }
                }
                Err(BackendError::OutOfMemory(detail)) if rows.len() > 1 => {
                    size = rows.len() / 2;
                    tracing::warn!(
                        rows = rows.len(),
                        next = size,
                        detail,
                        "out of memory in a step, trying fewer pictures at once"
                    );
                    turn.memory.rows_max.insert(shape.clone(), size);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn advance(&mut self, active: usize) {
        let active = &mut self.active[active];
        let rows = &self.job.planned.plans[active.picture].table.rows;
        let ended = rows[active.row].step;
        active.row += 1;
        // Samplers with two evaluations a step repeat its number: only the last of them counts.
        if rows.get(active.row).is_none_or(|next| next.step != ended) {
            self.steps_done += 1;
        }
    }

    /// Tells how far the request is; at most once per step of its pictures' mean.
    pub(crate) fn tell_steps(&mut self, now: Duration) {
        let pictures = self.job.planned.plans.len() as u32;
        let index = self.steps_done / pictures;
        if index == self.steps_told {
            return;
        }
        self.steps_told = index;
        let seconds = now.saturating_sub(self.stepping_since.unwrap_or(now)).as_secs_f64();
        let rate = if seconds > 0.0 { f64::from(self.steps_done) / seconds } else { 0.0 };
        let total = self.job.planned.plans[0].table.steps();
        self.job.mailbox.push(Event::Step { index, total, rate });
    }

    /// Decodes one slice of the pictures, all of which are stepped.
    fn decode<B: DenoiseBackend>(&mut self, turn: &mut Turn<'_, B>) -> Result<(), Stop> {
        self.check(turn)?;
        let slot = self.active[0].slot;
        let picture = loop {
            if let Some(picture) = turn.backend.decode(slot)? {
                break picture;
            }
        };
        let active = self.active.remove(0);
        turn.backend.release(slot);
        self.done[active.picture] = Some(picture);
        let decoded = self.done.iter().filter(|picture| picture.is_some()).count();
        self.job.mailbox.push(Event::Decoded { index: decoded as u32, total: self.done.len() as u32 });
        Ok(())
    }
}
