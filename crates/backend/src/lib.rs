//! What the engine drives: a [`DenoiseBackend`] owns one device and the tensors on it, and is owned by one thread.
//!
//! No tensor crosses this boundary. A request's tensors live in a [`Slot`]; the engine names slots and hands in the numbers of the next
//! update ([`easel_sampling::Row`]). A guided request costs two denoiser rows, which is the backend's business, not the engine's.

use std::sync::Arc;

use easel_sampling::{SamplerConfig, Table, TrainingSchedule};
use easel_types::{ControlUse, Convention, Handover, LoraUse, ModelId, NoiseKind, Noising, Rgb8, Task};
use thiserror::Error;

/// Why a backend could not do what it was told.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum BackendError {
    /// No such model here.
    #[error("model `{0}` is not installed")]
    UnknownModel(ModelId),
    /// The model's files cannot be used.
    #[error("model `{model}`: {reason}")]
    BadModel {
        /// The model.
        model: ModelId,
        /// The file, the tensor and what is wrong with it.
        reason: String,
    },
    /// The request asks for something the model cannot do.
    #[error("{0}")]
    Unsupported(String),
    /// The device has no memory left for this call; nothing has changed.
    #[error("out of memory: {0}")]
    OutOfMemory(String),
    /// Latents stopped being finite numbers.
    #[error("the latents are no longer finite numbers")]
    NonFinite(Slot),
    /// The device can no longer be used.
    #[error("device failure: {0}")]
    Device(String),
}

/// Result of a backend call.
pub type Result<T> = std::result::Result<T, BackendError>;

/// Names the tensors of one picture in the making.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u32);

/// The device and what is on it.
#[derive(Debug, Clone)]
pub struct BackendDescription {
    /// As users name it: `cpu`, `cuda:0`, `metal`.
    pub device: String,
    /// What it is, for people: the processor's or card's name, precision.
    pub detail: String,
    /// Models that can be loaded, the default first.
    pub models: Vec<ModelId>,
    /// Bytes there are for weights and pictures together; `None` where nobody knows.
    pub memory: Option<u64>,
}

/// What the engine must know of a model to plan a request.
#[derive(Debug, Clone)]
pub struct ModelDescription {
    /// The name it was asked for by.
    pub id: ModelId,
    /// Family, for people: `sd1`, `sd2`, `sdxl`.
    pub family: String,
    /// The noise levels it was trained on and what its output stands for.
    pub training: Arc<TrainingSchedule>,
    /// Its own sampler, used where a request names none.
    pub sampler: SamplerConfig,
    /// Native width in pixels.
    pub width: u32,
    /// Native height in pixels.
    pub height: u32,
    /// Steps where a request names none.
    pub num_inference_steps: u32,
    /// Guidance where a request names none.
    pub guidance_scale: f64,
    /// Pixels per latent: width and height must be multiples of it.
    pub size_multiple: u32,
    /// The denoiser takes the mask and the masked picture as extra channels.
    pub has_mask_channels: bool,
    /// The denoiser is told the guidance scale as a number (LCM): there is never a second branch.
    pub embeds_guidance: bool,
    /// Bytes its weights take on the device.
    pub weight_bytes: u64,
    /// First ten hex digits of the checkpoint's SHA-256, as A1111 shows it.
    pub hash: Option<String>,
}

/// One picture, planned: everything the backend needs at admission.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The model; loaded if it is not.
    pub model: ModelId,
    /// What to draw.
    pub prompt: String,
    /// What to avoid; `None` is the model's own unconditional branch.
    pub negative_prompt: Option<String>,
    /// LoRAs besides those that the prompt's tags name.
    pub loras: Vec<LoraUse>,
    /// ControlNets; their pictures have the output size.
    pub controls: Vec<ControlUse>,
    /// Text encoder layers left out at the end.
    pub clip_skip: Option<u32>,
    /// Where the picture starts from.
    pub task: Task,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Classifier-free guidance.
    pub guidance_scale: f64,
    /// Denoiser rows of one evaluation: 2 with an unconditional branch, else 1.
    pub branches: u32,
    /// Rescaling of the guided output, 0..=1.
    pub guidance_rescale: f64,
    /// The picture's own seed.
    pub seed: u64,
    /// Which generator the noise is compatible with.
    pub noise: NoiseKind,
    /// What else is said of the noise; a variation's seed is this picture's own.
    pub noising: Noising,
    /// What comes from another request's latents, and where this picture's go: into the first place.
    pub handover: Handover,
    /// Whose order of random draws to follow.
    pub convention: Convention,
    /// The whole trajectory.
    pub table: Arc<Table>,
}

/// One picture's next evaluation.
#[derive(Debug, Clone, Copy)]
pub struct StepRow {
    /// The picture.
    pub slot: Slot,
    /// Index into its table's rows.
    pub index: usize,
}

/// How far the work before the first step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepared {
    /// [`DenoiseBackend::prepare`] has to be called again.
    More,
    /// The slot can be stepped.
    Ready,
}

/// Bytes on the device, by what they are for; estimates where the device keeps no count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryUse {
    /// Weights of the loaded models.
    pub weights: u64,
    /// Tensors of pictures in the making.
    pub slots: u64,
    /// Encoded prompts and LoRAs that are kept for the next request.
    pub cache: u64,
}

/// Where a running engine learns of models that come and go. Asked from any thread, so nobody waits for a device.
pub trait ModelSource: Send + Sync {
    /// The models there are now.
    fn models(&self) -> Vec<ModelId>;
    /// What planning needs of one of them; reads configuration files only.
    fn describe_model(&self, model: &ModelId) -> Result<ModelDescription>;
}

/// A device that can turn plans into pictures, a step at a time. Owned by one thread.
pub trait DenoiseBackend {
    /// The device and its models.
    fn describe(&self) -> BackendDescription;
    /// What planning needs of a model; reads configuration files only.
    fn describe_model(&mut self, model: &ModelId) -> Result<ModelDescription>;
    /// Tells of models that are installed later; `None` where there are only those of [`DenoiseBackend::describe`].
    fn source(&self) -> Option<Arc<dyn ModelSource>> {
        None
    }
    /// Brings a model's weights to the device; does nothing if they are there.
    fn load(&mut self, model: &ModelId) -> Result<()>;
    /// Frees a model's weights; slots that use it must have been released.
    fn unload(&mut self, model: &ModelId);
    /// Takes a plan in, at next to no cost: the work is [`DenoiseBackend::prepare`]'s.
    fn admit(&mut self, plan: &Plan) -> Result<Slot>;
    /// One slice of the work before the first step: text, noise, picture, mask. A slice takes no longer than about one step of one row.
    fn prepare(&mut self, slot: Slot) -> Result<Prepared>;
    /// One denoiser evaluation for prepared rows of one model and one latent shape, and their updates. Row `i`'s result does not depend on
    /// the other rows. After an error nothing has changed, so that the call can be repeated with fewer rows; but
    /// [`BackendError::NonFinite`] comes after the update: the slot it names is spoilt, every other row of the call has been stepped. Where
    /// several are spoilt, one is named, and the others are at their next step or when they are decoded. After a panic the named slots are
    /// not to be used any more.
    fn step(&mut self, rows: &[StepRow]) -> Result<()>;
    /// A cheap picture of what a slot holds, one pixel per latent.
    fn preview(&mut self, slot: Slot) -> Result<Rgb8>;
    /// One slice of turning latents that are done into the picture; the picture after the last. A slice takes no longer than about one
    /// step of one row.
    fn decode(&mut self, slot: Slot) -> Result<Option<Rgb8>>;
    /// The latents as they are, (channels, height, width) with their shape.
    fn latents(&mut self, slot: Slot) -> Result<(Vec<f32>, [usize; 3])>;
    /// Frees a slot; unknown slots are ignored.
    fn release(&mut self, slot: Slot);
    /// What the memory is used for.
    fn memory(&self) -> MemoryUse;
}

impl<B: DenoiseBackend + ?Sized> DenoiseBackend for Box<B> {
    fn describe(&self) -> BackendDescription {
        self.as_ref().describe()
    }
    fn describe_model(&mut self, model: &ModelId) -> Result<ModelDescription> {
        self.as_mut().describe_model(model)
    }
    fn source(&self) -> Option<Arc<dyn ModelSource>> {
        self.as_ref().source()
    }
    fn load(&mut self, model: &ModelId) -> Result<()> {
        self.as_mut().load(model)
    }
    fn unload(&mut self, model: &ModelId) {
        self.as_mut().unload(model);
    }
    fn admit(&mut self, plan: &Plan) -> Result<Slot> {
        self.as_mut().admit(plan)
    }
    fn prepare(&mut self, slot: Slot) -> Result<Prepared> {
        self.as_mut().prepare(slot)
    }
    fn step(&mut self, rows: &[StepRow]) -> Result<()> {
        self.as_mut().step(rows)
    }
    fn preview(&mut self, slot: Slot) -> Result<Rgb8> {
        self.as_mut().preview(slot)
    }
    fn decode(&mut self, slot: Slot) -> Result<Option<Rgb8>> {
        self.as_mut().decode(slot)
    }
    fn latents(&mut self, slot: Slot) -> Result<(Vec<f32>, [usize; 3])> {
        self.as_mut().latents(slot)
    }
    fn release(&mut self, slot: Slot) {
        self.as_mut().release(slot);
    }
    fn memory(&self) -> MemoryUse {
        self.as_ref().memory()
    }
}
