//! Requests and their pictures.

use easel_backend::Slot;

use super::{
    Group, PartKey, RequestKey,
    line::Standing,
    rank::{Facts, Rank},
};

/// An accepted request.
#[derive(Clone)]
pub(super) struct Request {
    pub parts: Vec<PartKey>,
    /// Pictures that are not decoded yet.
    pub unfinished: usize,
    pub user: Option<u64>,
    /// When its first picture was taken in.
    pub started: Option<u64>,
    pub preview_every: u32,
    pub restarts: u32,
    pub alike: u64,
    pub arrival: u64,
    /// When its time runs out.
    pub limit: Option<u64>,
}

/// Where a picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// In the queue, at this place of it.
    Waiting { at: usize },
    /// A device is taking it in.
    Admitting { device: usize },
    /// On a device, before its first step.
    Preparing { device: usize, slot: Slot },
    /// On a device, to be stepped.
    Ready { device: usize, slot: Slot },
    /// On a device, all steps done.
    Decoding { device: usize, slot: Slot },
    /// Between two of these.
    Nowhere,
}

/// One picture.
#[derive(Clone)]
pub(super) struct Part {
    pub request: RequestKey,
    pub picture: u32,
    pub group: Group,
    pub branches: u32,
    pub evaluations: u32,
    /// Evaluations of one row, `true` at their places.
    pub single: Vec<bool>,
    /// Evaluations done.
    pub done: u32,
    pub place: Where,
    pub user: Option<u64>,
    /// It was in a batch that panicked.
    pub alone: bool,
    /// A preview is due since so many evaluations were done.
    pub preview_since: Option<u32>,
    /// Slices of preparing or decoding so far.
    pub slices: u32,
    /// Device-seconds in a full batch.
    pub work: f64,
    pub before: u64,
    pub step: u64,
    pub after: u64,
    pub facts: Facts,
    /// While it waits.
    pub standing: Option<Standing>,
}

impl Part {
    pub fn is_waiting(&self) -> bool {
        matches!(self.place, Where::Waiting { .. })
    }

    pub fn rank(&self, now: u64, ageing: u64) -> Rank {
        Rank::at(now, ageing, &self.facts_now())
    }

    /// With the work that is left now.
    pub fn facts_now(&self) -> Facts {
        Facts { rest: self.rest(), ..self.facts }
    }

    /// Microseconds of work left, alone on the device.
    pub fn rest(&self) -> u64 {
        let steps = u64::from(self.evaluations - self.done) * self.step + self.after;
        match self.place {
            Where::Ready { .. } | Where::Decoding { .. } => steps,
            _ => steps + self.before,
        }
    }

    /// Rows of its next evaluation.
    pub fn rows(&self) -> u32 {
        if self.single.get(self.done as usize) == Some(&true) { 1 } else { self.branches }
    }

    /// Its tensors, if it has any.
    pub fn slot(&self) -> Option<Slot> {
        match self.place {
            Where::Preparing { slot, .. } | Where::Ready { slot, .. } | Where::Decoding { slot, .. } => Some(slot),
            Where::Waiting { .. } | Where::Admitting { .. } | Where::Nowhere => None,
        }
    }

    /// It has to be done from the beginning.
    pub fn start_again(&mut self) {
        self.done = 0;
        self.slices = 0;
        self.preview_since = None;
    }
}
