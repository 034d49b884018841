//! How long the parts of a model take on the processor: one JSON object per part, with the seconds of every run.
//!
//! usage: `cargo run -p easel-models --release --example parts -- MODEL [--part unet|decode|text|picture] [--rows N] [--side PIXELS] [--runs N]
//! [--precision f32|bf16]`
//!
//! `MODEL` is a diffusers folder or a checkpoint. Rows are the UNet's: 2 are a guided picture. With `--runs 0` a part is run once for each
//! line on standard input that names it, so that another program can take turns with it (`benches/peers/run.py`). `--part picture` is a whole
//! picture of 20 guided steps through the backend, from the prompt to the pixels. Without `--precision` it is the one that the server takes.

#![allow(missing_docs)]

use std::{path::Path, sync::Arc, time::Instant};

use easel_backend::{Plan, Prepared, StepRow};
use easel_kernels::cpu::PoolCounts;
use easel_models::{
    Device, OpenDevice, Precision,
    backend::{self, AdapterOptions, BackendOptions},
    ops::{
        Ops,
        cpu::{CpuOps, bf16::CpuBf16Ops},
    },
    pipeline::Pipeline,
    prompt::PromptOptions,
    unet::Conditioning,
    weights::folder::open_model,
};
use easel_sampling::{NoiseSource, TorchCpu, table};
use easel_types::{Convention, Handover, ModelId, NoiseKind, Noising, Task};

type Failure = Box<dyn std::error::Error>;

struct Options {
    model: String,
    part: Option<String>,
    rows: usize,
    side: Option<usize>,
    runs: usize,
    device: OpenDevice,
}

fn options() -> Result<Options, Failure> {
    let mut arguments = std::env::args().skip(1);
    let usage =
        "usage: parts MODEL [--part unet|decode|text|picture] [--rows N] [--side PIXELS] [--runs N] [--precision f32|bf16]";
    let device = Device::Cpu.open()?;
    let mut options = Options { model: arguments.next().ok_or(usage)?, part: None, rows: 2, side: None, runs: 5, device };
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or(usage)?;
        match name.as_str() {
            "--part" => options.part = Some(value),
            "--rows" => options.rows = value.parse()?,
            "--side" => options.side = Some(value.parse()?),
            "--runs" => options.runs = value.parse()?,
            "--precision" => options.device = options.device.with_precision(Some(value.parse()?))?,
            _ => return Err(usage.into()),
        }
    }
    Ok(options)
}

/// Whole pictures through the backend, as the server makes them.
fn pictures(options: &Options) -> Result<(), Failure> {
    let started = Instant::now();
    let id = ModelId::from("model");
    let mut backend = backend::open(BackendOptions {
        device: options.device.clone(),
        catalogue: Box::new(vec![(id.clone(), options.model.clone().into())]),
        variant: None,
        prompt: PromptOptions::default(),
        text_cache_bytes: 0,
        adapters: AdapterOptions::default(),
    });
    let model = backend.describe_model(&id)?;
    backend.load(&id)?;
    println!("{}", serde_json::json!({ "part": "load", "parts": ["picture"], "seconds": [started.elapsed().as_secs_f64()] }));
    let plan = Plan {
        model: id,
        prompt: "a picture".into(),
        negative_prompt: None,
        loras: Vec::new(),
        controls: Vec::new(),
        noising: Noising::default(),
        handover: Handover::default(),
        clip_skip: None,
        task: Task::TextToImage,
        width: options.side.map_or(model.width, |side| side as u32),
        height: options.side.map_or(model.height, |side| side as u32),
        guidance_scale: 7.5,
        branches: 2,
        guidance_rescale: 0.0,
        seed: 1,
        noise: NoiseKind::TorchCpu,
        convention: Convention::Diffusers,
        table: Arc::new(table(&model.sampler, &model.training, 20, None)?),
    };
    let mut picture = || -> Result<f64, Failure> {
        let before = Instant::now();
        let slot = backend.admit(&plan)?;
        while backend.prepare(slot)? == Prepared::More {}
        for index in 0..plan.table.rows.len() {
            backend.step(&[StepRow { slot, index }])?;
        }
        while backend.decode(slot)?.is_none() {}
        backend.release(slot);
        Ok(before.elapsed().as_secs_f64())
    };
    let tell = |seconds: &[f64]| println!("{}", serde_json::json!({ "part": "picture", "seconds": seconds }));
    if options.runs == 0 {
        for line in std::io::stdin().lines() {
            line?;
            tell(&[picture()?]);
        }
        return Ok(());
    }
    tell(&(0..options.runs).map(|_| picture()).collect::<Result<Vec<_>, _>>()?);
    Ok(())
}

fn main() -> Result<(), Failure> {
    let options = options()?;
    if options.part.as_deref() == Some("picture") {
        return pictures(&options);
    }
    match options.device.precision {
        Precision::Bf16 => parts(&options, CpuBf16Ops::default(), |ops| (ops.isa().name(), ops.memory())),
        _ => parts(&options, CpuOps::default(), |ops| (ops.isa().name(), ops.memory())),
    }
}

/// The networks by themselves. `facts` says which instructions are in use, and how the memory is.
fn parts<O: Ops>(options: &Options, ops: O, facts: impl Fn(&O) -> (&'static str, PoolCounts)) -> Result<(), Failure> {
    let (started, ops) = (Instant::now(), Arc::new(ops));
    let pipeline = Pipeline::load(ops.clone(), &open_model(Path::new(&options.model), None)?)?;
    println!("{}", serde_json::json!({ "part": "load", "isa": facts(&ops).0, "seconds": [started.elapsed().as_secs_f64()] }));
    let pixels = options.side.unwrap_or(pipeline.description.width as usize);
    let (channels, side) = (pipeline.description.latent_channels, pixels / pipeline.description.scale as usize);
    let ops = ops.as_ref();
    let noise = |shape: &[usize]| ops.upload(&TorchCpu::new(1).randn(shape), shape);
    let ids = vec![49407u32.min(pipeline.encoders[0].model.config().vocab_size as u32 - 1); 77];
    let config = pipeline.unet.config();
    let x = noise(&[options.rows, config.in_channels, side, side])?;
    let context = noise(&[options.rows, 77, config.cross_attention_dim])?;
    let text_time = config.text_time.map(|(_, width)| noise(&[options.rows, width])).transpose()?;
    let latents = noise(&[1, channels, side, side])?;
    let run = |part: &str| -> Result<f64, Failure> {
        let before = Instant::now();
        match part {
            "text" => drop(pipeline.encoders[0].model.forward(ops, &[&ids])?),
            "unet" => {
                let given = Conditioning { context: &context, text_time: text_time.as_ref(), guidance: None };
                drop(pipeline.unet.forward(ops, &x, &vec![500.0; options.rows], &given)?);
            }
            "decode" => drop(pipeline.vae.decode(ops, &latents)?),
            other => return Err(format!("there is no part {other:?}: use text, unet or decode").into()),
        }
        Ok(before.elapsed().as_secs_f64())
    };
    let tell = |part: &str, seconds: &[f64]| {
        let memory = facts(ops).1.peak_bytes;
        println!(
            "{}",
            serde_json::json!({ "part": part, "pixels": pixels, "rows": options.rows, "seconds": seconds, "activation_bytes": memory })
        );
    };
    if options.runs == 0 {
        for part in std::io::stdin().lines() {
            let part = part?;
            tell(&part, &[run(&part)?]);
        }
        return Ok(());
    }
    for part in ["text", "unet", "decode"].into_iter().filter(|part| options.part.as_deref().is_none_or(|wanted| wanted == *part))
    {
        // The first run fills the pool of buffers.
        run(part)?;
        tell(part, &(0..options.runs).map(|_| run(part)).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(())
}
