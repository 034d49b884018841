//! A backend without a device: deterministic pictures, virtual time and planned failures, so that everything around it can be tested.
//!
//! It is strict where a real one is trusting: slots must exist, rows must come in order, and one call's rows must share model and shape.
//! Anything else is a panic, which is a bug in the engine.

pub mod bound;
pub mod cluster;
pub mod day;
mod shelf;
pub mod traffic;

pub use shelf::Shelf;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use easel_backend::{
    BackendDescription, BackendError, DenoiseBackend, MemoryUse, ModelDescription, ModelSource, Plan, Prepared, Result, Slot,
    StepRow,
};
use easel_sampling::{SamplerConfig, TrainingConfig, TrainingSchedule};
use easel_types::{ControlUse, LoraUse, ModelId, Rgb8, SamplerKind, SigmaSchedule, Task};

use crate::Clock;

/// A kind of backend call, for planning failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// [`DenoiseBackend::load`].
    Load,
    /// [`DenoiseBackend::admit`].
    Admit,
    /// [`DenoiseBackend::prepare`].
    Prepare,
    /// [`DenoiseBackend::step`].
    Step,
    /// [`DenoiseBackend::decode`].
    Decode,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Out of memory; nothing has changed.
    OutOfMemory,
    /// The first slot of the call is no longer finite.
    NonFinite,
    /// The device is gone.
    Device,
    /// A bug.
    Panic,
}

/// A toy device's properties and its planned failures.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// Names of its models, the default first.
    pub models: Vec<ModelId>,
    /// Native width and height.
    pub size: (u32, u32),
    /// Steps where a request names none.
    pub steps: u32,
    /// More rows in one step are out of memory.
    pub rows_max: usize,
    /// More models at once are out of memory.
    pub models_max: usize,
    /// Slices of preparing, and of decoding.
    pub slices: u32,
    /// Virtual time of one step.
    pub step_time: Duration,
    /// Virtual time of a slice.
    pub slice_time: Duration,
    /// Real time of one step, for tests over a real connection.
    pub step_delay: Duration,
    /// The n-th call of a kind, counted from 1, fails.
    pub faults: Vec<(Call, u32, Fault)>,
    /// Whenever the picture of this seed takes part in a call of this kind, the call fails.
    pub poison: Vec<(u64, Call, Fault)>,
    /// Steps wait here, if there is one.
    pub gate: Option<Gate>,
    /// Models that come and go while the engine runs, beside those of `models`.
    pub shelf: Option<Shelf>,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            models: vec!["sim".into()],
            size: (128, 128),
            steps: 4,
            rows_max: usize::MAX,
            models_max: usize::MAX,
            slices: 1,
            step_time: Duration::from_millis(100),
            slice_time: Duration::ZERO,
            step_delay: Duration::ZERO,
            faults: Vec::new(),
            poison: Vec::new(),
            gate: None,
            shelf: None,
        }
    }
}

/// Holds a [`SimBackend`]'s steps back until a test lets them through.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Mutex<Passage>, Condvar)>);

#[derive(Debug, Default)]
struct Passage {
    allowed: u64,
    waiting: usize,
}

impl Drop for Gate {
    fn drop(&mut self) {
        // A test that failed must end: its engine is waited for.
        if std::thread::panicking() {
            self.open();
        }
    }
}

impl Gate {
    /// A closed gate.
    pub fn closed() -> Self {
        Self::default()
    }

    /// Lets `steps` more through.
    pub fn allow(&self, steps: u64) {
        let (passage, changed) = &*self.0;
        let mut passage = lock(passage);
        passage.allowed = passage.allowed.saturating_add(steps);
        changed.notify_all();
    }

    /// Lets everything through.
    pub fn open(&self) {
        self.allow(u64::MAX);
    }

    /// Steps that are being held back.
    pub fn waiting(&self) -> usize {
        lock(&self.0.0).waiting
    }

    fn pass(&self) {
        let (passage, changed) = &*self.0;
        let mut passage = lock(passage);
        passage.waiting += 1;
        while passage.allowed == 0 {
            passage = changed.wait(passage).unwrap_or_else(PoisonError::into_inner);
        }
        passage.waiting -= 1;
        if passage.allowed != u64::MAX {
            passage.allowed -= 1;
        }
    }
}

/// What a test can see of a [`SimBackend`] that its engine owns; also its clock.
#[derive(Debug, Clone, Default)]
pub struct Probe(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    now: Duration,
    calls: Vec<String>,
    slots: usize,
    seeds: Vec<u64>,
    adapters: Vec<(Vec<LoraUse>, Vec<ControlUse>)>,
    tasks: Vec<Task>,
    resized: Vec<Option<(u32, u32)>>,
    loaded: Vec<ModelId>,
}

impl Probe {
    /// Every call so far, as text: `admit 0`, `step 0@2 1@2`, `decode 0`, …
    pub fn calls(&self) -> Vec<String> {
        lock(&self.0).calls.clone()
    }

    /// Slots that have not been released.
    pub fn slots(&self) -> usize {
        lock(&self.0).slots
    }

    /// The seeds of the pictures that were taken in, in order.
    pub fn seeds(&self) -> Vec<u64> {
        lock(&self.0).seeds.clone()
    }

    /// What the pictures that were taken in wear besides what their prompts say, in order.
    pub fn adapters(&self) -> Vec<(Vec<LoraUse>, Vec<ControlUse>)> {
        lock(&self.0).adapters.clone()
    }

    /// What the pictures that were taken in start from, in order.
    pub fn tasks(&self) -> Vec<Task> {
        lock(&self.0).tasks.clone()
    }

    /// Sizes of the pictures whose latents are resized, of the pictures that were taken in, in order.
    pub fn resized(&self) -> Vec<Option<(u32, u32)>> {
        lock(&self.0).resized.clone()
    }

    /// Models on the device.
    pub fn loaded(&self) -> Vec<ModelId> {
        lock(&self.0).loaded.clone()
    }
}

impl Clock for Probe {
    fn now(&self) -> Duration {
        lock(&self.0).now
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The picture a [`SimBackend`] draws for a seed.
pub fn picture(seed: u64, width: u32, height: u32) -> Rgb8 {
    // Fibonacci hashing spreads neighbouring seeds; the rest is a gradient, so that pictures compress and look like something.
    let colour = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
    let mut pixels = Vec::with_capacity(width as usize * height as usize * Rgb8::CHANNELS);
    for y in 0..height {
        for x in 0..width {
            pixels.push(colour[0] ^ (x * 255 / width) as u8);
            pixels.push(colour[1] ^ (y * 255 / height) as u8);
            pixels.push(colour[2]);
        }
    }
    Rgb8::new(width, height, pixels).expect("the buffer has the size of the picture")
}

/// The toy device.
#[derive(Debug)]
pub struct SimBackend {
    config: SimConfig,
    probe: Probe,
    counts: HashMap<Call, u32>,
    pictures: BTreeMap<Slot, (Plan, usize)>,
    /// Slices of what is being prepared or decoded.
    slices: HashMap<Slot, u32>,
    next_slot: u32,
}

impl SimBackend {
    /// A device and the view of it that stays with the test.
    pub fn new(config: SimConfig) -> (Self, Probe) {
        let probe = Probe::default();
        let backend = Self {
            config,
            probe: probe.clone(),
            counts: HashMap::new(),
            pictures: BTreeMap::new(),
            slices: HashMap::new(),
            next_slot: 0,
        };
        (backend, probe)
    }

    /// The poisoned picture among those of a call, if there is one.
    fn poisoned(&self, call: Call, slots: &[Slot]) -> Option<(Slot, Fault)> {
        slots.iter().find_map(|slot| {
            let seed = self.pictures.get(slot)?.0.seed;
            let found = self.config.poison.iter().find(|(of, kind, _)| *of == seed && *kind == call)?;
            Some((*slot, found.2))
        })
    }

    fn call(&mut self, call: Call, text: String, slots: &[Slot]) -> Result<()> {
        lock(&self.probe.0).calls.push(text);
        let count = self.counts.entry(call).or_default();
        *count += 1;
        let fault = self.config.faults.iter().find(|(kind, at, _)| *kind == call && at == count).map(|(_, _, fault)| *fault);
        let first = slots.first().copied().unwrap_or(Slot(0));
        let (slot, fault) = self.poisoned(call, slots).map_or((first, fault), |(slot, fault)| (slot, Some(fault)));
        match fault {
            None => Ok(()),
            Some(Fault::OutOfMemory) => Err(BackendError::OutOfMemory("as planned".to_owned())),
            Some(Fault::NonFinite) => Err(BackendError::NonFinite(slot)),
            Some(Fault::Device) => Err(BackendError::Device("as planned".to_owned())),
            Some(Fault::Panic) => panic!("as planned"),
        }
    }

    fn entry(&self, slot: Slot) -> &(Plan, usize) {
        self.pictures.get(&slot).unwrap_or_else(|| panic!("slot {slot:?} does not exist"))
    }

    /// One slice more; true after the last.
    fn slice(&mut self, slot: Slot) -> bool {
        lock(&self.probe.0).now += self.config.slice_time;
        let done = self.slices.entry(slot).or_default();
        *done += 1;
        let last = *done >= self.config.slices;
        if last {
            *done = 0;
        }
        last
    }

    fn check_one_shape(&self, rows: &[StepRow]) {
        let shape = |row: &StepRow| {
            let (plan, _) = self.entry(row.slot);
            (plan.model.clone(), plan.width, plan.height)
        };
        assert!(rows.windows(2).all(|pair| shape(&pair[0]) == shape(&pair[1])), "rows of different shapes in one call");
    }
}

/// Every toy model is the same but for its name.
fn describe(config: &SimConfig, model: &ModelId) -> Result<ModelDescription> {
    let training = TrainingSchedule::new(TrainingConfig::default());
    let training = training.map_err(|error| BackendError::Unsupported(error.to_string()))?;
    Ok(ModelDescription {
        id: model.clone(),
        family: "sim".to_owned(),
        training: Arc::new(training),
        sampler: SamplerConfig::new(SamplerKind::Euler, SigmaSchedule::Normal),
        width: config.size.0,
        height: config.size.1,
        num_inference_steps: config.steps,
        guidance_scale: 7.0,
        size_multiple: 8,
        has_mask_channels: false,
        embeds_guidance: false,
        weight_bytes: 1,
        hash: Some("0123456789".to_owned()),
    })
}

impl DenoiseBackend for SimBackend {
    fn describe(&self) -> BackendDescription {
        BackendDescription {
            device: "sim".to_owned(),
            detail: "a toy device in virtual time".to_owned(),
            models: self.config.models.clone(),
            memory: None,
        }
    }

    fn describe_model(&mut self, model: &ModelId) -> Result<ModelDescription> {
        match self.config.models.contains(model) {
            true => describe(&self.config, model),
            false => Err(BackendError::UnknownModel(model.clone())),
        }
    }

    fn source(&self) -> Option<Arc<dyn ModelSource>> {
        let shelf = self.config.shelf.clone()?;
        Some(Arc::new(shelf::Source { config: self.config.clone(), shelf }))
    }

    fn load(&mut self, model: &ModelId) -> Result<()> {
        if self.probe.loaded().contains(model) {
            return Ok(());
        }
        self.call(Call::Load, format!("load {model}"), &[])?;
        let mut seen = lock(&self.probe.0);
        if seen.loaded.len() >= self.config.models_max {
            return Err(BackendError::OutOfMemory("too many models".to_owned()));
        }
        seen.loaded.push(model.clone());
        Ok(())
    }

    fn unload(&mut self, model: &ModelId) {
        let mut seen = lock(&self.probe.0);
        seen.calls.push(format!("unload {model}"));
        seen.loaded.retain(|loaded| loaded != model);
    }

    fn admit(&mut self, plan: &Plan) -> Result<Slot> {
        let slot = Slot(self.next_slot);
        assert!(self.probe.loaded().contains(&plan.model), "admitted before its model was loaded");
        self.call(Call::Admit, format!("admit {}", slot.0), &[slot])?;
        self.next_slot += 1;
        self.pictures.insert(slot, (plan.clone(), 0));
        let mut seen = lock(&self.probe.0);
        seen.slots = self.pictures.len();
        seen.seeds.push(plan.seed);
        seen.adapters.push((plan.loras.clone(), plan.controls.clone()));
        seen.tasks.push(plan.task.clone());
        seen.resized.push(plan.handover.picture.as_ref().map(|from| (from.image.width(), from.image.height())));
        drop(seen);
        Ok(slot)
    }

    fn prepare(&mut self, slot: Slot) -> Result<Prepared> {
        self.call(Call::Prepare, format!("prepare {}", slot.0), &[slot])?;
        Ok(if self.slice(slot) { Prepared::Ready } else { Prepared::More })
    }

    fn step(&mut self, rows: &[StepRow]) -> Result<()> {
        assert!(!rows.is_empty(), "a step without rows");
        self.check_one_shape(rows);
        if let Some(gate) = &self.config.gate {
            gate.pass();
        }
        std::thread::sleep(self.config.step_delay);
        let text: Vec<_> = rows.iter().map(|row| format!("{}@{}", row.slot.0, row.index)).collect();
        let slots: Vec<_> = rows.iter().map(|row| row.slot).collect();
        let result = self.call(Call::Step, format!("step {}", text.join(" ")), &slots);
        // As a real device: pictures that are still finite have been stepped.
        if result.as_ref().is_err_and(|error| !matches!(error, BackendError::NonFinite(_))) {
            return result;
        }
        if rows.len() > self.config.rows_max {
            return Err(BackendError::OutOfMemory(format!("{} rows", rows.len())));
        }
        lock(&self.probe.0).now += self.config.step_time;
        for row in rows {
            assert_eq!(self.entry(row.slot).1, row.index, "slot {:?} stepped out of order", row.slot);
            self.pictures.entry(row.slot).and_modify(|(_, next)| *next += 1);
        }
        result
    }

    fn preview(&mut self, slot: Slot) -> Result<Rgb8> {
        let (plan, _) = self.entry(slot);
        Ok(picture(plan.seed, plan.width / 8, plan.height / 8))
    }

    fn decode(&mut self, slot: Slot) -> Result<Option<Rgb8>> {
        self.call(Call::Decode, format!("decode {}", slot.0), &[slot])?;
        let last = self.slice(slot);
        let (plan, next) = self.entry(slot);
        assert_eq!(*next, plan.table.rows.len(), "decoded before its last step");
        Ok(last.then(|| picture(plan.seed, plan.width, plan.height)))
    }

    fn latents(&mut self, slot: Slot) -> Result<(Vec<f32>, [usize; 3])> {
        Ok((vec![self.entry(slot).1 as f32], [1, 1, 1]))
    }

    fn release(&mut self, slot: Slot) {
        self.pictures.remove(&slot);
        self.slices.remove(&slot);
        lock(&self.probe.0).slots = self.pictures.len();
    }
    fn memory(&self) -> MemoryUse {
        MemoryUse { weights: self.probe.loaded().len() as u64, slots: self.pictures.len() as u64, cache: 0 }
    }
}
