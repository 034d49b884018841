//! Throughput of requests with LoRAs against that of requests without, on the built-in model behind the engine.
//!
//! usage: `loras [--requests 30] [--loras 10] [--rank 16] [--steps N] [--rounds 7] [--device cpu] [--precision f32|bf16] [--at-least 0.7] [--json]`
//!
//! A round submits all requests at once and lasts until the pixels of the last are there. Rounds without and with LoRAs alternate, so that a
//! machine that changes its speed changes both; the figures are medians. The LoRAs have random numbers on every layer that kohya's trainers
//! adapt, and each request wears one of them, the next one the next. A first round of each kind reads files and is told apart.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Instant,
};

use clap::Parser;
use easel_benches::builtin;
use easel_engine::{Engine, EngineConfig, Outcome};
use easel_models::{
    Device, Precision,
    adapters::{Kind, Shelf},
    backend::{self, AdapterOptions, BackendOptions, TEXT_CACHE_BYTES},
    ops::{LayerShape, cpu::CpuOps},
    pipeline::Pipeline,
    prompt::PromptOptions,
    weights::open_model,
};
use easel_sampling::{NoiseSource, TorchCpu};
use easel_types::{GenerationRequest, LoraUse};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

/// How much of a LoRA a request has.
const WEIGHT: f64 = 0.8;

#[derive(Parser)]
#[command(name = "loras")]
struct Options {
    /// Requests at once, one picture each.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    requests: u32,
    /// Different LoRAs.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    loras: u32,
    /// Their rank.
    #[arg(long, default_value_t = 16)]
    rank: usize,
    /// Denoising steps; the model's own number if not given.
    #[arg(long)]
    steps: Option<u32>,
    /// Rounds of each kind after the first.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Where it is drawn.
    #[arg(long, default_value = "cpu")]
    device: Device,
    /// The number format; what the device is best at if not given.
    #[arg(long)]
    precision: Option<Precision>,
    /// Fail if the throughput with LoRAs is a smaller share of that without.
    #[arg(long)]
    at_least: Option<f64>,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Attention, feed-forward and projections of the denoiser and the text encoder: what kohya's trainers adapt.
fn write_lora(pipeline: &Pipeline<CpuOps>, path: &Path, rank: usize, seed: u64) -> Result<(), Failure> {
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

fn request(options: &Options, index: u32, worn: bool) -> GenerationRequest {
    let lora = || LoraUse { name: format!("random{}", index % options.loras), weight: WEIGHT, text_encoder_weight: WEIGHT };
    GenerationRequest {
        loras: if worn { vec![lora()] } else { Vec::new() },
        num_inference_steps: options.steps,
        seed: Some(u64::from(index)),
        ..GenerationRequest::text_to_image(format!("picture {index}"))
    }
}

/// Seconds until all of them are drawn.
async fn round(engine: &Engine, options: &Options, worn: bool) -> Result<f64, Failure> {
    let begun = Instant::now();
    let submitted: Result<Vec<_>, _> = (0..options.requests).map(|index| engine.submit(request(options, index, worn))).collect();
    for ticket in submitted? {
        match ticket.outcome().await {
            Outcome::Finished(_) => {}
            other => return Err(format!("no picture: {other:?}").into()),
        }
    }
    Ok(begun.elapsed().as_secs_f64())
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    let middle = seconds.len() / 2;
    if seconds.len() % 2 == 1 { seconds[middle] } else { f64::midpoint(seconds[middle - 1], seconds[middle]) }
}

/// What was measured; each without LoRAs, then with.
struct Measured {
    device: String,
    /// Seconds of the first rounds.
    first: [f64; 2],
    /// Seconds of the others, in their order.
    rounds: [Vec<f64>; 2],
}

async fn measure(options: &Options, folder: &Path) -> Result<Measured, Failure> {
    let device = options.device.open()?.with_precision(options.precision)?;
    let name = format!("{}: {}", device.device, device.detail);
    let shelf = Shelf::default().with_folder(Kind::Lora, folder);
    let backend_options = BackendOptions {
        device,
        catalogue: Box::new(vec![("builtin".into(), builtin())]),
        variant: None,
        prompt: PromptOptions::default(),
        text_cache_bytes: TEXT_CACHE_BYTES,
        adapters: AdapterOptions { shelf, ..AdapterOptions::default() },
    };
    let engine =
        Engine::start(move || Ok(backend::open(backend_options)), EngineConfig { preload: true, ..EngineConfig::default() });
    engine.ready().await?;
    // The first of all warms up caches that both kinds need.
    round(&engine, options, false).await?;
    let first = [round(&engine, options, false).await?, round(&engine, options, true).await?];
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..options.rounds {
        for (worn, seconds) in [false, true].into_iter().zip(&mut rounds) {
            seconds.push(round(&engine, options, worn).await?);
        }
    }
    Ok(Measured { device: name, first, rounds })
}

/// Whether the share is as large as it has to be.
fn report(options: &Options, measured: Measured) -> bool {
    let Measured { device, first, rounds } = measured;
    let medians = rounds.clone().map(median);
    let share = medians[0] / medians[1];
    let reached = options.at_least.is_none_or(|least| share >= least);
    let Options { requests, loras, rank, steps, .. } = options;
    if options.json {
        let told = json!({
            "device": device, "requests": requests, "loras": loras, "rank": rank, "steps": steps,
            "first_seconds": {"without": first[0], "with": first[1]},
            "seconds": {"without": rounds[0], "with": rounds[1]},
            "median_seconds": {"without": medians[0], "with": medians[1]},
            "share": share, "at_least": options.at_least, "reached": reached,
        });
        println!("{told}");
    } else {
        println!("{requests} requests at once on {device}");
        println!("without LoRAs: {:.3} s; with {loras} of rank {rank}: {:.3} s", medians[0], medians[1]);
        println!("throughput with LoRAs: {:.1} % of that without", 100.0 * share);
        println!("when their files are read first: {:.3} s and {:.3} s", first[0], first[1]);
    }
    reached
}

fn run(options: &Options) -> Result<bool, Failure> {
    let folder = tempfile::tempdir()?;
    let pipeline = Pipeline::load(Arc::new(CpuOps::default()), &open_model(&builtin(), None)?)?;
    for index in 0..options.loras {
        let path: PathBuf = folder.path().join(format!("random{index}.safetensors"));
        write_lora(&pipeline, &path, options.rank, u64::from(index))?;
    }
    drop(pipeline);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(report(options, runtime.block_on(measure(options, folder.path()))?))
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("loras: the share is smaller than wanted");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("loras: {error}");
            ExitCode::FAILURE
        }
    }
}
