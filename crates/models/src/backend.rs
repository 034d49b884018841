//! [`DenoiseBackend`] over [`Ops`]: models on one device, and the slots of the pictures in the making.
//!
//! Owned by one thread. Weights are loaded on first use and stay until [`DenoiseBackend::unload`]. What takes long is done in slices
//! ([`DenoiseBackend::prepare`], [`DenoiseBackend::decode`]); what lies between two slices is in the slot.

mod catalogue;
mod kinds;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use easel_backend::{
    BackendDescription, BackendError, DenoiseBackend, MemoryUse, ModelDescription, ModelSource, Plan, Prepared, Result, Slot,
    StepRow,
};
use easel_types::{ModelId, Rgb8};

pub use catalogue::Catalogue;
pub use kinds::{CandleBackend, CpuBackend, CpuBf16Backend, open};
#[cfg(any(feature = "cuda", feature = "emulator"))]
pub use kinds::{CudaBackend, on_card};

use crate::{
    ModelError, OpenDevice,
    adapters::{Shelf, Wardrobe},
    ops::{Ops, OpsError},
    pipeline::{BatchKey, CacheCounts, Pipeline, SlotState, Stores, TextCache, commit, draw, evaluate},
    prompt::PromptOptions,
};
use catalogue::Described;

/// Bytes for encoded prompts where nobody says otherwise: hundreds of SDXL's, more than a thousand of SD 1.5's smaller relatives.
pub const TEXT_CACHE_BYTES: u64 = 64 << 20;

/// Bytes for LoRAs where nobody says otherwise: a few of SDXL's, dozens of SD 1.5's.
pub const LORA_BYTES: u64 = 1 << 30;

/// Bytes for ControlNets where nobody says otherwise: two of SD 1.5's in f32, one of SDXL's in bf16.
pub const CONTROL_BYTES: u64 = 3 << 30;

/// Where LoRAs, embeddings and ControlNets are found, and how many are kept.
#[derive(Debug, Clone)]
pub struct AdapterOptions {
    /// Their folders.
    pub shelf: Shelf,
    /// Bytes for LoRAs on the device that are kept for later requests; 0 keeps none.
    pub bytes: u64,
    /// Bytes for ControlNets.
    pub control_bytes: u64,
}

impl Default for AdapterOptions {
    fn default() -> Self {
        Self { shelf: Shelf::default(), bytes: LORA_BYTES, control_bytes: CONTROL_BYTES }
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
    /// Bytes for encoded prompts that are kept for later requests, [`TEXT_CACHE_BYTES`] by default; 0 keeps none.
    pub text_cache_bytes: u64,
    /// LoRAs and embeddings.
    pub adapters: AdapterOptions,
}

/// Models and slots on one device.
pub struct ModelBackend<O: Ops> {
    device: OpenDevice,
    prompt: PromptOptions,
    ops: Arc<O>,
    models: Arc<Described>,
    loaded: HashMap<ModelId, Pipeline<O>>,
    slots: BTreeMap<Slot, (ModelId, SlotState<O>)>,
    next_slot: u32,
    texts: TextCache<O::Tensor>,
    wardrobe: Wardrobe<O>,
    shelf: Shelf,
}

impl<O: Ops> ModelBackend<O> {
    /// An empty backend over operations that have been set up.
    pub fn with(ops: Arc<O>, options: BackendOptions) -> Self {
        let BackendOptions { device, catalogue, variant, prompt, text_cache_bytes, adapters } = options;
        let models = Arc::new(Described::new(catalogue, variant, ops.value_bytes() as u64));
        let texts = TextCache::new(text_cache_bytes);
        let (wardrobe, shelf) = (Wardrobe::new(adapters.bytes, adapters.control_bytes), adapters.shelf);
        let (loaded, slots) = (HashMap::new(), BTreeMap::new());
        Self { device, prompt, ops, models, loaded, slots, next_slot: 0, texts, wardrobe, shelf }
    }

    /// How the encoded prompts are doing.
    pub fn text_cache(&self) -> CacheCounts {
        self.texts.counts()
    }

    /// How the LoRAs are doing.
    pub fn lora_cache(&self) -> CacheCounts {
        self.wardrobe.counts()
    }

    fn slot(&self, slot: Slot) -> Result<(&Pipeline<O>, &SlotState<O>)> {
        let (model, state) = self.slots.get(&slot).ok_or_else(|| unknown_slot(slot))?;
        Ok((loaded(&self.loaded, model)?, state))
    }

    /// The latents in logical order.
    fn download(&self, slot: Slot) -> Result<(Vec<f32>, Vec<usize>)> {
        let (pipeline, state) = self.slot(slot)?;
        let latents = state.latents().map_err(request_error)?;
        Ok((pipeline.ops.download(latents).map_err(device_error)?, pipeline.ops.shape(latents)))
    }

    /// The rows by what may share a call of the denoiser; every slot exists, is prepared and is named once.
    fn groups(&self, rows: &[StepRow]) -> Result<Vec<(ModelId, Vec<StepRow>)>> {
        let mut groups: BTreeMap<(ModelId, BatchKey), Vec<StepRow>> = BTreeMap::new();
        let mut named = BTreeSet::new();
        for row in rows {
            let (model, state) = self.slots.get(&row.slot).ok_or_else(|| unknown_slot(row.slot))?;
            if !named.insert(row.slot) {
                return Err(BackendError::Unsupported(format!("slot {} is named twice in one step. This is a bug.", row.slot.0)));
            }
            groups.entry((model.clone(), state.batch_key().map_err(request_error)?)).or_default().push(*row);
        }
        Ok(groups.into_iter().map(|((model, _), rows)| (model, rows)).collect())
    }
}

impl<O: Ops> DenoiseBackend for ModelBackend<O> {
    fn describe(&self) -> BackendDescription {
        BackendDescription {
            device: self.device.device.to_string(),
            detail: format!("{}, {}", self.device.detail, self.device.precision),
            models: self.models.models(),
            memory: self.device.memory(),
        }
    }

    fn describe_model(&mut self, model: &ModelId) -> Result<ModelDescription> {
        self.models.describe(model)
    }

    fn source(&self) -> Option<Arc<dyn ModelSource>> {
        Some(self.models.clone())
    }

    fn load(&mut self, model: &ModelId) -> Result<()> {
        if self.loaded.contains_key(model) {
            return Ok(());
        }
        let known = self.models.files(model)?;
        let started = std::time::Instant::now();
        let pipeline = Pipeline::load(self.ops.clone(), &known.0).map_err(|e| load_error(model, e))?;
        tracing::info!(%model, seconds = started.elapsed().as_secs_f64(), "model loaded");
        self.loaded.insert(model.clone(), pipeline);
        Ok(())
    }

    fn unload(&mut self, model: &ModelId) {
        self.slots.retain(|_, (used, _)| used != model);
        self.loaded.remove(model);
        self.models.forget(model);
        self.texts.drop_model(model);
        self.wardrobe.drop_model(model);
    }

    fn admit(&mut self, plan: &Plan) -> Result<Slot> {
        self.load(&plan.model)?;
        let state = SlotState::admit(loaded(&self.loaded, &plan.model)?, plan).map_err(request_error)?;
        let slot = Slot(self.next_slot);
        self.next_slot = self.next_slot.wrapping_add(1);
        self.slots.insert(slot, (plan.model.clone(), state));
        Ok(slot)
    }

    fn prepare(&mut self, slot: Slot) -> Result<Prepared> {
        let (model, state) = self.slots.get_mut(&slot).ok_or_else(|| unknown_slot(slot))?;
        let pipeline = loaded(&self.loaded, model)?;
        let (texts, wardrobe) = (&mut self.texts, &mut self.wardrobe);
        let mut stores = Stores { options: self.prompt, texts, wardrobe, shelf: &self.shelf };
        match state.prepare(pipeline, &mut stores).map_err(request_error)? {
            true => Ok(Prepared::Ready),
            false => Ok(Prepared::More),
        }
    }

    fn step(&mut self, rows: &[StepRow]) -> Result<()> {
        let groups = self.groups(rows)?;
        for row in rows {
            let (_, state) = self.slots.get_mut(&row.slot).ok_or_else(|| unknown_slot(row.slot))?;
            draw(state, row.index).map_err(request_error)?;
        }
        // All groups are computed before any slot is touched, so that an error leaves every one of them as it was.
        let mut results = Vec::with_capacity(rows.len());
        for (model, group) in &groups {
            let pipeline = loaded(&self.loaded, model)?;
            let states = group.iter().map(|row| {
                let (_, state) = self.slots.get(&row.slot).ok_or_else(|| unknown_slot(row.slot))?;
                Ok((state, row.index))
            });
            let advanced = evaluate(pipeline, &states.collect::<Result<Vec<_>>>()?).map_err(request_error)?;
            results.extend(group.iter().map(|row| row.slot).zip(advanced));
        }
        let mut spoilt = None;
        for (slot, advanced) in results {
            let (_, state) = self.slots.get_mut(&slot).ok_or_else(|| unknown_slot(slot))?;
            if !advanced.is_finite() {
                spoilt = spoilt.or(Some(slot));
            }
            commit(state, advanced).map_err(request_error)?;
        }
        spoilt.map_or(Ok(()), |slot| Err(BackendError::NonFinite(slot)))
    }

    fn preview(&mut self, slot: Slot) -> Result<Rgb8> {
        let (pipeline, state) = self.slot(slot)?;
        state.latents().and_then(|latents| pipeline.preview(latents)).map_err(request_error)
    }

    fn decode(&mut self, slot: Slot) -> Result<Option<Rgb8>> {
        let started = self.slot(slot)?.1.is_decoding();
        let latents = if started { None } else { Some(self.download(slot)?.0) };
        let (model, state) = self.slots.get_mut(&slot).ok_or_else(|| unknown_slot(slot))?;
        let pipeline = loaded(&self.loaded, model)?;
        match latents {
            Some(latents) if !latents.iter().all(|v| v.is_finite()) => Err(BackendError::NonFinite(slot)),
            Some(latents) => state.begin_decoding(pipeline, &latents).map(|()| None).map_err(request_error),
            None => state.decode(pipeline).map_err(request_error),
        }
    }

    fn latents(&mut self, slot: Slot) -> Result<(Vec<f32>, [usize; 3])> {
        let (values, shape) = self.download(slot)?;
        Ok((values, [shape[1], shape[2], shape[3]]))
    }

    fn release(&mut self, slot: Slot) {
        self.slots.remove(&slot);
    }

    fn memory(&self) -> MemoryUse {
        let weights: u64 = self.loaded.values().map(|pipeline| pipeline.weight_count).sum();
        let of_slot = |(model, state): &(ModelId, SlotState<O>)| self.loaded.get(model).map_or(0, |p| state.bytes(p));
        MemoryUse {
            weights: weights * self.ops.value_bytes() as u64,
            slots: self.slots.values().map(of_slot).sum(),
            cache: self.texts.counts().bytes + self.wardrobe.bytes(),
        }
    }
}

/// Free of `self`, so that slots can be changed while a model is in use.
fn loaded<'a, O: Ops>(pipelines: &'a HashMap<ModelId, Pipeline<O>>, model: &ModelId) -> Result<&'a Pipeline<O>> {
    pipelines.get(model).ok_or_else(|| BackendError::UnknownModel(model.clone()))
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
