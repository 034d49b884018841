//! The cases: a diffusers pipeline call each, run through the backend the engine drives.

use std::{path::Path, sync::Arc};

use easel_backend::{DenoiseBackend, Plan, Prepared, StepRow};
use easel_models::{
    Device,
    adapters::Shelf,
    backend::{AdapterOptions, BackendOptions, TEXT_CACHE_BYTES},
    prompt::{PromptOptions, PromptSyntax},
};
use easel_sampling::{sampler_from_diffusers, table};
use easel_types::{
    ControlBalance, ControlUse, Convention, Gray8, Handover, LoraUse, ModelId, NoiseKind, Noising, Rgb8, SamplerKind, Task,
};
use serde::Deserialize;

use crate::{Failure, tensors::Tensors};

/// One entry of the case file.
#[derive(Deserialize)]
pub struct Case {
    pub id: String,
    pub model: String,
    task: String,
    sampler: serde_json::Value,
    prompt: String,
    negative_prompt: Option<String>,
    seed: u64,
    steps: u32,
    guidance_scale: f64,
    width: u32,
    height: u32,
    eta: Option<f64>,
    clip_skip: Option<u32>,
    strength: Option<f64>,
    picture: Option<u64>,
    #[serde(default)]
    loras: Vec<LoraUse>,
    #[serde(default)]
    controls: Vec<ControlCase>,
}

/// One ControlNet of a case; its picture is `pictures/<picture>-<width>x<height>.png`.
#[derive(Deserialize)]
struct ControlCase {
    name: String,
    picture: String,
    weight: f64,
    start: f64,
    end: f64,
}

/// What a case gives.
pub struct Outcome {
    pub evaluations: usize,
    latents: (Vec<f32>, [usize; 3]),
    picture: Rgb8,
}

impl Outcome {
    pub fn store(&self, id: &str, tensors: &mut Tensors) {
        let [c, h, w] = self.latents.1;
        tensors.f32(format!("{id}.latents"), &[1, c, h, w], &self.latents.0);
        let shape = [self.picture.height() as usize, self.picture.width() as usize, 3];
        tensors.u8(format!("{id}.image"), &shape, self.picture.pixels());
    }
}

pub fn read(path: &Path) -> Result<Vec<Case>, Failure> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

/// For a backend on the processor that knows every model folder, and what is beside the cases.
pub fn options(models: &Path, cases: &Path) -> Result<BackendOptions, Failure> {
    let mut catalogue = Vec::new();
    for entry in std::fs::read_dir(models)? {
        let entry = entry?;
        catalogue.push((ModelId(entry.file_name().to_string_lossy().into_owned()), entry.path()));
    }
    catalogue.sort();
    Ok(BackendOptions {
        device: Device::Cpu.open()?,
        catalogue: Box::new(catalogue),
        variant: None,
        prompt: PromptOptions { syntax: PromptSyntax::Plain, ..PromptOptions::default() },
        text_cache_bytes: TEXT_CACHE_BYTES,
        adapters: AdapterOptions { shelf: Shelf::default().with_root(cases), ..AdapterOptions::default() },
    })
}

pub fn run(backend: &mut impl DenoiseBackend, case: &Case, pictures: &Path) -> Result<Outcome, Failure> {
    let plan = plan(backend, case, pictures)?;
    let slot = backend.admit(&plan)?;
    while backend.prepare(slot)? == Prepared::More {}
    for index in 0..plan.table.rows.len() {
        backend.step(&[StepRow { slot, index }])?;
    }
    let latents = backend.latents(slot)?;
    let picture = loop {
        if let Some(picture) = backend.decode(slot)? {
            break picture;
        }
    };
    backend.release(slot);
    Ok(Outcome { evaluations: plan.table.rows.len(), latents, picture })
}

fn plan(backend: &mut impl DenoiseBackend, case: &Case, pictures: &Path) -> Result<Plan, Failure> {
    let model = ModelId(case.model.clone());
    let described = backend.describe_model(&model)?;
    let training = described.training;
    let mut sampler = sampler_from_diffusers(&case.sampler, training.config())?;
    if matches!(sampler.kind, SamplerKind::Ddim | SamplerKind::Tcd) {
        // The pipelines pass their own eta, 0 by default, to the schedulers whose step takes one.
        sampler.eta = Some(case.eta.unwrap_or(0.0));
    }
    let task = task(case, pictures)?;
    let strength = match &task {
        Task::TextToImage => None,
        Task::ImageToImage { strength, .. } => Some(*strength),
        // Inpainting at full strength starts from noise alone.
        Task::Inpaint { strength, .. } => Some(*strength).filter(|s| *s < 1.0),
    };
    Ok(Plan {
        model,
        prompt: case.prompt.clone(),
        negative_prompt: Some(case.negative_prompt.clone().unwrap_or_default()),
        loras: case.loras.clone(),
        controls: controls(case, pictures)?,
        noising: Noising::default(),
        handover: Handover::default(),
        clip_skip: case.clip_skip,
        task,
        width: case.width,
        height: case.height,
        guidance_scale: case.guidance_scale,
        branches: if case.guidance_scale > 1.0 && !described.embeds_guidance { 2 } else { 1 },
        guidance_rescale: 0.0,
        seed: case.seed,
        noise: NoiseKind::TorchCpu,
        convention: Convention::Diffusers,
        table: Arc::new(table(&sampler, &training, case.steps, strength)?),
    })
}

fn controls(case: &Case, pictures: &Path) -> Result<Vec<ControlUse>, Failure> {
    let control = |control: &ControlCase| -> Result<ControlUse, Failure> {
        let path = pictures.join(format!("{}-{}x{}.png", control.picture, case.width, case.height));
        let rgb = image::open(path)?.to_rgb8();
        let image = Arc::new(Rgb8::new(rgb.width(), rgb.height(), rgb.into_raw())?);
        let ControlCase { name, weight, start, end, .. } = control;
        let balance = ControlBalance::Balanced;
        Ok(ControlUse { model: name.clone(), image, weight: *weight, start: *start, end: *end, balance })
    };
    case.controls.iter().map(control).collect()
}

fn task(case: &Case, pictures: &Path) -> Result<Task, Failure> {
    let size = format!("{}x{}.png", case.width, case.height);
    let image = || -> Result<Arc<Rgb8>, Failure> {
        let number = case.picture.ok_or("the case names no picture")?;
        let rgb = image::open(pictures.join(format!("{number}-{size}")))?.to_rgb8();
        Ok(Arc::new(Rgb8::new(rgb.width(), rgb.height(), rgb.into_raw())?))
    };
    let strength = case.strength.unwrap_or(1.0);
    Ok(match case.task.as_str() {
        "txt2img" => Task::TextToImage,
        "img2img" => Task::ImageToImage { image: image()?, strength },
        "inpaint" => {
            let grey = image::open(pictures.join(format!("mask-{size}")))?.to_luma8();
            let mask = Arc::new(Gray8::new(grey.width(), grey.height(), grey.into_raw())?);
            Task::Inpaint { image: image()?, mask, strength }
        }
        other => return Err(format!("unknown task {other:?}").into()),
    })
}
