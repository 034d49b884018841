//! ControlNets per row: pictures with one, with several and with none share a batch, and nobody can tell.

#![allow(missing_docs)]

mod common;

use std::{path::Path, sync::Arc};

use common::{Failure, adapter_options, backend, text_plan};
use easel_backend::{BackendError, DenoiseBackend, Plan, Prepared, Slot, StepRow};
use easel_kernels::cuda::{Machine, Order};
use easel_models::{
    Precision,
    adapters::{Kind, Shelf},
    backend::{BackendOptions, CpuBackend, CpuBf16Backend, CudaBackend},
    ops::cuda::CudaOps,
};
use easel_types::{ControlBalance, ControlUse, LoraUse, Rgb8};

const SIDE: u32 = 64;
/// How many of the pictures are drawn: all.
const ALL: usize = 5;
/// On an emulated card, every thread of which is gone through one by one: those with none, one and two.
const FEW: usize = 3;

fn options() -> Result<BackendOptions, Failure> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/conformance");
    adapter_options(Shelf::default().with_root(&fixtures.join("control")).with_root(&fixtures.join("lora")))
}

fn control(model: &str, start: f64, end: f64) -> ControlUse {
    let pixels = (0..SIDE * SIDE).flat_map(|i| [(i % SIDE * 4) as u8, (i / SIDE * 4) as u8, (i % 251) as u8]).collect();
    let image = Arc::new(Rgb8::new(SIDE, SIDE, pixels).expect("a picture"));
    ControlUse { model: model.into(), image, weight: 0.8, start, end, balance: ControlBalance::Balanced }
}

fn plans(model: &str, other: &str) -> Result<Vec<Plan>, Failure> {
    let plan = text_plan(&mut backend()?, model, "a red circle", 3, SIDE)?;
    let (first, second) = (format!("{model}_edges"), format!("{model}_{other}"));
    let balanced = |balance, control| ControlUse { balance, ..control };
    let lora = LoraUse { name: format!("{model}_kohya"), weight: 0.7, text_encoder_weight: 0.7 };
    let mixes = [
        (vec![], vec![]),
        (vec![control(&first, 0.0, 1.0)], vec![]),
        (
            vec![
                balanced(ControlBalance::Control, control(&second, 0.3, 1.0)),
                balanced(ControlBalance::Prompt, control(&first, 0.0, 0.7)),
            ],
            vec![],
        ),
        (vec![], vec![lora.clone()]),
        (vec![control(&first, 0.0, 0.4)], vec![lora]),
    ];
    let with = |(i, (controls, loras)): (usize, (Vec<ControlUse>, Vec<LoraUse>))| {
        let (guidance_scale, branches) = if i % 2 == 0 { (3.0, 2) } else { (1.0, 1) };
        Plan { controls, loras, guidance_scale, branches, ..plan.clone() }
    };
    Ok(mixes.into_iter().enumerate().map(with).collect())
}

fn prepared(backend: &mut dyn DenoiseBackend, plan: &Plan) -> Result<Slot, BackendError> {
    let slot = backend.admit(plan)?;
    while backend.prepare(slot)? == Prepared::More {}
    Ok(slot)
}

fn together(backend: &mut dyn DenoiseBackend, plans: &[Plan]) -> Result<Vec<Vec<u32>>, Failure> {
    let slots = plans.iter().map(|plan| prepared(backend, plan)).collect::<Result<Vec<_>, _>>()?;
    for index in 0..plans[0].table.rows.len() {
        backend.step(&slots.iter().map(|&slot| StepRow { slot, index }).collect::<Vec<_>>())?;
    }
    let bits = |latents: Vec<f32>| latents.into_iter().map(f32::to_bits).collect();
    let latents = slots.iter().map(|&slot| Ok(bits(backend.latents(slot)?.0))).collect();
    slots.into_iter().for_each(|slot| backend.release(slot));
    latents
}

fn company_changes_nothing(backend: &mut dyn DenoiseBackend, model: &str, pictures: usize) -> Result<(), Failure> {
    let mut plans = plans(model, if model == "sd1" { "depth" } else { "pose" })?;
    plans.truncate(pictures);
    let mixed = together(backend, &plans)?;
    for (i, (plan, mixed)) in plans.iter().zip(&mixed).enumerate() {
        assert!(together(backend, std::slice::from_ref(plan))?.remove(0) == *mixed, "{model}, picture {i}");
    }
    assert_ne!(mixed[0], mixed[2], "a ControlNet does something");
    Ok(())
}

macro_rules! on_every_implementation {
    ($($name:ident($backend:expr, $pictures:ident);)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn nobody_can_tell_the_company_with_sd1() -> Result<(), Failure> {
                company_changes_nothing(&mut $backend, "sd1", $pictures)
            }

            #[test]
            fn nobody_can_tell_the_company_with_sdxl() -> Result<(), Failure> {
                company_changes_nothing(&mut $backend, "sdxl", $pictures)
            }
        }
    )*};
}

on_every_implementation! {
    cpu(CpuBackend::new(options()?), ALL);
    cpu_bf16(CpuBf16Backend::new(options()?), ALL);
    cuda(CudaBackend::with(Arc::new(CudaOps::new(Machine::emulated(Order::Forwards), Precision::F32)), options()?), FEW);
}

/// The first step is linear in both rows, so that what each of them has of a ControlNet is seen in the latents after it.
#[test]
fn what_counts_more_is_seen_in_both_rows() -> Result<(), Failure> {
    let mut cpu = CpuBackend::new(options()?);
    let plan = text_plan(&mut backend()?, "sd1", "a red circle", 3, SIDE)?;
    let mut after = |balance: Option<ControlBalance>, guided: bool| -> Result<Vec<f32>, Failure> {
        let control = |balance| ControlUse { balance, weight: 10.0, ..control("sd1_edges", 0.0, 1.0) };
        let (guidance_scale, branches) = if guided { (3.0, 2) } else { (1.0, 1) };
        let plan = Plan { controls: balance.map(control).into_iter().collect(), guidance_scale, branches, ..plan.clone() };
        let slot = prepared(&mut cpu, &plan)?;
        cpu.step(&[StepRow { slot, index: 0 }])?;
        let latents = cpu.latents(slot)?.0;
        cpu.release(slot);
        Ok(latents)
    };
    let (plain, softly) = (after(None, false)?, after(Some(ControlBalance::Prompt), false)?);
    let most = plain.iter().zip(&softly).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(most > 1e-3, "it does something: {most}");
    assert_ne!(softly, after(Some(ControlBalance::Balanced), false)?);
    assert_eq!(after(Some(ControlBalance::Control), false)?, softly, "without a second row it is the same");
    // With one, that one has nothing of it.
    let (guided, controlled) = (after(None, true)?, after(Some(ControlBalance::Control), true)?);
    for (i, value) in controlled.iter().enumerate() {
        let expected = guided[i] + 3.0 * (softly[i] - plain[i]);
        assert!((value - expected).abs() < 0.02 * most + 1e-5, "{i}: {value} is not {expected}");
    }
    assert_ne!(controlled, after(Some(ControlBalance::Prompt), true)?);
    Ok(())
}

#[test]
fn what_does_not_fit_is_refused() -> Result<(), Failure> {
    let mut cpu = CpuBackend::new(options()?);
    let plan = text_plan(&mut backend()?, "sd1", "a red circle", 2, SIDE)?;
    let mut refused = |name: &str| match prepared(&mut cpu, &Plan { controls: vec![control(name, 0.0, 1.0)], ..plan.clone() }) {
        Err(BackendError::Unsupported(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    };
    assert!(refused("sdxl_edges").contains("another architecture"));
    assert!(refused("sd1_edge").contains("`sd1_edges`"));
    let small = Arc::new(Rgb8::new(1, 1, vec![0; 3])?);
    let controls = vec![ControlUse { image: small, ..control("sd1_edges", 0.0, 1.0) }];
    assert!(matches!(cpu.admit(&Plan { controls, ..plan }), Err(BackendError::Unsupported(_))));
    assert!(Shelf::default().with_root(&common::lora_fixtures()).list(Kind::ControlNet).is_empty());
    Ok(())
}
