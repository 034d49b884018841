//! The devices, models and shapes there are, and what is known of them.

use std::{sync::Arc, time::Duration};

use easel_backend::BackendError;

use super::{Cost, Curve, Failure, Group, Mean, Model, Scheduler, device::Device, micros};

#[derive(Clone)]
pub(super) struct ModelInfo {
    pub bytes: u64,
    pub load: Mean,
    pub pinned: bool,
    /// Why it cannot be loaded anywhere.
    pub broken: Option<BackendError>,
}

#[derive(Clone)]
pub(super) struct GroupInfo {
    pub model: Model,
    pub pixels: u64,
    /// What those are ranked by who wait for it.
    pub prices: Option<Arc<Cost>>,
}

/// A second for a megapixel: wrong by a lot, but measured after the first step.
fn guess(pixels: u64) -> Curve {
    Curve::linear(0.0, pixels as f64 / 1e6, 2)
}

impl Scheduler {
    /// So many devices are being brought up: each is to be added or given up. What has been accepted waits for them, even if every
    /// device that is there is lost meanwhile.
    pub fn expect_devices(&mut self, devices: usize) {
        self.coming += devices;
    }

    /// A device that was expected will not come. With the last of them go all requests.
    pub fn give_up_device(&mut self, reason: &str) {
        self.coming = self.coming.saturating_sub(1);
        if !self.has_future() {
            self.fail_all(&Failure::Backend(BackendError::Device(reason.to_owned())));
        }
    }

    /// A device with `memory` bytes for weights; its number.
    pub fn add_device(&mut self, memory: Option<u64>) -> usize {
        self.coming = self.coming.saturating_sub(1);
        self.surprise();
        let mut device = Device::new(memory);
        // What the first device has been measured to do is the best guess for another.
        let known = self.devices.first().map(|first| first.costs.clone());
        device.costs =
            known.unwrap_or_else(|| self.groups.iter().map(|group| Arc::new(Cost::guess(guess(group.pixels)))).collect());
        device.knees = vec![None; self.groups.len()];
        self.devices.push(device);
        self.devices.len() - 1
    }

    /// A device that was lost is there again, with nothing on it.
    pub fn restore_device(&mut self, device: usize) {
        let old = &mut self.devices[device];
        let mut new = Device::new(old.memory);
        new.costs = std::mem::take(&mut old.costs);
        new.knees = std::mem::take(&mut old.knees);
        *old = new;
        self.surprise();
    }

    /// A model that takes `bytes` on a device and about `load` seconds to bring in.
    pub fn add_model(&mut self, bytes: u64, load: f64, pinned: bool) -> Model {
        self.models.push(ModelInfo { bytes, load: Mean::guess(load), pinned, broken: None });
        Model(self.models.len() as u32 - 1)
    }

    /// A shape of a model's pictures. Until [`Scheduler::set_cost`] its costs are guessed from the model's other shapes.
    pub fn add_group(&mut self, model: Model, width: u32, height: u32) -> Group {
        let pixels = u64::from(width) * u64::from(height);
        let like = self.groups.iter().position(|known| known.model == model);
        let factor = like.map_or(1.0, |known| pixels as f64 / self.groups[known].pixels as f64);
        let group = Group(self.groups.len() as u32);
        self.groups.push(GroupInfo { model, pixels, prices: None });
        for device in &mut self.devices {
            let curve = match like {
                Some(known) => device.costs[known].step.scaled(factor),
                None => guess(pixels),
            };
            device.costs.push(Arc::new(Cost::guess(curve)));
            device.knees.push(None);
        }
        group
    }

    /// What is known of a shape's costs on a device; the knee of the curve becomes the cap of its batches.
    pub fn set_cost(&mut self, device: usize, group: Group, cost: Cost) {
        let at = group.0 as usize;
        self.devices[device].knees[at] = Some(cost.step.knee());
        self.devices[device].costs[at] = Arc::new(cost);
    }

    /// What is known of a shape's costs on a device.
    pub fn cost(&self, device: usize, group: Group) -> &Cost {
        &self.devices[device].costs[group.0 as usize]
    }

    /// Rows beyond which a larger batch of this shape is no faster on a device.
    pub fn knee(&self, device: usize, group: Group) -> u32 {
        self.limit(device, group).knee
    }

    /// A model that a device has already.
    pub fn set_loaded(&mut self, device: usize, model: Model, now: Duration) {
        self.devices[device].add_resident(model, micros(now));
    }

    /// Models on a device.
    pub fn resident(&self, device: usize) -> Vec<Model> {
        self.devices[device].resident.iter().map(|r| r.model).collect()
    }
}
