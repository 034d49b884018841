//! A picture is the same bit for bit alone and in any mix: whatever else is on the device, joins, leaves or is cancelled.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{HashMap, hash_map::Entry},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use easel_engine::{Engine, EngineConfig, Event, Outcome, scheduler::Rules};
use easel_models::{
    Device, Precision,
    backend::{self, AdapterOptions, BackendOptions, TEXT_CACHE_BYTES},
};
use easel_types::{GenerationRequest, Gray8, Rgb8, SamplerKind, SigmaSchedule, Task};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

/// Random mixes that are drawn.
const MIXES: u64 = 100;
const SAMPLERS: [SamplerKind; 9] = [
    SamplerKind::Euler,
    SamplerKind::EulerAncestral,
    SamplerKind::Heun,
    SamplerKind::Dpmpp2m,
    SamplerKind::Dpmpp2mSde,
    SamplerKind::Ddim,
    SamplerKind::Dpm2,
    SamplerKind::UniPc,
    SamplerKind::Lms,
];
const PROMPTS: [&str; 4] = ["a red circle", "a blue star on a white background", "a (green:1.3) square", ""];

fn engine(precision: Precision) -> Engine {
    let builtin = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models/builtin");
    let options = BackendOptions {
        device: Device::Cpu.open().unwrap().with_precision(Some(precision)).unwrap(),
        catalogue: Box::new(vec![("builtin".into(), builtin)]),
        variant: None,
        prompt: Default::default(),
        text_cache_bytes: TEXT_CACHE_BYTES,
        adapters: AdapterOptions::default(),
    };
    // A target so far away that batches are as large as they may be.
    let rules = Rules { target_factor: 1000.0, rows_max: 12, ..Rules::default() };
    Engine::start(move || Ok(backend::open(options)), EngineConfig { rules, ..EngineConfig::default() })
}

fn picture(width: u32, height: u32, rng: &mut SmallRng) -> Arc<Rgb8> {
    let pixels = (0..width * height * 3).map(|_| rng.random()).collect();
    Arc::new(Rgb8::new(width, height, pixels).unwrap())
}

/// One of a few hundred requests, so that what it looks like alone has to be found out only once.
fn request(number: u64) -> GenerationRequest {
    let mut rng = SmallRng::seed_from_u64(number);
    let (width, height) = [(64, 64), (64, 64), (64, 96), (96, 64), (128, 128)][rng.random_range(0..5)];
    let strength = rng.random_range(0.5..1.0);
    let task = match rng.random_range(0..6) {
        0 => Task::ImageToImage { image: picture(width, height, &mut rng), strength },
        1 => {
            let mask = (0..width * height).map(|i| if i % width < width / 2 { 255 } else { 0 }).collect();
            let mask = Arc::new(Gray8::new(width, height, mask).unwrap());
            Task::Inpaint { image: picture(width, height, &mut rng), mask, strength }
        }
        _ => Task::TextToImage,
    };
    GenerationRequest {
        task,
        width: Some(width),
        height: Some(height),
        num_inference_steps: Some(rng.random_range(1..5)),
        guidance_scale: Some([1.0, 3.0, 7.5][rng.random_range(0..3)]),
        sampler: Some(SAMPLERS[rng.random_range(0..SAMPLERS.len())]),
        schedule: rng.random_bool(0.3).then_some(SigmaSchedule::Karras),
        negative_prompt: rng.random_bool(0.5).then(|| PROMPTS[rng.random_range(0..PROMPTS.len())].to_owned()),
        seed: Some(rng.random()),
        num_images: rng.random_range(1..3),
        ..GenerationRequest::text_to_image(PROMPTS[rng.random_range(0..PROMPTS.len())])
    }
}

async fn images(outcome: Outcome) -> Vec<Rgb8> {
    match outcome {
        Outcome::Finished(pictures) => pictures.into_iter().map(|picture| picture.image).collect(),
        other => panic!("{other:?}"),
    }
}

/// A request that the samplers' rules do not refuse.
fn plannable(engine: &Engine, number: u64) -> Option<GenerationRequest> {
    let request = request(number);
    let model = engine.find_model(None).unwrap();
    easel_engine::plan(&request, &model, engine.limits(), 0).ok().map(|_| request)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_the_same_alone_and_in_any_mix() {
    is_the_same_alone_and_in_any_mix(engine(Precision::F32)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_in_bf16_is_the_same_alone_and_in_any_mix() {
    is_the_same_alone_and_in_any_mix(engine(Precision::Bf16)).await;
}

async fn is_the_same_alone_and_in_any_mix(engine: Engine) {
    engine.ready().await.unwrap();
    let mut alone: HashMap<u64, Vec<Rgb8>> = HashMap::new();
    let (mut compared, mut cancelled) = (0, 0);
    for mix in 0..MIXES {
        let mut rng = SmallRng::seed_from_u64(1_000_000 + mix);
        let mut running = Vec::new();
        for _ in 0..rng.random_range(2..6) {
            let number = rng.random_range(0..120);
            let Some(request) = plannable(&engine, number) else { continue };
            let mut ticket = engine.submit(request).unwrap();
            match rng.random_range(0..4) {
                // The next one comes while this one is being stepped,
                0 => while !matches!(ticket.next().await, Some(Event::Step { .. } | Event::Finished(_)) | None) {},
                // or a moment later,
                1 => tokio::time::sleep(Duration::from_millis(rng.random_range(0..60))).await,
                // or at once.
                _ => {}
            }
            if rng.random_bool(0.15) {
                let canceller = ticket.canceller();
                let after = Duration::from_millis(rng.random_range(0..120));
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    canceller.cancel();
                });
            }
            running.push((number, ticket));
        }
        let mut drawn = Vec::new();
        for (number, mut ticket) in running {
            loop {
                match ticket.next().await {
                    Some(Event::Finished(pictures)) => {
                        drawn.push((number, pictures.into_iter().map(|picture| picture.image).collect::<Vec<_>>()));
                        break;
                    }
                    Some(Event::Failed(error)) => panic!("mix {mix}, request {number}: {error}"),
                    Some(Event::Cancelled) | None => {
                        cancelled += 1;
                        break;
                    }
                    Some(_) => {}
                }
            }
        }
        for (number, pictures) in drawn {
            let own = match alone.entry(number) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(images(engine.submit(request(number)).unwrap().outcome().await).await),
            };
            assert!(*own == pictures, "mix {mix}: request {number} differs from itself alone: {:?}", request(number).sampler);
            compared += 1;
        }
    }
    // Some finish before they can be waited for or cancelled; the rest must have been compared, and in real batches.
    let metrics = engine.metrics();
    let shared = metrics.lines().find(|line| line.starts_with("easel_engine_batch_rows_bucket{le=\"2.0\"}")).unwrap();
    let small: f64 = shared.rsplit(' ').next().unwrap().parse().unwrap();
    let all = metrics.lines().find(|line| line.starts_with("easel_engine_batch_rows_count")).unwrap();
    let all: f64 = all.rsplit(' ').next().unwrap().parse().unwrap();
    println!("{compared} requests compared, {cancelled} cancelled, {} of {all} batches had more than two rows", all - small);
    assert!(compared > 150, "{compared}");
    assert!(all - small > 100.0, "most batches must have been shared: {} of {all}", all - small);
}
