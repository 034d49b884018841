//! What an operator does to models in memory, and sees of the devices.

use std::sync::Arc;

use easel_backend::ModelDescription;
use easel_types::ModelId;
use thiserror::Error;

use crate::{DeviceStatus, Engine, State, SubmitError, scheduler::Stays};

/// Why a model is not brought in or put out.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum StaysError {
    /// The engine cannot be asked, or has no such model.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The scheduler says no.
    #[error(transparent)]
    Stays(#[from] Stays),
}

impl Engine {
    /// Every device, as it is now.
    pub fn devices(&self) -> Vec<DeviceStatus> {
        let core = self.core();
        let scheduler = &core.scheduler;
        let devices = core.devices.iter().enumerate().map(|(at, device)| DeviceStatus {
            name: device.name.clone(),
            detail: device.detail.clone(),
            is_up: scheduler.is_up(at),
            models: scheduler.resident(at).into_iter().map(|model| core.model_name(model).clone()).collect(),
            pictures: scheduler.pictures_on(at),
            memory: device.memory,
            weights_max: scheduler.weights_max(at),
        });
        devices.collect()
    }

    /// Has a model brought into memory before somebody asks for it. Returns at once; [`Engine::devices`] shows when it is there.
    pub fn bring_in(&self, id: &ModelId) -> Result<(), StaysError> {
        let model = self.usable(id)?;
        let mut core = self.core();
        let model = core.model(&model, false);
        core.scheduler.bring_in(model)?;
        drop(core);
        self.changed();
        Ok(())
    }

    /// Puts a model out of memory. It stays installed: the next request for it brings it in again.
    pub fn put_away(&self, id: &ModelId) -> Result<(), StaysError> {
        let model = self.usable(id)?;
        let mut core = self.core();
        let model = core.model(&model, false);
        core.scheduler.put_away(model)?;
        core.hear(self.now());
        drop(core);
        self.changed();
        Ok(())
    }

    fn usable(&self, id: &ModelId) -> Result<Arc<ModelDescription>, SubmitError> {
        match self.status().state {
            State::Ready => self.find_model(Some(id)),
            State::Loading => Err(SubmitError::Loading),
            State::Draining | State::Stopped => Err(SubmitError::ShuttingDown),
            State::Failed => Err(SubmitError::Failed),
        }
    }
}
