//! [`DenoiseBackend`] over candle: models on one device, and the slots of the pictures in the making.
//!
//! Owned by one thread. Weights are loaded on first use and stay until [`DenoiseBackend::unload`].

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
};

use easel_backend::{
    BackendDescription, BackendError, DenoiseBackend, MemoryUse, ModelDescription, Plan, Prepared, Result, Slot, StepRow,
};
use easel_sampling::Row;
use easel_types::{ModelId, Rgb8};

use crate::{
    ModelError, OpenDevice,
    ops::{Ops, OpsError, candle::CandleOps},
    pipeline::{BatchKey, Description, Pipeline, SlotState, advance},
    prompt::PromptOptions,
    weights::{ModelFiles, folder::open_model},
};

/// Where models are found.
pub trait Catalogue: Send {
    /// The models there are, the default first.
    fn models(&self) -> Vec<ModelId>;
    /// A model's folder or file.
    fn locate(&self, model: &ModelId) -> Option<PathBuf>;
    /// The first ten hex digits of the checkpoint's SHA-256, where it is known.
    fn hash(&self, _model: &ModelId) -> Option<String> {
        None
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

/// How a backend is set up.
pub struct BackendOptions {
    /// The device.
    pub device: OpenDevice,
    /// Where models are found.
    pub catalogue: Box<dyn Catalogue>,
    /// Which variant of weights to prefer (`fp16`).
    pub variant: Option<String>,
    /// How prompts are read.
    pub prompt: PromptOptions,
}

/// Models and slots on one candle device.
pub struct CandleBackend {
    options: BackendOptions,
    ops: Arc<CandleOps>,
    described: HashMap<ModelId, Arc<(ModelFiles, Description)>>,
    loaded: HashMap<ModelId, Pipeline<CandleOps>>,
    slots: BTreeMap<Slot, (ModelId, SlotState<CandleOps>)>,
    next_slot: u32,
}

impl CandleBackend {
    /// An empty backend; nothing is loaded.
    pub fn new(options: BackendOptions) -> Self {
        let ops = Arc::new(CandleOps::on(&options.device));
        Self { options, ops, described: HashMap::new(), loaded: HashMap::new(), slots: BTreeMap::new(), next_slot: 0 }
    }

    fn describe_files(&mut self, model: &ModelId) -> Result<Arc<(ModelFiles, Description)>> {
        if let Some(known) = self.described.get(model) {
            return Ok(known.clone());
        }
        let path = self.options.catalogue.locate(model).ok_or_else(|| BackendError::UnknownModel(model.clone()))?;
        let read = || -> std::result::Result<_, ModelError> {
            let files = open_model(&path, self.options.variant.as_deref())?;
            let description = Description::read(&files)?;
            Ok((files, description))
        };
        let known = Arc::new(read().map_err(|e| bad_model(model, e))?);
        self.described.insert(model.clone(), known.clone());
        Ok(known)
    }

    fn slot(&self, slot: Slot) -> Result<(&Pipeline<CandleOps>, &SlotState<CandleOps>)> {
        let (model, state) = self.slots.get(&slot).ok_or_else(|| unknown_slot(slot))?;
        Ok((self.pipeline(model)?, state))
    }

    fn pipeline(&self, model: &ModelId) -> Result<&Pipeline<CandleOps>> {
        self.loaded.get(model).ok_or_else(|| BackendError::UnknownModel(model.clone()))
    }

    /// Finite latents, or the error that names the slot.
    fn check_finite(&self, slot: Slot) -> Result<()> {
        let (pipeline, state) = self.slot(slot)?;
        let values = pipeline.ops.download(state.latents()).map_err(device_error)?;
        match values.iter().all(|v| v.is_finite()) {
            true => Ok(()),
            false => Err(BackendError::NonFinite(slot)),
        }
    }
}

impl DenoiseBackend for CandleBackend {
    fn describe(&self) -> BackendDescription {
        BackendDescription {
            device: self.options.device.device.to_string(),
            detail: format!("{}, f32", self.options.device.detail),
            models: self.options.catalogue.models(),
            memory: None,
        }
    }

    fn describe_model(&mut self, model: &ModelId) -> Result<ModelDescription> {
        let known = self.describe_files(model)?;
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
            weight_bytes: 0,
            hash: self.options.catalogue.hash(model),
        })
    }

    fn load(&mut self, model: &ModelId) -> Result<()> {
        if self.loaded.contains_key(model) {
            return Ok(());
        }
        let known = self.describe_files(model)?;
        let started = std::time::Instant::now();
        let pipeline = Pipeline::load(self.ops.clone(), &known.0).map_err(|e| load_error(model, e))?;
        tracing::info!(%model, seconds = started.elapsed().as_secs_f64(), "model loaded");
        self.loaded.insert(model.clone(), pipeline);
        Ok(())
    }

    fn unload(&mut self, model: &ModelId) {
        self.slots.retain(|_, (used, _)| used != model);
        self.loaded.remove(model);
        self.described.remove(model);
    }

    fn admit(&mut self, plan: &Plan) -> Result<Slot> {
        self.load(&plan.model)?;
        let state = SlotState::admit(self.pipeline(&plan.model)?, plan, self.options.prompt).map_err(request_error)?;
        let slot = Slot(self.next_slot);
        self.next_slot = self.next_slot.wrapping_add(1);
        self.slots.insert(slot, (plan.model.clone(), state));
        Ok(slot)
    }

    fn prepare(&mut self, _slot: Slot) -> Result<Prepared> {
        Ok(Prepared::Ready)
    }

    fn step(&mut self, rows: &[StepRow]) -> Result<()> {
        let mut groups: BTreeMap<(ModelId, BatchKey), Vec<StepRow>> = BTreeMap::new();
        for row in rows {
            let (model, state) = self.slots.get(&row.slot).ok_or_else(|| unknown_slot(row.slot))?;
            groups.entry((model.clone(), state.batch_key())).or_default().push(*row);
        }
        for ((model, _), group) in groups {
            let pipeline = self.loaded.get(&model).ok_or_else(|| BackendError::UnknownModel(model.clone()))?;
            let mut batch: Vec<(&mut SlotState<CandleOps>, Row)> = Vec::with_capacity(group.len());
            for (slot, (_, state)) in self.slots.iter_mut() {
                let Some(row) = group.iter().find(|row| row.slot == *slot) else { continue };
                let table = state.plan().table.clone();
                let row = table.rows.get(row.index).ok_or_else(|| {
                    BackendError::Unsupported(format!("row {} is beyond the table of {} rows", row.index, table.rows.len()))
                })?;
                batch.push((state, *row));
            }
            advance(pipeline, &mut batch).map_err(request_error)?;
        }
        Ok(())
    }

    fn preview(&mut self, slot: Slot) -> Result<Rgb8> {
        let (pipeline, state) = self.slot(slot)?;
        pipeline.decode(state.latents()).map_err(request_error)
    }

    fn decode(&mut self, slot: Slot) -> Result<Option<Rgb8>> {
        self.check_finite(slot)?;
        let (pipeline, state) = self.slot(slot)?;
        pipeline.decode(state.latents()).map(Some).map_err(request_error)
    }

    fn latents(&mut self, slot: Slot) -> Result<(Vec<f32>, [usize; 3])> {
        let (pipeline, state) = self.slot(slot)?;
        let shape = pipeline.ops.shape(state.latents());
        let values = pipeline.ops.download(state.latents()).map_err(device_error)?;
        Ok((values, [shape[1], shape[2], shape[3]]))
    }

    fn release(&mut self, slot: Slot) {
        self.slots.remove(&slot);
    }

    fn memory(&self) -> MemoryUse {
        MemoryUse::default()
    }
}

fn unknown_slot(slot: Slot) -> BackendError {
    BackendError::Unsupported(format!("slot {} does not exist. This is a bug.", slot.0))
}

fn bad_model(model: &ModelId, error: ModelError) -> BackendError {
    BackendError::BadModel { model: model.clone(), reason: error.to_string() }
}

fn device_error(error: OpsError) -> BackendError {
    request_error(error.into())
}

/// What went wrong while loading: the device's own failures stay what they are, everything else is the model's fault.
fn load_error(model: &ModelId, error: ModelError) -> BackendError {
    match error {
        ModelError::Ops(_) => request_error(error),
        error => bad_model(model, error),
    }
}

/// What went wrong while serving one request.
fn request_error(error: ModelError) -> BackendError {
    match error {
        ModelError::Ops(OpsError::OutOfMemory(reason)) => BackendError::OutOfMemory(reason),
        ModelError::Ops(error) => BackendError::Device(error.to_string()),
        error => BackendError::Unsupported(error.to_string()),
    }
}
