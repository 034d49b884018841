//! How long the slices of preparing and decoding take beside one step of one row: medians over some pictures with the built-in model.
//!
//! usage: `cargo run -p easel-models --release --example slices [PICTURES] [SIDE]`

#![allow(missing_docs)]

use std::{path::Path, sync::Arc, time::Instant};

use easel_backend::{DenoiseBackend, Plan, Prepared, StepRow};
use easel_models::{
    Device,
    backend::{AdapterOptions, BackendOptions, CpuBackend},
    prompt::PromptOptions,
};
use easel_sampling::table;
use easel_types::{Convention, Handover, ModelId, NoiseKind, Noising, Rgb8, Task};

type Failure = Box<dyn std::error::Error>;

/// Milliseconds of each call, by its place.
#[derive(Default)]
struct Times(Vec<Vec<f64>>);

impl Times {
    fn time<R>(&mut self, place: usize, call: impl FnOnce() -> R) -> R {
        let started = Instant::now();
        let result = call();
        self.0.resize_with(self.0.len().max(place + 1), Vec::new);
        self.0[place].push(1e3 * started.elapsed().as_secs_f64());
        result
    }

    fn print(mut self, what: &str) {
        let medians: Vec<f64> = self
            .0
            .iter_mut()
            .map(|times| {
                times.sort_by(f64::total_cmp);
                times[times.len() / 2]
            })
            .collect();
        let longest = medians.iter().copied().fold(0.0, f64::max);
        let each: Vec<String> = medians.iter().map(|ms| format!("{ms:.1}")).collect();
        println!(
            "{what}: {} slices, {:.1} ms, the longest {longest:.1} ms\n    {}",
            each.len(),
            medians.iter().sum::<f64>(),
            each.join(" ")
        );
    }
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<u32> = std::env::args().skip(1).map(|n| n.parse()).collect::<Result<_, _>>()?;
    let (pictures, side) = (arguments.first().copied().unwrap_or(9), arguments.get(1).copied().unwrap_or(128));
    let model = ModelId::from("builtin");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/builtin");
    let mut backend = CpuBackend::new(BackendOptions {
        device: Device::Cpu.open()?,
        catalogue: Box::new(vec![(model.clone(), folder)]),
        variant: None,
        prompt: PromptOptions::default(),
        text_cache_bytes: 0,
        adapters: AdapterOptions::default(),
    });
    let described = backend.describe_model(&model)?;
    let image = Arc::new(Rgb8::new(side, side, vec![128; 3 * (side * side) as usize])?);
    let plan = Plan {
        model,
        prompt: "a red circle on a blue background".into(),
        negative_prompt: None,
        loras: Vec::new(),
        controls: Vec::new(),
        noising: Noising::default(),
        handover: Handover::default(),
        clip_skip: None,
        task: Task::ImageToImage { image, strength: 0.5 },
        width: side,
        height: side,
        guidance_scale: 1.0,
        branches: 1,
        guidance_rescale: 0.0,
        seed: 1,
        noise: NoiseKind::TorchCpu,
        convention: Convention::Diffusers,
        table: Arc::new(table(&described.sampler, &described.training, 4, Some(0.5))?),
    };
    let (mut preparing, mut steps, mut previews, mut decoding) =
        (Times::default(), Times::default(), Times::default(), Times::default());
    for _ in 0..pictures {
        let slot = backend.admit(&plan)?;
        let mut place = 0;
        while preparing.time(place, || backend.prepare(slot))? == Prepared::More {
            place += 1;
        }
        for index in 0..plan.table.rows.len() {
            steps.time(index, || backend.step(&[StepRow { slot, index }]))?;
        }
        previews.time(0, || backend.preview(slot))?;
        place = 0;
        while decoding.time(place, || backend.decode(slot))?.is_none() {
            place += 1;
        }
        backend.release(slot);
    }
    preparing.print("preparing a picture to start from");
    steps.print("steps of one row");
    previews.print("preview");
    decoding.print("decoding");
    Ok(())
}
