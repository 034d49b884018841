//! What LoRAs cost: pictures of the built-in model, some wearing LoRAs of random numbers, against as many without.
//!
//! usage: `cargo run -p easel-models --release --example loras -- [PICTURES] [LORAS] [RANK] [ROUNDS] [bf16]`
//!
//! Steps of both kinds alternate, so that a machine that changes its speed changes both; the figures are medians.

#![allow(missing_docs)]

use std::{error::Error, sync::Arc, time::Instant};

use easel_backend::{DenoiseBackend, Plan, Prepared, Slot, StepRow};
use easel_models::{
    Device,
    adapters::Shelf,
    backend::{AdapterOptions, BackendOptions, CpuBackend, CpuBf16Backend},
    ops::{LayerShape, cpu::CpuOps},
    pipeline::Pipeline,
    prompt::PromptOptions,
    weights::open_model,
};
use easel_sampling::{NoiseSource, TorchCpu, table};
use easel_types::{Convention, LoraUse, ModelId, NoiseKind, Task};
use safetensors::{Dtype, tensor::TensorView};

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, or: usize| arguments.get(at).map_or(Ok(or), |text| text.parse::<usize>());
    let (pictures, loras, rank, rounds) = (number(0, 30)?, number(1, 10)?, number(2, 16)?, number(3, 7)?);
    let model = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/builtin");
    let folder = std::env::temp_dir().join(format!("easel-loras-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let pipeline = Pipeline::load(Arc::new(CpuOps::default()), &open_model(&model, None)?)?;
    for i in 0..loras {
        write_lora(&pipeline, &folder.join(format!("random{i}.safetensors")), rank, i as u64)?;
    }
    drop(pipeline);
    let shelf = Shelf::default().with_folder(easel_models::adapters::Kind::Lora, &folder);
    let options = BackendOptions {
        device: Device::Cpu.open()?,
        catalogue: Box::new(vec![(ModelId::from("builtin"), model)]),
        variant: None,
        prompt: PromptOptions::default(),
        text_cache_bytes: 64 << 20,
        adapters: AdapterOptions { shelf, ..AdapterOptions::default() },
    };
    let mut backend: Box<dyn DenoiseBackend> = match arguments.iter().any(|argument| argument == "bf16") {
        true => Box::new(CpuBf16Backend::new(options)),
        false => Box::new(CpuBackend::new(options)),
    };
    let outcome = measure(backend.as_mut(), [pictures, loras, rounds]);
    std::fs::remove_dir_all(&folder)?;
    let Outcome { prepared, step: [without, with], fastest, steps } = outcome?;
    println!(
        "{pictures} pictures a step: {:.1} ms without, {:.1} ms with {loras} LoRAs of rank {rank}",
        1e3 * without,
        1e3 * with
    );
    println!("throughput with LoRAs: {:.1} % of that without", 100.0 * without / with);
    println!(
        "the fastest steps, where others keep the machine busy: {:.1} ms and {:.1} ms, {:.1} %",
        1e3 * fastest[0],
        1e3 * fastest[1],
        100.0 * fastest[0] / fastest[1]
    );
    let whole = |i: usize| prepared[i] + f64::from(steps) * [without, with][i];
    println!(
        "preparing all of them: {:.1} ms without, {:.1} ms with, files and all; requests of {steps} steps: {:.1} %",
        1e3 * prepared[0],
        1e3 * prepared[1],
        100.0 * whole(0) / whole(1)
    );
    Ok(())
}

/// Attention, feed-forward and projections of the denoiser and the text encoder: what kohya's trainers adapt.
fn write_lora(pipeline: &Pipeline<CpuOps>, path: &std::path::Path, rank: usize, seed: u64) -> Result<(), Failure> {
    let mut source = TorchCpu::new(seed);
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    let unet = pipeline.unet.layers().iter().filter(|(name, _)| name.contains("attentions")).map(|layer| ("lora_unet_", layer));
    let text = pipeline.encoders[0].model.layers().iter().map(|layer| ("lora_te_", layer));
    for (prefix, (name, shape)) in unet.chain(text) {
        let (outputs, inputs) = match shape {
            LayerShape::Linear { outputs, inputs } => (*outputs, *inputs),
            LayerShape::Gated { outputs, inputs } => (2 * outputs, *inputs),
            LayerShape::Conv(shape) => (shape.outputs, shape.inputs),
        };
        for (part, shape) in [("lora_down", [rank, inputs]), ("lora_up", [outputs, rank])] {
            let values = source.randn(&shape);
            let bytes = values.iter().flat_map(|x| (x * 0.02).to_le_bytes()).collect();
            tensors.push((format!("{prefix}{}.{part}.weight", name.replace('.', "_")), shape.to_vec(), bytes));
        }
    }
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| Ok((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    Ok(std::fs::write(path, safetensors::serialize(views, None)?)?)
}

/// Seconds without and with LoRAs.
struct Outcome {
    /// Of preparing all pictures, from their files on.
    prepared: [f64; 2],
    /// The median of a step of all pictures.
    step: [f64; 2],
    /// The least of them.
    fastest: [f64; 2],
    /// Steps where a request names none.
    steps: u32,
}

fn measure(backend: &mut dyn DenoiseBackend, [pictures, loras, rounds]: [usize; 3]) -> Result<Outcome, Failure> {
    let model = ModelId::from("builtin");
    let described = backend.describe_model(&model)?;
    let steps = rounds as u32 + 2;
    let table = Arc::new(table(&described.sampler, &described.training, steps, None)?);
    let plan = |i: usize, worn: bool| Plan {
        model: model.clone(),
        prompt: format!("picture {i}"),
        negative_prompt: None,
        loras: match worn {
            true => vec![LoraUse { name: format!("random{}", i % loras), weight: 0.8, text_encoder_weight: 0.8 }],
            false => Vec::new(),
        },
        controls: Vec::new(),
        clip_skip: None,
        task: Task::TextToImage,
        width: described.width,
        height: described.height,
        guidance_scale: 4.0,
        branches: 2,
        guidance_rescale: 0.0,
        seed: i as u64,
        noise: NoiseKind::TorchCpu,
        convention: Convention::Diffusers,
        table: Arc::clone(&table),
    };
    backend.load(&model)?;
    let mut admit = |worn: bool| -> Result<(Vec<Slot>, f64), Failure> {
        let (mut slots, started) = (Vec::new(), Instant::now());
        for i in 0..pictures {
            let slot = backend.admit(&plan(i, worn))?;
            while backend.prepare(slot)? == Prepared::More {}
            slots.push(slot);
        }
        Ok((slots, started.elapsed().as_secs_f64()))
    };
    let [(without, before_plain), (with, before_worn)] = [admit(false)?, admit(true)?];
    let kinds = [without, with];
    let mut seconds = [Vec::new(), Vec::new()];
    for index in 0..=rounds {
        for (slots, seconds) in kinds.iter().zip(&mut seconds) {
            let rows: Vec<StepRow> = slots.iter().map(|&slot| StepRow { slot, index }).collect();
            let started = Instant::now();
            backend.step(&rows)?;
            seconds.push(started.elapsed().as_secs_f64());
        }
    }
    for seconds in &mut seconds {
        seconds.remove(0);
        seconds.sort_by(f64::total_cmp);
    }
    let at = |i: usize| [seconds[0][i], seconds[1][i]];
    let (step, fastest) = (at(rounds / 2), at(0));
    Ok(Outcome { prepared: [before_plain, before_worn], step, fastest, steps: described.num_inference_steps })
}
