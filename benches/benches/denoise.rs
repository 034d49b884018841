//! UNet step, text encoding, decoding and the whole picture, for the built-in model and for a model of Stable Diffusion 1.5's size.
//!
//! `cargo bench -p easel-benches` runs all; `-- builtin` or `-- sd15` a part. A guidance pair is one denoiser call with two rows.

use std::{hint::black_box, sync::Arc, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use easel_backend::{DenoiseBackend, Plan, Prepared, StepRow};
use easel_benches::{Networks, builtin, random_sd15};
use easel_models::{
    Device,
    backend::{AdapterOptions, BackendOptions, CpuBackend, TEXT_CACHE_BYTES},
    ops::{Ops, cpu::CpuOps},
    pipeline::Pipeline,
    prompt::PromptOptions,
    text::ClipText,
    unet::{Conditioning, UNet},
    vae::Vae,
    weights::folder::open_model,
};
use easel_sampling::{NoiseSource, TorchCpu, table};
use easel_types::{Convention, Handover, ModelId, NoiseKind, Noising, Task};

const PROMPT: &str = "a red circle on a blue background";

fn noise(ops: &CpuOps, shape: &[usize]) -> <CpuOps as Ops>::Tensor {
    ops.upload(&TorchCpu::new(1).randn(shape), shape).expect("a tensor of noise")
}

/// One evaluation of a guidance pair with 77 text tokens.
fn unet_pair(c: &mut Criterion, label: &str, ops: &CpuOps, unet: &UNet<CpuOps>) {
    let config = unet.config();
    let side = config.sample_size;
    let x = noise(ops, &[2, config.in_channels, side, side]);
    let context = noise(ops, &[2, 77, config.cross_attention_dim]);
    let given = Conditioning { context: &context, text_time: None, guidance: None };
    c.bench_function(&format!("{label}/unet_step_pair"), |b| {
        b.iter(|| black_box(unet.forward(ops, &x, &[981.0, 981.0], &given).expect("a step")));
    });
}

fn text_encoding(c: &mut Criterion, label: &str, ops: &CpuOps, text: &ClipText<CpuOps>) {
    let ids: Vec<u32> = (0..77).map(|i| i % text.config().vocab_size as u32).collect();
    c.bench_function(&format!("{label}/text_encoding"), |b| {
        b.iter(|| black_box(text.forward(ops, &[&ids]).expect("states").last));
    });
}

fn decoding(c: &mut Criterion, label: &str, ops: &CpuOps, vae: &Vae<CpuOps>, side: usize) {
    let z = noise(ops, &[1, vae.config().latent_channels, side, side]);
    c.bench_function(&format!("{label}/decoding"), |b| {
        b.iter(|| black_box(vae.decode(ops, &z).expect("a picture")));
    });
}

/// From admission to the decoded picture with the model's defaults.
fn whole_picture(c: &mut Criterion) {
    let id = ModelId::from("builtin");
    let mut backend = CpuBackend::new(BackendOptions {
        device: Device::Cpu.open().expect("the processor"),
        catalogue: Box::new(vec![(id.clone(), builtin())]),
        variant: None,
        prompt: PromptOptions::default(),
        text_cache_bytes: TEXT_CACHE_BYTES,
        adapters: AdapterOptions::default(),
    });
    let model = backend.describe_model(&id).expect("the built-in model");
    let table = Arc::new(table(&model.sampler, &model.training, model.num_inference_steps, None).expect("a table"));
    let plan = Plan {
        model: id,
        prompt: PROMPT.into(),
        negative_prompt: None,
        loras: Vec::new(),
        controls: Vec::new(),
        noising: Noising::default(),
        handover: Handover::default(),
        clip_skip: None,
        task: Task::TextToImage,
        width: model.width,
        height: model.height,
        guidance_scale: model.guidance_scale,
        branches: 2,
        guidance_rescale: 0.0,
        seed: 1,
        noise: NoiseKind::TorchCpu,
        convention: Convention::Diffusers,
        table,
    };
    c.bench_function("builtin/whole_picture", |b| {
        b.iter(|| {
            let slot = backend.admit(&plan).expect("a slot");
            while backend.prepare(slot).expect("a ready slot") == Prepared::More {}
            for index in 0..plan.table.rows.len() {
                backend.step(&[StepRow { slot, index }]).expect("a step");
            }
            let picture = loop {
                if let Some(picture) = backend.decode(slot).expect("a picture") {
                    break picture;
                }
            };
            backend.release(slot);
            black_box(picture)
        });
    });
}

fn builtin_model(c: &mut Criterion) {
    let ops = Arc::new(CpuOps::default());
    let files = open_model(&builtin(), None).expect("the built-in model");
    let pipeline = Pipeline::load(ops.clone(), &files).expect("the built-in model");
    unet_pair(c, "builtin", &ops, &pipeline.unet);
    text_encoding(c, "builtin", &ops, &pipeline.encoders[0].model);
    decoding(c, "builtin", &ops, &pipeline.vae, pipeline.unet.config().sample_size);
    whole_picture(c);
}

fn sd15_size(c: &mut Criterion) {
    let Networks { ops, text, unet, vae } = random_sd15().expect("random networks");
    text_encoding(c, "sd15", &ops, &text);
    unet_pair(c, "sd15", &ops, &unet);
    decoding(c, "sd15", &ops, &vae, 64);
    // A whole picture of four guided steps at 256x256: the full size takes minutes a sample on a processor.
    let (x, context) = (noise(&ops, &[2, 4, 32, 32]), noise(&ops, &[2, 77, 768]));
    let given = Conditioning { context: &context, text_time: None, guidance: None };
    let z = noise(&ops, &[1, 4, 32, 32]);
    let ids: Vec<u32> = (0..77).collect();
    c.bench_function("sd15/whole_picture_256_4_steps", |b| {
        b.iter(|| {
            black_box(text.forward(ops.as_ref(), &[&ids, &ids]).expect("states").last);
            for t in [981.0, 735.0, 490.0, 245.0] {
                black_box(unet.forward(ops.as_ref(), &x, &[t, t], &given).expect("a step"));
            }
            black_box(vae.decode(ops.as_ref(), &z).expect("a picture"))
        });
    });
}

criterion_group! {
    name = builtin_group;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(10));
    targets = builtin_model
}
criterion_group! {
    name = sd15_group;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(60)).warm_up_time(Duration::from_secs(1));
    targets = sd15_size
}
criterion_main!(builtin_group, sd15_group);
