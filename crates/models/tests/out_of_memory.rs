//! Memory that runs out: a call that fails for want of it can be repeated and gives what it would have given, and a decoder that is short of
//! it goes on in tiles by itself.

#![allow(missing_docs)]

mod common;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use common::{Failure, backend, fixture, lora_fixtures, text_plan};
use easel_backend::Plan;
use easel_models::{
    ModelError,
    adapters::{Shelf, Wardrobe},
    ops::{Activation, ConvShape, Epilogue, Input, LowRank, Mask, Ops, OpsError, Result, Update, Updated, cpu::CpuOps},
    pipeline::{Pipeline, SlotState, Stores, TextCache, commit, draw, evaluate},
    prompt::PromptOptions,
    weights::folder::open_model,
};
use easel_sampling::{SamplerConfig, table};
use easel_types::{Gray8, LoraUse, Rgb8, SamplerKind, SigmaSchedule, Task};

/// The processor with less memory than it has.
struct Short {
    inner: CpuOps,
    /// Convolutions of more pixels than this fail.
    most_pixels: AtomicUsize,
    /// Calls until one fails; each failure doubles the distance to the next, so that every retry comes through in the end.
    patience: AtomicUsize,
    calls: AtomicUsize,
    failures: AtomicUsize,
}

type T = <CpuOps as Ops>::Tensor;

impl Short {
    fn new() -> Self {
        let inner = CpuOps::default();
        let never = || AtomicUsize::new(usize::MAX);
        Self { inner, most_pixels: never(), patience: never(), calls: AtomicUsize::new(0), failures: AtomicUsize::new(0) }
    }

    fn fail(&self) -> Result<()> {
        self.failures.fetch_add(1, Ordering::Relaxed);
        Err(OpsError::OutOfMemory("none left".into()))
    }

    fn call(&self) -> Result<()> {
        if self.calls.fetch_add(1, Ordering::Relaxed) + 1 < self.patience.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.calls.store(0, Ordering::Relaxed);
        self.patience.fetch_add(self.patience.load(Ordering::Relaxed) / 8 + 1, Ordering::Relaxed);
        self.fail()
    }
}

macro_rules! pass_on {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)+) => {
        $(fn $name(&self, $($argument: $type),*) -> Result<$result> {
            self.call()?;
            self.inner.$name($($argument),*)
        })+
    };
}

impl Ops for Short {
    type Tensor = T;
    type Conv = <CpuOps as Ops>::Conv;
    type Linear = <CpuOps as Ops>::Linear;
    type Norm = <CpuOps as Ops>::Norm;
    type Records = ();

    fn value_bytes(&self) -> usize {
        self.inner.value_bytes()
    }

    fn shape(&self, x: &T) -> Vec<usize> {
        self.inner.shape(x)
    }

    fn conv(&self, x: &T, w: &Self::Conv, epilogue: Epilogue<'_, T>) -> Result<T> {
        self.call()?;
        let shape = self.shape(x);
        if shape[2] * shape[3] > self.most_pixels.load(Ordering::Relaxed) {
            self.fail()?;
        }
        self.inner.conv(x, w, epilogue)
    }

    fn low_rank(&self, x: &T, y: T, additions: &[LowRank<'_, Self>]) -> Result<T> {
        self.call()?;
        let inner = additions.iter().map(|w| LowRank { rows: w.rows.clone(), factors: w.factors, down: w.down, up: w.up });
        self.inner.low_rank(x, y, &inner.collect::<Vec<_>>())
    }

    pass_on! {
        conv_weights(shape: ConvShape, weight: &[f32], bias: Option<Vec<f32>>) -> Self::Conv;
        linear_weights(outputs: usize, inputs: usize, weight: &[f32], bias: Option<Vec<f32>>) -> Self::Linear;
        gated_weights(outputs: usize, inputs: usize, weight: &[f32], bias: Option<Vec<f32>>) -> Self::Linear;
        norm_weights(groups: usize, epsilon: f64, scale: Vec<f32>, shift: Vec<f32>) -> Self::Norm;
        upload(values: &[f32], shape: &[usize]) -> T;
        download(x: &T) -> Vec<f32>;
        linear(x: &T, w: &Self::Linear, epilogue: Epilogue<'_, T>) -> T;
        group_norm(x: &T, w: &Self::Norm, activation: Activation) -> T;
        layer_norm(x: &T, w: &Self::Norm) -> T;
        attention(q: &T, k: &T, v: &T, heads: usize, mask: Mask) -> T;
        geglu(x: &T, w: &Self::Linear) -> T;
        activate(x: &T, activation: Activation) -> T;
        add(a: &T, b: &T) -> T;
        upsample(x: &T, height: usize, width: usize) -> T;
        pad_bottom_right(x: &T, pixels: usize) -> T;
        concat_channels(xs: &[&T]) -> T;
        concat_rows(xs: &[&T]) -> T;
        rows(x: &T, start: usize, count: usize) -> T;
        map_to_tokens(x: &T) -> T;
        tokens_to_map(x: &T, height: usize, width: usize) -> T;
        scale_rows(x: &T, factors: &T) -> T;
        ungated(x: &T, w: &Self::Linear) -> T;
        gate(x: &T, w: &Self::Linear) -> T;
        denoiser_input(pictures: &[Input<'_, T>]) -> T;
        advance(output: &T, pictures: &[Update<'_, T>]) -> Vec<Updated<T>>;
    }
}

/// Repeats what fails for want of memory.
fn retry<R>(mut call: impl FnMut() -> std::result::Result<R, ModelError>) -> std::result::Result<R, ModelError> {
    loop {
        match call() {
            Err(ModelError::Ops(OpsError::OutOfMemory(_))) => {}
            result => return result,
        }
    }
}

struct Drawn {
    latents: Vec<f32>,
    picture: Rgb8,
    /// Slices of decoding.
    slices: usize,
}

fn draw_picture(pipeline: &Pipeline<Short>, plan: &Plan) -> std::result::Result<Drawn, ModelError> {
    let (mut texts, mut wardrobe) = (TextCache::new(0), Wardrobe::new(0, 0));
    let shelf = Shelf::default().with_root(&lora_fixtures());
    let mut stores = Stores { options: PromptOptions::default(), texts: &mut texts, wardrobe: &mut wardrobe, shelf: &shelf };
    let mut state = SlotState::admit(pipeline, plan)?;
    while !retry(|| state.prepare(pipeline, &mut stores))? {}
    for index in 0..plan.table.rows.len() {
        draw(&mut state, index)?;
        let mut advanced = retry(|| {
            draw(&mut state, index)?;
            evaluate(pipeline, &[(&state, index)])
        })?;
        commit(&mut state, advanced.remove(0))?;
    }
    let latents = retry(|| Ok(pipeline.ops.download(state.latents()?)?))?;
    retry(|| state.begin_decoding(pipeline, &latents))?;
    let mut slices = 1;
    let picture = loop {
        slices += 1;
        if let Some(picture) = retry(|| state.decode(pipeline))? {
            break picture;
        }
    };
    Ok(Drawn { latents, picture, slices })
}

/// A partly kept picture with a sampler that draws noise: everything that could be drawn or done twice.
fn inpaint_plan(model: &str, side: u32) -> std::result::Result<Plan, Failure> {
    let mut backend = backend()?;
    let mut plan = text_plan(&mut backend, model, "a red circle", 3, side)?;
    let pixels = (0..3 * side * side).map(|i| (i * 7919 % 251) as u8).collect();
    let mask = (0..side * side).map(|i| if i % 3 == 0 { 255 } else { 0 }).collect();
    let image = Arc::new(Rgb8::new(side, side, pixels)?);
    plan.task = Task::Inpaint { image, mask: Arc::new(Gray8::new(side, side, mask)?), strength: 0.9 };
    let training = easel_backend::DenoiseBackend::describe_model(&mut backend, &plan.model)?.training;
    let sampler = SamplerConfig::new(SamplerKind::EulerAncestral, SigmaSchedule::Normal);
    plan.table = Arc::new(table(&sampler, &training, 4, Some(0.9))?);
    Ok(plan)
}

fn load(model: &str) -> std::result::Result<Pipeline<Short>, Failure> {
    Ok(Pipeline::load(Arc::new(Short::new()), &open_model(&fixture(model), None)?)?)
}

#[test]
fn what_failed_is_repeated_and_comes_to_the_same() -> std::result::Result<(), Failure> {
    for model in ["sd1", "inpaint", "sdxl"] {
        let (pipeline, mut plan) = (load(model)?, inpaint_plan(model, 64)?);
        if model != "inpaint" {
            plan.loras.push(LoraUse { name: format!("{model}_kohya"), weight: 0.8, text_encoder_weight: 0.8 });
        }
        let expected = draw_picture(&pipeline, &plan)?;
        assert_eq!(pipeline.ops.failures.load(Ordering::Relaxed), 0);
        pipeline.ops.calls.store(0, Ordering::Relaxed);
        pipeline.ops.patience.store(2, Ordering::Relaxed);
        let got = draw_picture(&pipeline, &plan)?;
        let failures = pipeline.ops.failures.load(Ordering::Relaxed);
        assert!(failures > 15, "{model}: only {failures} calls failed");
        assert!(got.latents == expected.latents, "{model}: the latents are others");
        // A failure while decoding leads to tiles; at this size there is one tile, which is the whole picture.
        assert!(got.picture == expected.picture, "{model}: the picture is another");
    }
    Ok(())
}

#[test]
fn a_decoder_short_of_memory_goes_on_in_tiles() -> std::result::Result<(), Failure> {
    let pipeline = load("sd1")?;
    let (side, tile) = (160, pipeline.vae.config().sample_size);
    let mut backend = backend()?;
    let plan = text_plan(&mut backend, "sd1", "a red circle", 1, side)?;
    let whole = draw_picture(&pipeline, &plan)?;
    pipeline.ops.most_pixels.store(tile * tile, Ordering::Relaxed);
    let tiled = draw_picture(&pipeline, &plan)?;
    assert_eq!(pipeline.ops.failures.load(Ordering::Relaxed), 1, "one attempt with the whole picture");
    assert!(tiled.latents == whole.latents && tiled.picture != whole.picture, "seams differ in a bit or two");
    assert!(tiled.slices > 4 * whole.slices, "{} slices instead of {}", tiled.slices, whole.slices);
    let off = |(a, b): (&u8, &u8)| a.abs_diff(*b);
    let worst = whole.picture.pixels().iter().zip(tiled.picture.pixels()).map(off).max().unwrap_or(0);
    assert!(worst < 128, "{worst}");
    // The same tiles as those of the autoencoder on its own.
    let shape = [1, 4, side as usize / 8, side as usize / 8];
    let scaled: Vec<f32> = tiled.latents.iter().map(|v| v / pipeline.vae.config().scaling_factor as f32).collect();
    let expected = pipeline.vae.decode_tiled(&pipeline.ops, &pipeline.ops.upload(&scaled, &shape)?)?;
    let bytes = expected.iter().map(|v| ((v / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0).round_ties_even() as u8);
    let plane = (side * side) as usize;
    let planar: Vec<u8> = (0..3 * plane).map(|i| tiled.picture.pixels()[3 * (i % plane) + i / plane]).collect();
    assert!(bytes.eq(planar));
    Ok(())
}
