//! A picture is bit for bit the same whether its rows are stepped alone or together with any others: latents and decoded picture, with the
//! built-in model on the processor, over random mixes of samplers, step counts, guidance, tasks and moments of joining.

#![allow(missing_docs)]

#[path = "common/mod.rs"]
mod common;

use std::sync::Arc;

use common::{Failure, Outcome, backend, bf16_backend, decode, draw_alone, prepare};
use easel_backend::{DenoiseBackend, Plan, Slot, StepRow};
use easel_sampling::{NoiseSource, SamplerConfig, TorchCpu, table};
use easel_types::{
    Convention, Gray8, Handover, LatentFill, ModelId, NoiseKind, Noising, Rgb8, SamplerKind, SigmaSchedule, Task, Variation,
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

const SIDES: [u32; 3] = [64, 96, 128];
const PROMPTS: [&str; 4] =
    ["a red circle on a blue background", "two green squares", "", "a (yellow:1.3) triangle on a black background"];
/// One evaluation a step and two, with noise and without, with history and without.
const SAMPLERS: [SamplerKind; 10] = [
    SamplerKind::Euler,
    SamplerKind::EulerAncestral,
    SamplerKind::Heun,
    SamplerKind::Ddim,
    SamplerKind::Ddpm,
    SamplerKind::Dpmpp2m,
    SamplerKind::Dpmpp2mSde,
    SamplerKind::UniPc,
    SamplerKind::Dpm2Ancestral,
    SamplerKind::DpmppSde,
];

fn image(rng: &mut SmallRng, side: [u32; 2]) -> Arc<Rgb8> {
    let noise = TorchCpu::new(rng.random_range(0..1000)).randn(&[(3 * side[0] * side[1]) as usize]);
    let pixels = noise.iter().map(|v| (128.0 + 60.0 * v) as u8).collect();
    Arc::new(Rgb8::new(side[0], side[1], pixels).expect("a picture"))
}

fn task(rng: &mut SmallRng, side: [u32; 2]) -> Task {
    let strength = [0.5, 0.8, 1.0][rng.random_range(0..3)];
    match rng.random_range(0..3) {
        0 => Task::TextToImage,
        1 => Task::ImageToImage { image: image(rng, side), strength },
        _ => {
            let pixels = (0..side[0] * side[1]).map(|i| if i % side[0] < side[0] / 2 { 255 } else { 0 }).collect();
            let mask = Arc::new(Gray8::new(side[0], side[1], pixels).expect("a mask"));
            Task::Inpaint { image: image(rng, side), mask, strength }
        }
    }
}

/// A random request; those of one mix share a size, so that they share calls of the denoiser.
fn plan(backend: &mut impl DenoiseBackend, rng: &mut SmallRng, side: [u32; 2]) -> Result<Plan, Failure> {
    let model = ModelId::from("builtin");
    let described = backend.describe_model(&model)?;
    let guided = rng.random_range(0..3) > 0;
    let task = task(rng, side);
    let strength = match &task {
        Task::TextToImage => None,
        Task::ImageToImage { strength, .. } | Task::Inpaint { strength, .. } => Some(*strength).filter(|s| *s < 1.0),
    };
    let sampler = SamplerConfig::new(SAMPLERS[rng.random_range(0..SAMPLERS.len())], SigmaSchedule::Normal);
    let mut plan = Plan {
        model,
        prompt: PROMPTS[rng.random_range(0..PROMPTS.len())].into(),
        negative_prompt: (rng.random_range(0..2) == 0).then(|| PROMPTS[rng.random_range(0..PROMPTS.len())].into()),
        loras: Vec::new(),
        controls: Vec::new(),
        noising: match rng.random_range(0..2) {
            0 => Noising::default(),
            _ => Noising {
                variation: Some(Variation { seed: rng.random_range(0..1 << 40), strength: 0.3 }),
                resized_from: Some((64, 96)),
                later_seed_delta: 31337,
                fill: LatentFill::Noise { back: 0 },
                ..Noising::default()
            },
        },
        handover: Handover::default(),
        clip_skip: None,
        task,
        width: side[0],
        height: side[1],
        guidance_scale: if guided { 3.0 } else { 1.0 },
        branches: 1 + u32::from(guided),
        guidance_rescale: if rng.random_range(0..3) == 0 { 0.7 } else { 0.0 },
        seed: rng.random_range(0..1 << 40),
        noise: if rng.random_range(0..2) == 0 { NoiseKind::TorchCpu } else { NoiseKind::Nv },
        convention: Convention::Diffusers,
        table: Arc::new(table(&sampler, &described.training, rng.random_range(2..5), strength)?),
    };
    // Some evaluations of guided pictures leave the second row out.
    let seed = plan.seed as usize;
    let rows = Arc::make_mut(&mut plan.table).rows.iter_mut().enumerate();
    rows.for_each(|(i, row)| row.guided = !(seed + i).is_multiple_of(3));
    Ok(plan)
}

struct Running {
    plan: Plan,
    slot: Slot,
    index: usize,
}

/// Draws all plans at once: each joins at a random moment, and each step takes a random part of those that are under way.
fn draw_together(
    backend: &mut impl DenoiseBackend,
    plans: &[Plan],
    rng: &mut SmallRng,
) -> Result<(Vec<Outcome>, usize), Failure> {
    let mut waiting: Vec<(usize, &Plan)> = plans.iter().enumerate().collect();
    let mut running: Vec<(usize, Running)> = Vec::new();
    let mut outcomes: Vec<Option<Outcome>> = plans.iter().map(|_| None).collect();
    let mut shared = 0;
    while !waiting.is_empty() || !running.is_empty() {
        while !waiting.is_empty() && (running.is_empty() || rng.random_range(0..4) > 0) {
            let (i, plan) = waiting.swap_remove(rng.random_range(0..waiting.len()));
            let slot = backend.admit(plan)?;
            prepare(backend, slot)?;
            running.push((i, Running { plan: plan.clone(), slot, index: 0 }));
        }
        let mut rows: Vec<StepRow> = Vec::new();
        for (_, one) in &mut running {
            if rows.is_empty() || rng.random_range(0..4) > 0 {
                rows.insert(rng.random_range(0..=rows.len()), StepRow { slot: one.slot, index: one.index });
                one.index += 1;
            }
        }
        shared += usize::from(rows.len() > 1);
        backend.step(&rows)?;
        let (done, rest) = running.into_iter().partition(|(_, one)| one.index == one.plan.table.rows.len());
        running = rest;
        for (i, one) in done {
            outcomes[i] = Some(decode(backend, one.slot)?);
            backend.release(one.slot);
        }
    }
    Ok((outcomes.into_iter().flatten().collect(), shared))
}

#[test]
fn a_picture_is_the_same_in_any_company() -> Result<(), Failure> {
    is_the_same_in_any_company(backend()?, 0..12)
}

#[test]
fn a_picture_in_bf16_is_the_same_in_any_company() -> Result<(), Failure> {
    is_the_same_in_any_company(bf16_backend()?, 100..112)
}

fn is_the_same_in_any_company(mut backend: impl DenoiseBackend, mixes: std::ops::Range<u64>) -> Result<(), Failure> {
    let mut shared = 0;
    for mix in mixes {
        let mut rng = SmallRng::seed_from_u64(mix);
        let side = [SIDES[rng.random_range(0..3)], SIDES[rng.random_range(0..3)]];
        let plans = (0..rng.random_range(3..5)).map(|_| plan(&mut backend, &mut rng, side)).collect::<Result<Vec<_>, _>>()?;
        let alone = plans.iter().map(|plan| draw_alone(&mut backend, plan)).collect::<Result<Vec<_>, _>>()?;
        let (together, steps) = draw_together(&mut backend, &plans, &mut rng)?;
        shared += steps;
        assert_eq!(together.len(), plans.len());
        for (i, (alone, together)) in alone.iter().zip(&together).enumerate() {
            let differing = alone.latents.iter().zip(&together.latents).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
            assert_eq!(differing, 0, "mix {mix}, picture {i}: {differing} of {} latents differ", alone.latents.len());
            assert!(alone.picture == together.picture, "mix {mix}, picture {i}: the decoded pictures differ");
        }
        // Two different plans do not give the same picture, so the comparison above compares something.
        assert_ne!(alone[0].latents, alone[1].latents, "mix {mix}");
    }
    assert!(shared > 20, "only {shared} steps had company");
    Ok(())
}
