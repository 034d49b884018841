//! The models a backend may be asked for, and what their folders say.
//!
//! Shared between the device's thread and whoever asks for models while it is busy; locks are never held across a file.
//! Invariant: a model is what it was when it was first described. Its files stay mapped while it is in use, so a folder that is replaced
//! does no harm; what would be loaded afresh from a replaced folder is refused, because requests are planned for the old one.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use easel_backend::{BackendError, ModelDescription, ModelSource, Result};
use easel_types::ModelId;

use super::bad_model;
use crate::{
    ModelError,
    pipeline::Description,
    weights::{ModelFiles, OpenOptions, open_model_with},
};

/// Where models are found. Shared by everyone who asks.
pub trait Catalogue: Send + Sync {
    /// The models there are now, the default first.
    fn models(&self) -> Vec<ModelId>;
    /// A model's folder or file.
    fn locate(&self, model: &ModelId) -> Option<PathBuf>;
    /// The first ten hex digits of the checkpoint's SHA-256, where it is known.
    fn hash(&self, _model: &ModelId) -> Option<String> {
        None
    }
    /// Folders with tokenizers, which single-file checkpoints lack.
    fn tokenizer_roots(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// A fixed list of models.
impl Catalogue for Vec<(ModelId, PathBuf)> {
    fn models(&self) -> Vec<ModelId> {
        self.iter().map(|(id, _)| id.clone()).collect()
    }

    fn locate(&self, model: &ModelId) -> Option<PathBuf> {
        self.iter().find(|(id, _)| id == model).map(|(_, path)| path.clone())
    }
}

type Files = Arc<(ModelFiles, Description)>;

/// A catalogue whose models' folders are read once.
pub(super) struct Described {
    catalogue: Box<dyn Catalogue>,
    variant: Option<String>,
    /// Bytes of a weight on the device.
    value_bytes: u64,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    files: HashMap<ModelId, Files>,
    /// The hash each model had when it was first described.
    hashes: HashMap<ModelId, Option<String>>,
}

impl Described {
    pub fn new(catalogue: Box<dyn Catalogue>, variant: Option<String>, value_bytes: u64) -> Self {
        Self { catalogue, variant, value_bytes, known: Mutex::default() }
    }

    /// A model's files and what they say.
    pub fn files(&self, model: &ModelId) -> Result<Files> {
        if let Some(known) = self.known().files.get(model) {
            return Ok(known.clone());
        }
        let path = self.catalogue.locate(model).ok_or_else(|| BackendError::UnknownModel(model.clone()))?;
        let hash = self.unchanged_hash(model)?;
        let read = || -> std::result::Result<_, ModelError> {
            let options = OpenOptions { variant: self.variant.clone(), roots: self.catalogue.tokenizer_roots() };
            let files = open_model_with(&path, &options)?;
            let description = Description::read(&files)?;
            Ok((files, description))
        };
        let files = Arc::new(read().map_err(|e| bad_model(model, e))?);
        let mut known = self.known();
        known.hashes.insert(model.clone(), hash);
        // Whoever was first at the same time counts.
        Ok(known.files.entry(model.clone()).or_insert(files).clone())
    }

    /// The model's hash, which must be the one it had when it was first described.
    fn unchanged_hash(&self, model: &ModelId) -> Result<Option<String>> {
        let hash = self.catalogue.hash(model);
        match self.known().hashes.get(model) {
            Some(first) if *first != hash => {
                let reason = "its files were replaced while the server ran; restart the server to use the new ones".to_owned();
                Err(BackendError::BadModel { model: model.clone(), reason })
            }
            _ => Ok(hash),
        }
    }

    /// What planning needs of a model.
    pub fn describe(&self, model: &ModelId) -> Result<ModelDescription> {
        let known = self.files(model)?;
        let description = &known.1;
        Ok(ModelDescription {
            id: model.clone(),
            family: description.family.name().to_owned(),
            training: description.training.clone(),
            sampler: description.sampler.clone(),
            width: description.width,
            height: description.height,
            num_inference_steps: description.num_inference_steps,
            guidance_scale: description.guidance_scale,
            size_multiple: description.scale,
            has_mask_channels: description.has_mask_channels,
            embeds_guidance: description.embeds_guidance,
            weight_bytes: description.weight_count * self.value_bytes,
            hash: self.known().hashes.get(model).cloned().flatten(),
        })
    }

    /// Lets go of a model's files.
    pub fn forget(&self, model: &ModelId) {
        self.known().files.remove(model);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ModelSource for Described {
    fn models(&self) -> Vec<ModelId> {
        self.catalogue.models()
    }

    fn describe_model(&self, model: &ModelId) -> Result<ModelDescription> {
        // A model that went and came back as another one under the same name.
        self.unchanged_hash(model)?;
        self.describe(model)
    }
}
