//! LoRAs per row: nothing of one stays with the next picture, and nobody can tell who else was in the batch. On every implementation of
//! the operations.

#![allow(missing_docs)]

mod common;

use std::sync::Arc;

use common::{Failure, backend, lora_fixtures, lora_options, text_plan};
use easel_backend::{BackendError, DenoiseBackend, Plan, Prepared, Slot, StepRow};
use easel_kernels::cuda::{Machine, Order};
use easel_models::{
    Precision,
    backend::{CandleBackend, CpuBackend, CpuBf16Backend, CudaBackend},
    ops::cuda::CudaOps,
};
use easel_types::{LoraUse, Worn};
use sha2::{Digest, Sha256};

const STEPS: u32 = 2;
/// How many of the pictures are drawn: all.
const ALL: usize = 7;
/// On an emulated card, every thread of which is gone through one by one: those with none, one, another one and both.
const FEW: usize = 4;

fn lora(name: &str, weight: f64) -> LoraUse {
    LoraUse { name: name.into(), weight, text_encoder_weight: weight }
}

/// Pictures with none, one and several LoRAs, with and without guidance.
fn plans(model: &str) -> Result<Vec<Plan>, Failure> {
    let mut describing = backend()?;
    let own = |name: &str| format!("{model}_{name}");
    let mixes = [
        vec![],
        vec![lora(&own("kohya"), 0.8)],
        vec![lora(&own("diffusers"), 1.0)],
        vec![lora(&own("kohya"), -0.4), lora(&own("diffusers"), 0.7)],
        vec![],
        vec![lora(&own("diffusers"), 0.5), lora(&own("kohya"), 1.0)],
        vec![lora(&own("kohya"), 0.3)],
    ];
    let mut plans = Vec::new();
    for (i, loras) in mixes.into_iter().enumerate() {
        let plan = text_plan(&mut describing, model, "a red circle", STEPS, 64)?;
        let guided = i % 3 != 2;
        let (guidance_scale, branches) = if guided { (3.0, 2) } else { (1.0, 1) };
        plans.push(Plan { loras, seed: i as u64 / 2, guidance_scale, branches, ..plan });
    }
    Ok(plans)
}

fn prepared(backend: &mut dyn DenoiseBackend, plan: &Plan) -> Result<Slot, BackendError> {
    let slot = backend.admit(plan)?;
    while backend.prepare(slot)? == Prepared::More {}
    Ok(slot)
}

/// The latents of pictures that are drawn together.
fn together(backend: &mut dyn DenoiseBackend, plans: &[Plan]) -> Result<Vec<Vec<f32>>, Failure> {
    let slots = plans.iter().map(|plan| prepared(backend, plan)).collect::<Result<Vec<_>, _>>()?;
    for index in 0..plans[0].table.rows.len() {
        backend.step(&slots.iter().map(|&slot| StepRow { slot, index }).collect::<Vec<_>>())?;
    }
    let latents = slots.iter().map(|&slot| Ok(backend.latents(slot)?.0)).collect();
    slots.into_iter().for_each(|slot| backend.release(slot));
    latents
}

fn bits(latents: &[f32]) -> Vec<u32> {
    latents.iter().map(|x| x.to_bits()).collect()
}

fn difference(a: &[f32], b: &[f32]) -> f64 {
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| f64::from(a - b))) / norm(&mut b.iter().map(|b| f64::from(*b)))
}

/// A, A with a LoRA, A.
fn leaves_nothing_behind(mut backend: impl DenoiseBackend, model: &str) -> Result<(), Failure> {
    let plans = plans(model)?;
    let before = together(&mut backend, &plans[..1])?.remove(0);
    let worn = together(&mut backend, &[Plan { loras: plans[1].loras.clone(), ..plans[0].clone() }])?.remove(0);
    let after = together(&mut backend, &plans[..1])?.remove(0);
    assert!(difference(&worn, &before) > 0.02, "the LoRA does something");
    assert_eq!(bits(&before), bits(&after));
    Ok(())
}

/// Each picture alone and all of them at once; `bound` 0 is bit for bit.
fn company_changes_nothing(mut backend: impl DenoiseBackend, model: &str, pictures: usize, bound: f64) -> Result<(), Failure> {
    let mut plans = plans(model)?;
    plans.truncate(pictures);
    let mixed = together(&mut backend, &plans)?;
    for (i, (plan, mixed)) in plans.iter().zip(&mixed).enumerate() {
        let alone = together(&mut backend, std::slice::from_ref(plan))?.remove(0);
        match bound == 0.0 {
            true => assert!(bits(&alone) == bits(mixed), "{model}, picture {i} differs by {:.1e}", difference(mixed, &alone)),
            false => assert!(difference(mixed, &alone) <= bound, "{model}, picture {i}: {:.1e}", difference(mixed, &alone)),
        }
    }
    Ok(())
}

fn emulated(precision: Precision) -> Result<CudaBackend, Failure> {
    let ops = CudaOps::new(Machine::emulated(Order::Forwards), precision);
    Ok(CudaBackend::with(Arc::new(ops), lora_options()?))
}

macro_rules! on_every_implementation {
    ($($name:ident($backend:expr, $pictures:ident, $bound:literal);)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn nothing_is_left_behind() -> Result<(), Failure> {
                leaves_nothing_behind($backend, "sd1")?;
                leaves_nothing_behind($backend, "sdxl")
            }

            #[test]
            fn nobody_can_tell_the_company() -> Result<(), Failure> {
                company_changes_nothing($backend, "sd1", $pictures, $bound)?;
                company_changes_nothing($backend, "sdxl", $pictures, $bound)
            }
        }
    )*};
}

on_every_implementation! {
    cpu(CpuBackend::new(lora_options()?), ALL, 0.0);
    cpu_bf16(CpuBf16Backend::new(lora_options()?), ALL, 0.0);
    cuda_f32(emulated(Precision::F32)?, FEW, 0.0);
    cuda_bf16(emulated(Precision::Bf16)?, FEW, 0.0);
    // candle's products pick their way by the shape.
    candle(CandleBackend::new(lora_options()?), ALL, 2e-5);
}

/// The other implementations do what the processor's does, which diffusers has checked.
#[test]
fn all_implementations_agree() -> Result<(), Failure> {
    for model in ["sd1", "sdxl"] {
        let plans = plans(model)?;
        let expected = together(&mut CpuBackend::new(lora_options()?), &plans)?;
        let found: [(&str, f64, Vec<Vec<f32>>); 4] = [
            ("candle", 2e-5, together(&mut CandleBackend::new(lora_options()?), &plans)?),
            ("cuda in f32", 2e-5, together(&mut emulated(Precision::F32)?, &plans[..FEW])?),
            ("cuda in bf16", 6e-2, together(&mut emulated(Precision::Bf16)?, &plans[..FEW])?),
            ("cpu in bf16", 6e-2, together(&mut CpuBf16Backend::new(lora_options()?), &plans)?),
        ];
        for (name, bound, found) in found {
            for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let difference = difference(found, expected);
                assert!(difference <= bound, "{model}, {name}, picture {i} differs by {difference:.1e}");
            }
        }
    }
    Ok(())
}

#[test]
fn tags_in_the_prompt_are_the_list() -> Result<(), Failure> {
    let mut cpu = CpuBackend::new(lora_options()?);
    let plan = text_plan(&mut backend()?, "sd1", "a red circle", STEPS, 64)?;
    let listed = Plan { loras: vec![lora("sd1_kohya", 0.8), lora("sd1_diffusers", 0.5)], ..plan.clone() };
    let tagged = |prompt: &str| Plan { prompt: prompt.into(), ..plan.clone() };
    let expected = together(&mut cpu, &[listed])?.remove(0);
    for prompt in [
        "a red circle<lora:sd1_kohya:0.8><lora:sd1_diffusers:0.5>",
        "<lora:sd1_kohya:0.3>a red circle<lora:sd1_diffusers:0.5><lora:sd1_kohya:0.5>",
    ] {
        assert!(difference(&together(&mut cpu, &[tagged(prompt)])?.remove(0), &expected) < 1e-6, "{prompt}");
    }
    let negative = Plan { negative_prompt: Some("<lora:sd1_kohya:1>".into()), ..plan.clone() };
    assert!(refusal(&mut cpu, &negative).contains("negative prompt"));
    Ok(())
}

fn refusal(backend: &mut dyn DenoiseBackend, plan: &Plan) -> String {
    match prepared(backend, plan) {
        Err(BackendError::Unsupported(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn what_cannot_be_worn_is_refused_and_named() -> Result<(), Failure> {
    let mut cpu = CpuBackend::new(lora_options()?);
    let plan = text_plan(&mut backend()?, "sd1", "a red circle", STEPS, 64)?;
    let mut with = |name: &str| refusal(&mut cpu, &Plan { loras: vec![lora(name, 1.0)], ..plan.clone() });
    let near = with("sd1_kohia");
    assert!(near.contains("no LoRA is called `sd1_kohia`") && near.contains("`sd1_kohya`"), "{near}");
    let another = with("sdxl_kohya");
    assert!(another.contains("another architecture") && another.contains("sdxl_base_v1-0"), "{another}");
    assert!(another.starts_with("sdxl_kohya: "), "where it lies is not told: {another}");
    assert!(with("../../sd1/unet/config").contains("no LoRA is called"));
    Ok(())
}

/// What is kept is bounded, and what pictures wear stays with them.
#[test]
fn the_longest_unused_goes_first() -> Result<(), Failure> {
    let size = |name: &str| Ok::<_, Failure>(lora_fixtures().join("models/Lora").join(name).metadata()?.len());
    let mut options = lora_options()?;
    options.adapters.bytes = size("sd1_kohya.safetensors")?;
    let mut cpu = CpuBackend::new(options);
    let plan = text_plan(&mut backend()?, "sd1", "a red circle", STEPS, 64)?;
    let with = |name: &str| Plan { loras: vec![lora(name, 1.0)], ..plan.clone() };
    let expected = together(&mut cpu, &[with("sd1_kohya")])?;
    assert_eq!(cpu.lora_cache().entries, 1);
    let worn = prepared(&mut cpu, &with("sd1_kohya"))?;
    assert_eq!(cpu.lora_cache().hits, 1);
    together(&mut cpu, &[with("sd1_diffusers")])?;
    assert_eq!((cpu.lora_cache().entries, cpu.lora_cache().misses), (1, 2));
    assert!(cpu.lora_cache().bytes <= size("sd1_diffusers.safetensors")?);
    for index in 0..plan.table.rows.len() {
        cpu.step(&[StepRow { slot: worn, index }])?;
    }
    assert_eq!(bits(&cpu.latents(worn)?.0), bits(&expected[0]));
    cpu.release(worn);
    cpu.unload(&plan.model);
    assert_eq!((cpu.lora_cache().entries, cpu.lora_cache().bytes), (0, 0));
    Ok(())
}

#[test]
fn what_is_worn_is_told_with_its_hash() -> Result<(), Failure> {
    let mut cpu = CpuBackend::new(lora_options()?);
    let plan = text_plan(&mut backend()?, "sd1", "zork, a red circle <lora:sd1_diffusers:0.5>", STEPS, 64)?;
    let plan = Plan { loras: vec![lora("sd1_kohya", 0.8)], ..plan };
    let slot = prepared(&mut cpu, &plan)?;
    cpu.release(slot);
    // Of a LoRA, of what comes after the header.
    let hash = |path: &str, skips_header: bool| -> Result<String, Failure> {
        let bytes = std::fs::read(lora_fixtures().join(path))?;
        let header = bytes[..8].iter().rev().fold(0, |length, byte| length * 256 + usize::from(*byte));
        let from = if skips_header { 8 + header } else { 0 };
        Ok(Sha256::digest(&bytes[from..]).iter().take(6).map(|byte| format!("{byte:02x}")).collect())
    };
    let mut expected = Worn::default();
    for name in ["sd1_kohya", "sd1_diffusers"] {
        expected.loras.push((name.to_owned(), hash(&format!("models/Lora/{name}.safetensors"), true)?));
    }
    expected.words.push(("zork".to_owned(), hash("embeddings/zork.safetensors", false)?));
    assert_eq!(plan.handover.worn.get(), Some(&expected));
    Ok(())
}
