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
use easel_types::{ControlUse, LoraUse, Rgb8};

/// Pixels a side.
const SIDE: u32 = 64;
/// Of an emulated card's pictures, every thread of which is gone through one by one.
const EMULATED_SIDE: u32 = 32;

fn options() -> Result<BackendOptions, Failure> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/conformance");
    adapter_options(Shelf::default().with_root(&fixtures.join("control")).with_root(&fixtures.join("lora")))
}

fn control(model: &str, side: u32, start: f64, end: f64) -> ControlUse {
    let pixels = (0..side * side).flat_map(|i| [(i % side * 4) as u8, (i / side * 4) as u8, (i % 251) as u8]).collect();
    let image = Arc::new(Rgb8::new(side, side, pixels).expect("a picture"));
    ControlUse { model: model.into(), image, weight: 0.8, start, end }
}

fn plans(model: &str, other: &str, side: u32) -> Result<Vec<Plan>, Failure> {
    let plan = text_plan(&mut backend()?, model, "a red circle", 3, side)?;
    let (first, second) = (format!("{model}_edges"), format!("{model}_{other}"));
    let lora = LoraUse { name: format!("{model}_kohya"), weight: 0.7, text_encoder_weight: 0.7 };
    let mixes = [
        (vec![], vec![]),
        (vec![control(&first, side, 0.0, 1.0)], vec![]),
        (vec![control(&second, side, 0.3, 1.0), control(&first, side, 0.0, 0.7)], vec![]),
        (vec![], vec![lora.clone()]),
        (vec![control(&first, side, 0.0, 0.4)], vec![lora]),
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

fn company_changes_nothing(mut backend: impl DenoiseBackend, side: u32) -> Result<(), Failure> {
    for (model, other) in [("sd1", "depth"), ("sdxl", "pose")] {
        let plans = plans(model, other, side)?;
        let mixed = together(&mut backend, &plans)?;
        for (i, (plan, mixed)) in plans.iter().zip(&mixed).enumerate() {
            assert!(together(&mut backend, std::slice::from_ref(plan))?.remove(0) == *mixed, "{model}, picture {i}");
        }
        assert_ne!(mixed[0], mixed[2], "a ControlNet does something");
    }
    Ok(())
}

#[test]
fn nobody_can_tell_the_company_on_the_processor() -> Result<(), Failure> {
    company_changes_nothing(CpuBackend::new(options()?), SIDE)
}

#[test]
fn nobody_can_tell_the_company_in_bf16() -> Result<(), Failure> {
    company_changes_nothing(CpuBf16Backend::new(options()?), SIDE)
}

#[test]
fn nobody_can_tell_the_company_on_the_emulated_card() -> Result<(), Failure> {
    let ops = CudaOps::new(Machine::emulated(Order::Forwards), Precision::F32);
    company_changes_nothing(CudaBackend::with(Arc::new(ops), options()?), EMULATED_SIDE)
}

#[test]
fn what_does_not_fit_is_refused() -> Result<(), Failure> {
    let mut cpu = CpuBackend::new(options()?);
    let plan = text_plan(&mut backend()?, "sd1", "a red circle", 2, SIDE)?;
    let mut refused =
        |name: &str| match prepared(&mut cpu, &Plan { controls: vec![control(name, SIDE, 0.0, 1.0)], ..plan.clone() }) {
            Err(BackendError::Unsupported(reason)) => reason,
            other => panic!("not refused: {other:?}"),
        };
    assert!(refused("sdxl_edges").contains("another architecture"));
    assert!(refused("sd1_edge").contains("`sd1_edges`"));
    let small = Arc::new(Rgb8::new(1, 1, vec![0; 3])?);
    let controls = vec![ControlUse { image: small, ..control("sd1_edges", SIDE, 0.0, 1.0) }];
    assert!(matches!(cpu.admit(&Plan { controls, ..plan }), Err(BackendError::Unsupported(_))));
    assert!(Shelf::default().with_root(&common::lora_fixtures()).list(Kind::ControlNet).is_empty());
    Ok(())
}
