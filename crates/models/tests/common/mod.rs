//! Driving a backend through its trait, for tests that are about pictures.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use easel_backend::{DenoiseBackend, Plan, Prepared, Slot, StepRow};
use easel_models::{
    Device,
    adapters::Shelf,
    backend::{AdapterOptions, BackendOptions, CpuBackend, CpuBf16Backend, TEXT_CACHE_BYTES},
    prompt::PromptOptions,
};
use easel_sampling::table;
use easel_types::{Convention, Handover, ModelId, NoiseKind, Noising, Rgb8, Task};

pub type Failure = Box<dyn std::error::Error>;

/// What a picture came to.
#[derive(PartialEq)]
pub struct Outcome {
    pub latents: Vec<f32>,
    pub picture: Rgb8,
}

/// Short, so that a failed comparison does not print a picture.
impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "latents {:?}… and {:?}…", &self.latents[..4], &self.picture.pixels()[..6])
    }
}

/// The built-in model's folder.
pub fn builtin() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/builtin")
}

/// The folder of a fixture model: `sd1`, `sd2`, `sdxl`, `inpaint`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/conformance/models").join(name)
}

/// A backend on the processor, in f32, with the built-in model and the fixtures.
pub fn backend() -> Result<CpuBackend, Failure> {
    backend_with(TEXT_CACHE_BYTES)
}

/// The same with so many bytes for encoded prompts.
pub fn backend_with(text_cache_bytes: u64) -> Result<CpuBackend, Failure> {
    Ok(CpuBackend::new(options(text_cache_bytes)?))
}

/// The same in bf16.
pub fn bf16_backend() -> Result<CpuBf16Backend, Failure> {
    Ok(CpuBf16Backend::new(options(TEXT_CACHE_BYTES)?))
}

fn options(text_cache_bytes: u64) -> Result<BackendOptions, Failure> {
    Ok(BackendOptions {
        device: Device::Cpu.open()?,
        catalogue: Box::new(catalogue()),
        variant: None,
        prompt: PromptOptions::default(),
        text_cache_bytes,
        adapters: AdapterOptions::default(),
    })
}

/// The folder of LoRAs and embeddings, laid out as A1111's.
pub fn lora_fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/conformance/lora")
}

/// A backend of any kind on the processor, with those.
pub fn lora_options() -> Result<BackendOptions, Failure> {
    adapter_options(Shelf::default().with_root(&lora_fixtures()))
}

/// A backend of any kind on the processor, with what is on a shelf.
pub fn adapter_options(shelf: Shelf) -> Result<BackendOptions, Failure> {
    Ok(BackendOptions {
        device: Device::Cpu.open()?,
        catalogue: Box::new(catalogue()),
        variant: None,
        prompt: PromptOptions::default(),
        text_cache_bytes: TEXT_CACHE_BYTES,
        adapters: AdapterOptions { shelf, ..AdapterOptions::default() },
    })
}

/// The built-in model and the fixtures.
pub fn catalogue() -> Vec<(ModelId, PathBuf)> {
    let mut catalogue = vec![(ModelId::from("builtin"), builtin())];
    catalogue.extend(["sd1", "sd2", "sdxl", "inpaint"].map(|name| (ModelId::from(name), fixture(name))));
    catalogue
}

/// A guided picture from text with the model's own sampler.
pub fn text_plan(backend: &mut impl DenoiseBackend, model: &str, prompt: &str, steps: u32, side: u32) -> Result<Plan, Failure> {
    let model = ModelId::from(model);
    let described = backend.describe_model(&model)?;
    Ok(Plan {
        model,
        prompt: prompt.into(),
        negative_prompt: None,
        loras: Vec::new(),
        controls: Vec::new(),
        noising: Noising::default(),
        handover: Handover::default(),
        clip_skip: None,
        task: Task::TextToImage,
        width: side,
        height: side,
        guidance_scale: 3.0,
        branches: 2,
        guidance_rescale: 0.0,
        seed: 7,
        noise: NoiseKind::TorchCpu,
        convention: Convention::Diffusers,
        table: Arc::new(table(&described.sampler, &described.training, steps, None)?),
    })
}

/// All slices before the first step; how many there were.
pub fn prepare(backend: &mut impl DenoiseBackend, slot: Slot) -> Result<usize, Failure> {
    let mut slices = 1;
    while backend.prepare(slot)? == Prepared::More {
        slices += 1;
    }
    Ok(slices)
}

/// All slices after the last step.
pub fn decode(backend: &mut impl DenoiseBackend, slot: Slot) -> Result<Outcome, Failure> {
    let latents = backend.latents(slot)?.0;
    loop {
        if let Some(picture) = backend.decode(slot)? {
            return Ok(Outcome { latents, picture });
        }
    }
}

/// A whole picture with nothing beside it.
pub fn draw_alone(backend: &mut impl DenoiseBackend, plan: &Plan) -> Result<Outcome, Failure> {
    let slot = backend.admit(plan)?;
    prepare(backend, slot)?;
    for index in 0..plan.table.rows.len() {
        backend.step(&[StepRow { slot, index }])?;
    }
    let outcome = decode(backend, slot)?;
    backend.release(slot);
    Ok(outcome)
}
