//! `easel generate PROMPT`: pictures through the same engine the server uses, in this process.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use easel_engine::{EngineConfig, Event, Limits, Picture, Ticket};
use easel_imaging::{EncodeOptions, encode, made_by_ai, mask, resize_gray, resize_rgb};
use easel_types::{GenerationRequest, Task};
use indicatif::ProgressBar;
use safetensors::{Dtype, tensor::TensorView};
use serde_json::{Value, json};

use super::{
    Context,
    files::{self, Output},
    overrides::{Group, Overrides},
    progress,
};
use crate::{
    config::{self, Config, Setting},
    error::{Exit, Failure, Result},
    output,
    runtime::{Options, Runtime},
    signals::Signals,
    tap::Latents,
};

#[derive(Args)]
pub struct Arguments {
    /// What to draw, in A1111's prompt syntax; `-` reads it from stdin
    prompt: String,
    /// Where to: .png, .jpg or .webp, `-` for stdout; several pictures become out-0.png, out-1.png, …
    #[arg(short, long, value_name = "FILE", default_value = "out.png")]
    output: String,
    /// Start from this picture (see --strength)
    #[arg(long, value_name = "FILE")]
    image: Option<String>,
    /// Repaint only what is white in this picture
    #[arg(long, value_name = "FILE", requires = "image")]
    mask: Option<String>,
    /// Write the final latents too, as a safetensors file with one tensor `latents`
    #[arg(long, value_name = "FILE")]
    latents_out: Option<String>,
    #[command(flatten)]
    pub settings: Overrides<Settings>,
}

pub struct Settings;

impl Group for Settings {
    const SETTINGS: &'static [&'static [&'static Setting]] = &[config::models::SETTINGS, config::generate::SETTINGS];
    const HEADING: &'static str = "Settings";
}

/// How long a cancelled request may take to stop: one step of a slow device.
const CANCEL_LIMIT: Duration = Duration::from_secs(20);

pub fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::io("cannot start", &error))?;
    runtime.block_on(generate(context, arguments))
}

async fn generate(context: &Context, arguments: &Arguments) -> Result<ExitCode> {
    let started = Instant::now();
    let mut signals = Signals::listen()?;
    let output = Output::parse(&arguments.output, context.config.generate.n, context.json)?;
    let request = request(arguments, &context.config)?;
    let runtime = start(context, arguments)?;

    let spinner = progress::spinner(context, "loading");
    tokio::select! {
        ready = runtime.ready() => ready?,
        // Nothing has been begun that would have to be undone.
        exit = signals.next() => return Err(interrupted(exit)),
    }
    spinner.finish_and_clear();
    let loaded = started.elapsed();

    let request = fit(request, &runtime)?;
    let drawing = Instant::now();
    let (pictures, rate) = draw(context, runtime.engine.submit(request)?, &mut signals).await?;
    let drawn = drawing.elapsed();

    let files = write_pictures(&pictures, &output)?;
    if let Some(path) = &arguments.latents_out {
        files::write(path.as_ref(), &latents_file(&runtime.kept.take_latents())?)?;
    }
    let timings = Timings { loaded, drawn, total: started.elapsed(), rate };
    report(context, arguments, &runtime, &Done { pictures, files, timings });
    Ok(ExitCode::SUCCESS)
}

fn start(context: &Context, arguments: &Arguments) -> Result<Runtime> {
    // The limits that protect a server from its clients: whoever types the command owns the machine.
    let limits = Limits { images_max: 1000, ..Limits::default() };
    let mut engine = EngineConfig { limits, ..Runtime::engine_config(&context.config) };
    engine.rules.backlog_max = Duration::MAX;
    Runtime::start(&context.config, Options { keep_latents: arguments.latents_out.is_some(), need_model: true, engine })
}

/// What the command line and the configuration ask for.
fn request(arguments: &Arguments, config: &Config) -> Result<GenerationRequest> {
    if arguments.image.is_none() && arguments.settings.flags.contains_key(config::generate::STRENGTH.key) {
        return Err(Failure::new(Exit::Usage, "--strength says how much of a start picture is redrawn; name one with --image"));
    }
    let settings = &config.generate;
    Ok(GenerationRequest {
        model: None,
        negative_prompt: settings.negative_prompt.clone(),
        task: task(arguments, settings.strength)?,
        width: settings.width,
        height: settings.height,
        num_inference_steps: settings.steps,
        guidance_scale: settings.guidance_scale,
        guidance_rescale: settings.guidance_rescale,
        sampler: settings.sampler,
        schedule: settings.schedule,
        timestep_spacing: settings.timestep_spacing,
        convention: settings.convention,
        eta: settings.eta,
        clip_skip: settings.clip_skip,
        seed: settings.seed,
        noise: settings.noise,
        num_images: settings.n,
        ..GenerationRequest::text_to_image(prompt(&arguments.prompt)?)
    })
}

fn prompt(text: &str) -> Result<String> {
    if text != files::STANDARD {
        return Ok(text.to_owned());
    }
    let mut text = String::new();
    let read = io::stdin().lock().take(1 << 20).read_to_string(&mut text);
    read.map_err(|error| Failure::new(Exit::BadInput, format!("cannot read the prompt from stdin: {error}")))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn task(arguments: &Arguments, strength: f64) -> Result<Task> {
    let Some(path) = &arguments.image else { return Ok(Task::TextToImage) };
    let image = Arc::new(files::read_picture(path)?.rgb);
    Ok(match &arguments.mask {
        None => Task::ImageToImage { image, strength },
        Some(path) => {
            let mask = Arc::new(mask::from_picture(&files::read_picture(path)?.rgb));
            Task::Inpaint { image, mask, strength }
        }
    })
}

/// Resizes picture and mask to the size of the output, which only the engine can tell.
fn fit(request: GenerationRequest, runtime: &Runtime) -> Result<GenerationRequest> {
    let (width, height) = runtime.engine.output_size(&request)?;
    let task = match request.task {
        Task::TextToImage => Task::TextToImage,
        Task::ImageToImage { image, strength } => {
            Task::ImageToImage { image: Arc::new(resize_rgb(&image, width, height)?), strength }
        }
        Task::Inpaint { image, mask, strength } => Task::Inpaint {
            image: Arc::new(resize_rgb(&image, width, height)?),
            mask: Arc::new(resize_gray(&mask, width, height)?),
            strength,
        },
    };
    Ok(GenerationRequest { task, ..request })
}

/// Draws with a progress bar; the pictures, and steps a second.
async fn draw(context: &Context, ticket: Ticket, signals: &mut Signals) -> Result<(Vec<Picture>, f64)> {
    let bar = progress::steps(context);
    bar.set_message("drawing");
    let result = follow(ticket, signals, &bar).await;
    bar.finish_and_clear();
    result
}

/// Follows a request to its end. The first signal cancels it, the second one does not wait for that.
async fn follow(mut ticket: Ticket, signals: &mut Signals, bar: &ProgressBar) -> Result<(Vec<Picture>, f64)> {
    let (mut stopped_by, mut last_rate) = (None, 0.0);
    loop {
        let event = tokio::select! {
            event = ticket.next() => event,
            exit = signals.next() => {
                if stopped_by.replace(exit).is_some() {
                    return Err(interrupted(exit));
                }
                ticket.cancel();
                bar.set_message("stopping");
                continue;
            }
            () = tokio::time::sleep(CANCEL_LIMIT), if stopped_by.is_some() => None,
        };
        match event {
            Some(Event::Finished(pictures)) => return Ok((pictures, last_rate)),
            Some(Event::Failed(error)) => return Err(error.into()),
            Some(Event::Cancelled) | None => return Err(interrupted(stopped_by.unwrap_or(Exit::Interrupted))),
            Some(Event::Step { index, total, rate, .. }) => {
                bar.set_length(u64::from(total));
                bar.set_position(u64::from(index));
                bar.set_prefix(format!("{rate:.2} it/s"));
                last_rate = rate;
            }
            Some(Event::Decoded { .. }) => bar.set_message("decoding"),
            Some(_) => {}
        }
    }
}

fn interrupted(exit: Exit) -> Failure {
    Failure::new(exit, "interrupted; nothing was written")
}

/// Encodes and writes; the names of the files, none for stdout.
fn write_pictures(pictures: &[Picture], output: &Output) -> Result<Vec<Option<String>>> {
    let (format, count) = (output.format()?, pictures.len() as u32);
    let mut files = Vec::with_capacity(pictures.len());
    for picture in pictures {
        let parameters = easel_api::infotext(&picture.resolved).to_string();
        let options = EncodeOptions { parameters: Some(&parameters), ..EncodeOptions::new(format) };
        let bytes = made_by_ai(encode(&picture.image, &options)?)?;
        let path = output.path(picture.index, count);
        match &path {
            Some(path) => files::write(path, &bytes)?,
            None => io::stdout().lock().write_all(&bytes).map_err(|error| Failure::io("cannot write to stdout", &error))?,
        }
        files.push(path.map(|path| path.display().to_string()));
    }
    Ok(files)
}

/// One tensor `latents`, (pictures, channels, height, width), float32.
fn latents_file(latents: &[Latents]) -> Result<Vec<u8>> {
    let bytes: Vec<u8> = latents.iter().flat_map(|latents| &latents.values).flat_map(|value| value.to_le_bytes()).collect();
    let [channels, height, width] = latents.first().map_or([0; 3], |latents| latents.shape);
    let tensor = TensorView::new(Dtype::F32, vec![latents.len(), channels, height, width], &bytes);
    let bug = |error: safetensors::SafeTensorError| Failure::new(Exit::Failure, format!("cannot write the latents: {error}"));
    let tensors = HashMap::from([("latents", tensor.map_err(bug)?)]);
    safetensors::serialize(tensors, None).map_err(bug)
}

struct Timings {
    loaded: Duration,
    drawn: Duration,
    total: Duration,
    /// Picture-steps a second.
    rate: f64,
}

struct Done {
    pictures: Vec<Picture>,
    files: Vec<Option<String>>,
    timings: Timings,
}

fn report(context: &Context, arguments: &Arguments, runtime: &Runtime, done: &Done) {
    if context.json {
        output::line(to_json(arguments, runtime, done));
    } else if !context.quiet {
        for (picture, file) in done.pictures.iter().zip(&done.files) {
            let resolved = &picture.resolved;
            let (file, seconds) = (file.as_deref().unwrap_or("stdout"), done.timings.total.as_secs_f64());
            eprintln!("{file}: {}x{}, seed {}, {seconds:.1} s", resolved.width, resolved.height, resolved.seed);
        }
    }
}

fn to_json(arguments: &Arguments, runtime: &Runtime, done: &Done) -> Value {
    let images = done.pictures.iter().zip(&done.files);
    let images: Vec<_> = images.map(|(picture, file)| json!({ "file": file, "seed": picture.resolved.seed })).collect();
    // Everything but the seed is the same for every picture.
    let mut out = serde_json::to_value(done.pictures.first().map(|picture| &picture.resolved)).unwrap_or_default();
    let Timings { loaded, drawn, total, rate } = &done.timings;
    out["images"] = images.into();
    out["latents"] = json!(arguments.latents_out);
    out["device"] = json!(runtime.engine.status().backend.map(|backend| backend.device));
    out["timings"] = json!({
        "load_seconds": loaded.as_secs_f64(), "draw_seconds": drawn.as_secs_f64(), "total_seconds": total.as_secs_f64(),
        "steps_per_second": rate,
    });
    out
}
