//! A backend that passes everything on and keeps what the command line wants to know besides: latents, and why a model would not load.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use easel_backend::{
    BackendDescription, BackendError, DenoiseBackend, MemoryUse, ModelDescription, ModelSource, Plan, Prepared, Result, Slot,
    StepRow,
};
use easel_types::{ModelId, Rgb8};

/// A picture's latents, (channels, height, width).
#[derive(Debug, Clone, PartialEq)]
pub struct Latents {
    /// The numbers, row by row.
    pub values: Vec<f32>,
    /// Channels, height, width.
    pub shape: [usize; 3],
}

/// What was kept. Clones see the same.
#[derive(Debug, Clone, Default)]
pub struct Kept(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    latents: BTreeMap<Slot, Latents>,
    load_error: Option<BackendError>,
}

impl Kept {
    /// The latents of every picture that was decoded, in the order of admission.
    pub fn take_latents(&self) -> Vec<Latents> {
        std::mem::take(&mut self.lock().latents).into_values().collect()
    }

    /// Why a model would not load.
    pub fn load_error(&self) -> Option<BackendError> {
        self.lock().load_error.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The backend.
pub struct Tap<B> {
    inner: B,
    kept: Kept,
    keep_latents: bool,
}

impl<B> Tap<B> {
    /// Passes on to `inner`. Keeping latents costs a copy from the device for each picture.
    pub fn new(inner: B, kept: Kept, keep_latents: bool) -> Self {
        Self { inner, kept, keep_latents }
    }

    fn note<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            self.kept.lock().load_error = Some(error.clone());
        }
        result
    }
}

impl<B: DenoiseBackend> DenoiseBackend for Tap<B> {
    fn describe(&self) -> BackendDescription {
        self.inner.describe()
    }

    fn describe_model(&mut self, model: &ModelId) -> Result<ModelDescription> {
        let result = self.inner.describe_model(model);
        self.note(result)
    }

    fn source(&self) -> Option<Arc<dyn ModelSource>> {
        self.inner.source()
    }

    fn load(&mut self, model: &ModelId) -> Result<()> {
        let result = self.inner.load(model);
        self.note(result)
    }

    fn unload(&mut self, model: &ModelId) {
        self.inner.unload(model);
    }

    fn admit(&mut self, plan: &Plan) -> Result<Slot> {
        self.inner.admit(plan)
    }

    fn prepare(&mut self, slot: Slot) -> Result<Prepared> {
        self.inner.prepare(slot)
    }

    fn step(&mut self, rows: &[StepRow]) -> Result<()> {
        self.inner.step(rows)
    }

    fn preview(&mut self, slot: Slot) -> Result<Rgb8> {
        self.inner.preview(slot)
    }

    fn decode(&mut self, slot: Slot) -> Result<Option<Rgb8>> {
        if self.keep_latents && !self.kept.lock().latents.contains_key(&slot) {
            let (values, shape) = self.inner.latents(slot)?;
            self.kept.lock().latents.insert(slot, Latents { values, shape });
        }
        self.inner.decode(slot)
    }

    fn latents(&mut self, slot: Slot) -> Result<(Vec<f32>, [usize; 3])> {
        self.inner.latents(slot)
    }

    fn release(&mut self, slot: Slot) {
        self.inner.release(slot);
    }

    fn memory(&self) -> MemoryUse {
        self.inner.memory()
    }
}
