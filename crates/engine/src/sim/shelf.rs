//! Models that a test installs and removes while the engine runs.

use std::sync::{Arc, Mutex};

use easel_backend::{BackendError, ModelDescription, ModelSource, Result};
use easel_types::ModelId;

use super::{SimConfig, describe, lock};

/// The models; clones see the same.
#[derive(Debug, Clone, Default)]
pub struct Shelf(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    models: Vec<ModelId>,
    broken: Vec<ModelId>,
    gone: Vec<ModelId>,
    looks: u32,
}

impl Shelf {
    /// Installs a model.
    pub fn put(&self, model: &str) {
        let mut contents = lock(&self.0);
        contents.models.push(model.into());
        contents.gone.retain(|id| id.0 != model);
    }

    /// Installs a model that cannot be used.
    pub fn put_broken(&self, model: &str) {
        self.put(model);
        lock(&self.0).broken.push(model.into());
    }

    /// Removes a model, whether it was put here or there from the start.
    pub fn take(&self, model: &str) {
        let mut contents = lock(&self.0);
        contents.models.retain(|id| id.0 != model);
        contents.broken.retain(|id| id.0 != model);
        contents.gone.push(model.into());
    }

    /// How often somebody has looked.
    pub fn looks(&self) -> u32 {
        lock(&self.0).looks
    }
}

pub(super) struct Source {
    pub(super) config: SimConfig,
    pub(super) shelf: Shelf,
}

impl ModelSource for Source {
    fn models(&self) -> Vec<ModelId> {
        let mut contents = lock(&self.shelf.0);
        contents.looks += 1;
        let all = self.config.models.iter().chain(&contents.models);
        all.filter(|id| !contents.gone.contains(id)).cloned().collect()
    }

    fn describe_model(&self, model: &ModelId) -> Result<ModelDescription> {
        if lock(&self.shelf.0).broken.contains(model) {
            return Err(BackendError::BadModel { model: model.clone(), reason: "as planned".to_owned() });
        }
        describe(&self.config, model)
    }
}
