//! What is driven: modelled devices in virtual time, or (`real.rs`) the built-in model in real time.

use easel_engine::{
    scheduler::Rules,
    sim::cluster::{Arrival, SimCluster, SimModel, SimShape, Story},
};

use crate::mix::{Kind, Mix};

/// Something that serves requests. Everything that measures goes through this.
pub trait Target: Sync {
    /// What it is, for the report.
    fn name(&self) -> String;

    /// In virtual time.
    fn simulated(&self) -> bool;

    /// The number of a kind's shape, for submissions; `None` if it cannot serve it.
    fn place(&self, kind: &Kind) -> Option<usize>;

    /// Seconds that a kind takes alone.
    fn solo(&self, kind: &Kind) -> f64;

    /// Device-seconds of a kind in full batches, and the rows of these.
    fn work(&self, kind: &Kind) -> (f64, u32);

    /// Serves all of it, telling each story as it ends (with its place among the arrivals) until told to stop.
    fn serve(&self, rules: &Rules, traffic: &[Arrival], watch: &mut dyn FnMut(usize, &Story) -> bool);

    /// The same in virtual time, from what its costs were found to be: where static batches are tuned and searches begin.
    fn rehearsal(&self) -> Option<Simulated> {
        None
    }

    /// Whether it can serve all of a mix.
    fn serves(&self, mix: &Mix) -> bool {
        mix.kinds.iter().all(|kind| self.place(kind).is_some())
    }
}

/// The real scheduler over modelled devices, in virtual time.
pub struct Simulated {
    /// What they are.
    pub name: String,
    /// How many there are.
    pub devices: usize,
    /// Bytes for weights on each; `None` is enough for all.
    pub memory: Option<u64>,
    /// Models.
    pub models: Vec<SimModel>,
    /// Sizes of all models.
    pub shapes: Vec<SimShape>,
    /// The model in mixes and the side of each of these.
    pub places: Vec<(String, u32)>,
}

impl Simulated {
    fn shape(&self, kind: &Kind) -> &SimShape {
        &self.shapes[self.place(kind).unwrap_or_default()]
    }
}

impl Target for Simulated {
    fn name(&self) -> String {
        format!("{} x {}, simulated", self.devices, self.name)
    }

    fn simulated(&self) -> bool {
        true
    }

    fn place(&self, kind: &Kind) -> Option<usize> {
        self.places.iter().position(|(model, side)| model == kind.model && *side == kind.side)
    }

    fn solo(&self, kind: &Kind) -> f64 {
        self.shape(kind).cost.solo(1 + u32::from(kind.guidance), kind.steps)
    }

    fn work(&self, kind: &Kind) -> (f64, u32) {
        let cost = &self.shape(kind).cost;
        let knee = cost.step.knee();
        (cost.work(1 + u32::from(kind.guidance), kind.steps, knee) / self.devices as f64, knee)
    }

    fn serve(&self, rules: &Rules, traffic: &[Arrival], watch: &mut dyn FnMut(usize, &Story) -> bool) {
        let cluster = SimCluster {
            rules: rules.clone(),
            devices: self.devices,
            memory: self.memory,
            loaded: (0..self.models.len()).collect(),
            models: self.models.clone(),
            shapes: self.shapes.clone(),
            faults: Vec::new(),
            checked: false,
            asked_every: None,
        };
        cluster.run_watched(traffic, watch);
    }
}
