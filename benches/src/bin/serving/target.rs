//! What is driven: modelled devices in virtual time, or (`real.rs`) the built-in model in real time.

use easel_engine::{
    scheduler::Rules,
    sim::cluster::{Arrival, SimCluster, Story},
};

use crate::{
    curves::Device,
    mix::{Kind, Mix},
};

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

    /// Whether it can serve all of a mix.
    fn serves(&self, mix: &Mix) -> bool {
        mix.kinds.iter().all(|kind| self.place(kind).is_some())
    }
}

/// The real scheduler over modelled devices, in virtual time.
pub struct Simulated {
    /// What one of them takes.
    pub device: Device,
    /// How many there are.
    pub devices: usize,
}

impl Target for Simulated {
    fn name(&self) -> String {
        format!("{} x {}, simulated", self.devices, self.device.name)
    }

    fn simulated(&self) -> bool {
        true
    }

    fn place(&self, kind: &Kind) -> Option<usize> {
        self.device.find(kind.model, kind.side)
    }

    fn solo(&self, kind: &Kind) -> f64 {
        let shape = &self.device.shapes()[self.place(kind).unwrap_or_default()];
        shape.cost.solo(1 + u32::from(kind.guidance), kind.steps)
    }

    fn work(&self, kind: &Kind) -> (f64, u32) {
        let shape = &self.device.shapes()[self.place(kind).unwrap_or_default()];
        let knee = shape.cost.step.knee();
        (shape.cost.work(1 + u32::from(kind.guidance), kind.steps, knee) / self.devices as f64, knee)
    }

    fn serve(&self, rules: &Rules, traffic: &[Arrival], watch: &mut dyn FnMut(usize, &Story) -> bool) {
        let models = self.device.models();
        let cluster = SimCluster {
            rules: rules.clone(),
            devices: self.devices,
            memory: Some((self.device.memory_gb * 1e9) as u64),
            loaded: (0..models.len()).collect(),
            models,
            shapes: self.device.shapes(),
            faults: Vec::new(),
            checked: false,
            asked_every: None,
        };
        cluster.run_watched(traffic, watch);
    }
}
