//! Models that an operator brings in or puts out by hand.

use thiserror::Error;

use super::{Model, Scheduler};

/// Why a model is not brought in or put out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Stays {
    /// No device can take it.
    #[error("no device can take the model: pinned models leave no room, or its files cannot be read (the log says why)")]
    NoRoom,
    /// Pictures in the making need it.
    #[error("pictures in the making need the model; try again when they are done")]
    InUse,
    /// The configuration keeps it in memory.
    #[error("the configuration keeps the model in memory; change that and restart")]
    Pinned,
}

impl Scheduler {
    /// Has a model brought in where there is the least to do, putting others out for it by the usual rule, without waiting for a request
    /// that wants it. Nothing changes if a device has it or is getting it.
    pub fn bring_in(&mut self, model: Model) -> Result<(), Stays> {
        let up = || self.devices.iter().enumerate().filter(|(_, device)| !device.lost);
        let coming = |wanted: Option<Model>| wanted == Some(model);
        if up().any(|(_, d)| d.has(model) || coming(d.load) || coming(d.loading) || coming(d.switching) || coming(d.asked)) {
            return Ok(());
        }
        if self.models[model.0 as usize].broken.is_some() {
            return Err(Stays::NoRoom);
        }
        let able = up().filter(|(_, device)| device.asked.is_none() && !device.unfit.contains(&model));
        let quietest = able.min_by_key(|(_, device)| device.parts.len()).map(|(i, _)| i).ok_or(Stays::NoRoom)?;
        let device = &mut self.devices[quietest];
        device.asked = Some(model);
        device.stale = true;
        Ok(())
    }

    /// Puts a model out of every device that has it; the next request for it brings it in again.
    pub fn put_away(&mut self, model: Model) -> Result<(), Stays> {
        if self.models[model.0 as usize].pinned {
            return Err(Stays::Pinned);
        }
        let of = |key| self.groups[self.parts[key].group.0 as usize].model == model;
        if self.devices.iter().any(|device| device.loading == Some(model) || device.parts.iter().any(|key| of(*key))) {
            return Err(Stays::InUse);
        }
        for device in 0..self.devices.len() {
            let this = &mut self.devices[device];
            for wanted in [&mut this.asked, &mut this.load, &mut this.switching] {
                *wanted = wanted.filter(|wanted| *wanted != model);
            }
            this.stale = true;
            if this.has(model) {
                self.put_out(device, vec![model]);
            }
        }
        Ok(())
    }

    /// Whether a device can be used.
    pub fn is_up(&self, device: usize) -> bool {
        !self.devices[device].lost
    }

    /// Pictures on a device.
    pub fn pictures_on(&self, device: usize) -> usize {
        self.devices[device].parts.len()
    }

    /// Bytes for weights on a device, where there is a limit.
    pub fn weights_max(&self, device: usize) -> Option<u64> {
        self.devices[device].memory
    }
}
