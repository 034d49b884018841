//! A device as the scheduler sees it: what is on it, and how far its current turn is.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use easel_backend::Slot;

use super::{Action, Cost, Group, Model, PartKey, Stopped, slices::Gap, whole_micros};

/// A model on a device.
#[derive(Clone)]
pub(super) struct Loaded {
    pub model: Model,
    /// When it was last stepped.
    pub used: u64,
}

/// What a device has been told to do and has not reported.
#[derive(Clone)]
pub(super) struct Doing {
    pub action: Action,
    pub began: u64,
    /// How long it is expected to take.
    pub seconds: f64,
    /// Counts what devices have been told.
    pub order: u64,
}

impl Doing {
    /// When it is expected to be done.
    pub fn until(&self) -> u64 {
        self.began + whole_micros(self.seconds)
    }
}

#[derive(Clone)]
pub(super) struct Device {
    pub memory: Option<u64>,
    pub lost: bool,
    pub resident: Vec<Loaded>,
    /// By group; shared with rehearsals until something is learnt.
    pub costs: Vec<Arc<Cost>>,
    /// Measured knees, by group.
    pub knees: Vec<Option<u32>>,
    /// Rows that fit, where running out of memory has taught it, and steps since.
    pub fits: HashMap<Group, (u32, u32)>,
    /// Pictures on it, or being taken in.
    pub parts: Vec<PartKey>,
    pub releases: Vec<Slot>,
    pub unloads: Vec<Model>,
    /// The model to bring in next.
    pub load: Option<Model>,
    /// The model it makes room for: nothing new is taken in until the pictures in the way are done.
    pub switching: Option<Model>,
    /// The model that an operator wants to be brought in.
    pub asked: Option<Model>,
    /// The model that is being brought in.
    pub loading: Option<Model>,
    /// Until then it stays with the models it has, as long as there is something to do for them.
    pub settled: u64,
    /// Models that pinned ones leave no room for.
    pub unfit: Vec<Model>,
    /// Pictures to take in.
    pub bring: VecDeque<PartKey>,
    /// Something has changed since `bring` was decided.
    pub stale: bool,
    /// Taking a picture in ran out of memory: wait until another has left.
    pub full: bool,
    /// What was done since the last step.
    pub gap: Gap,
    /// Running mean of the slices' seconds between two steps, in steps.
    pub slice_share: f64,
    /// The batch of policies that run batches to their end.
    pub batch: Vec<PartKey>,
    /// Of the step that is being done: its rows, and why there are no more.
    pub rows: u32,
    pub stopped: Stopped,
    pub panics: u32,
    pub doing: Option<Doing>,
}

impl Device {
    pub fn new(memory: Option<u64>) -> Self {
        Self {
            memory,
            lost: false,
            resident: Vec::new(),
            costs: Vec::new(),
            knees: Vec::new(),
            fits: HashMap::new(),
            parts: Vec::new(),
            releases: Vec::new(),
            unloads: Vec::new(),
            load: None,
            switching: None,
            asked: None,
            loading: None,
            settled: 0,
            unfit: Vec::new(),
            bring: VecDeque::new(),
            stale: true,
            full: false,
            gap: Gap::default(),
            slice_share: 0.0,
            batch: Vec::new(),
            rows: 0,
            stopped: Stopped::NoOther,
            panics: 0,
            doing: None,
        }
    }

    /// What is known of a shape's costs, to be added to.
    pub fn cost_mut(&mut self, group: Group) -> &mut Cost {
        Arc::make_mut(&mut self.costs[group.0 as usize])
    }

    pub fn has(&self, model: Model) -> bool {
        self.resident.iter().any(|loaded| loaded.model == model)
    }

    pub fn add_resident(&mut self, model: Model, now: u64) {
        if !self.has(model) {
            self.resident.push(Loaded { model, used: now });
        }
        self.stale = true;
    }

    /// A picture has left, wherever it was.
    pub fn forget(&mut self, part: PartKey) {
        self.parts.retain(|other| *other != part);
        self.batch.retain(|other| *other != part);
        self.full = false;
        self.stale = true;
    }
}
