//! Easel's side of `benches/peers/run.py` for whole pictures: a model behind the engine, asked for pictures by lines on standard input.
//!
//! usage: `pictures MODEL [--precision f32|bf16] [--runs 0]`
//!
//! A line `pictures COUNT STEPS` asks for so many guided pictures of so many steps at once; the answer is `{"part", "seconds"}`, from the
//! asking until the pixels of the last are there. `--runs 0` is what the `parts` example calls the same thing.

use std::{io::Write, path::PathBuf, process::ExitCode, time::Instant};

use clap::Parser;
use easel_engine::{Engine, EngineConfig, Outcome};
use easel_models::{
    Device, Precision,
    backend::{self, AdapterOptions, BackendOptions},
    prompt::PromptOptions,
};
use easel_types::GenerationRequest;
use serde_json::json;

const PROMPT: &str = "a picture";
const GUIDANCE: f64 = 7.5;

#[derive(Parser)]
#[command(name = "pictures")]
struct Options {
    /// A diffusers folder or a checkpoint.
    model: PathBuf,
    /// The number format; what the device is best at if not given.
    #[arg(long)]
    precision: Option<Precision>,
    /// Only 0: for each line on standard input.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=0))]
    runs: u8,
}

fn request(seed: u64, steps: u32) -> GenerationRequest {
    GenerationRequest {
        seed: Some(seed),
        num_inference_steps: Some(steps),
        guidance_scale: Some(GUIDANCE),
        ..GenerationRequest::text_to_image(PROMPT)
    }
}

/// `pictures COUNT STEPS`.
fn wanted(line: &str) -> Result<(u64, u32), String> {
    let words: Vec<_> = line.split_whitespace().collect();
    match words[..] {
        ["pictures", count, steps] => match (count.parse(), steps.parse()) {
            (Ok(count), Ok(steps)) => Ok((count, steps)),
            _ => Err(format!("{line:?}: two numbers are wanted after `pictures`")),
        },
        _ => Err(format!("{line:?}: `pictures COUNT STEPS` is wanted")),
    }
}

async fn draw(engine: &Engine, count: u64, steps: u32) -> Result<f64, String> {
    let begun = Instant::now();
    let tickets: Vec<_> = (0..count).map(|seed| engine.submit(request(seed, steps))).collect();
    for ticket in tickets {
        match ticket.map_err(|error| error.to_string())?.outcome().await {
            Outcome::Finished(_) => {}
            other => return Err(format!("no picture: {other:?}")),
        }
    }
    Ok(begun.elapsed().as_secs_f64())
}

fn answer(value: &serde_json::Value) -> Result<(), String> {
    let mut out = std::io::stdout();
    writeln!(out, "{value}").and_then(|()| out.flush()).map_err(|error| error.to_string())
}

async fn serve(options: Options) -> Result<(), String> {
    let begun = Instant::now();
    let device =
        Device::Cpu.open().and_then(|device| device.with_precision(options.precision)).map_err(|error| error.to_string())?;
    let options = BackendOptions {
        device,
        catalogue: Box::new(vec![("model".into(), options.model)]),
        variant: None,
        prompt: PromptOptions::default(),
        // Every picture pays for its prompt, as the peers' do.
        text_cache_bytes: 0,
        adapters: AdapterOptions::default(),
    };
    let engine = Engine::start(move || Ok(backend::open(options)), EngineConfig { preload: true, ..EngineConfig::default() });
    engine.ready().await.map_err(|error| error.to_string())?;
    answer(&json!({ "part": "load", "parts": ["pictures"], "seconds": [begun.elapsed().as_secs_f64()] }))?;
    for line in std::io::stdin().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let (count, steps) = wanted(&line)?;
        let seconds = draw(&engine, count, steps).await?;
        answer(&json!({ "part": line, "seconds": [seconds] }))?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(serve(Options::parse())));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pictures: {error}");
            ExitCode::FAILURE
        }
    }
}
