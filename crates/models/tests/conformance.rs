//! Every reference result of diffusers, within the limits of `fixtures/conformance/compare.py`.
//!
//! The runner is the one of `examples/conformance`, so what passes here is what that command writes.

#![allow(missing_docs)]

#[path = "../examples/conformance/cases.rs"]
mod cases;
#[path = "../examples/conformance/tensors.rs"]
mod tensors;
#[path = "../examples/conformance/units.rs"]
mod units;

use std::path::{Path, PathBuf};

use easel_backend::DenoiseBackend;
use easel_models::{
    backend::{BackendOptions, CpuBackend, CpuBf16Backend},
    ops::cpu::{CpuOps, bf16::CpuBf16Ops},
};
use safetensors::{Dtype, SafeTensors};

type Failure = Box<dyn std::error::Error>;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/conformance")
}

/// For the models, and the LoRAs and ControlNets beside a folder of cases.
fn options(cases: &Path) -> Result<BackendOptions, Failure> {
    cases::options(&fixtures().join("models"), cases)
}

/// How far results may be off: the relative difference of latents and of everything in between, and the PSNR of pictures.
struct Limits {
    latents: f64,
    units: f64,
    picture_db: f64,
}

/// Of f32.
const EXACT: Limits = Limits { latents: 2e-4, units: 5e-5, picture_db: 55.0 };
/// Of bf16, which rounds every number that a layer writes to 2^-8: twice the largest difference that is seen.
const BF16: Limits = Limits { latents: 4e-2, units: 4e-2, picture_db: 40.0 };

#[test]
fn every_reference_result_is_within_its_limit() -> Result<(), Failure> {
    let mut actual = tensors::Tensors::default();
    units::run::<CpuOps>(&fixtures().join("models"), &mut actual)?;
    run_cases(&fixtures(), actual, CpuBackend::new(options(&fixtures())?), &EXACT)
}

/// In bf16 with whatever instructions this processor has for it.
#[test]
fn every_reference_result_is_within_its_limit_in_bf16() -> Result<(), Failure> {
    let mut actual = tensors::Tensors::default();
    units::run::<CpuBf16Ops>(&fixtures().join("models"), &mut actual)?;
    let backend = CpuBf16Backend::new(options(&fixtures())?);
    run_cases(&fixtures(), actual, backend, &BF16)
}

/// 145 cases over 49 scheduler configurations, with every task, odd sizes and step counts from 1 to 25.
#[test]
fn the_wide_set_is_within_its_limits() -> Result<(), Failure> {
    let backend = CpuBackend::new(options(&fixtures().join("wide"))?);
    run_cases(&fixtures().join("wide"), tensors::Tensors::default(), backend, &EXACT)
}

/// LoRA files of kohya's trainers and of diffusers, one and two at once, and learnt tokens: as diffusers and peft apply them.
#[test]
fn loras_and_embeddings_are_within_their_limits() -> Result<(), Failure> {
    let backend = CpuBackend::new(options(&fixtures().join("lora"))?);
    run_cases(&fixtures().join("lora"), tensors::Tensors::default(), backend, &EXACT)
}

/// ControlNets: one and several, with weights, for a share of the steps; folders of diffusers' and a file under original names.
#[test]
fn controlnets_are_within_their_limits() -> Result<(), Failure> {
    let backend = CpuBackend::new(options(&fixtures().join("control"))?);
    run_cases(&fixtures().join("control"), tensors::Tensors::default(), backend, &EXACT)
}

/// Runs `cases.json` of a folder and compares with its `expected.safetensors`.
fn run_cases(
    folder: &Path,
    mut actual: tensors::Tensors,
    mut backend: impl DenoiseBackend,
    limits: &Limits,
) -> Result<(), Failure> {
    for case in cases::read(&folder.join("cases.json"))? {
        let outcome = cases::run(&mut backend, &case, &folder.join("pictures")).map_err(|e| format!("{}: {e}", case.id))?;
        assert!(outcome.evaluations > 0, "{}: nothing ran", case.id);
        outcome.store(&case.id, &mut actual);
    }
    let expected = std::fs::read(folder.join("expected.safetensors"))?;
    let problems = compare(&SafeTensors::deserialize(&expected)?, &SafeTensors::deserialize(&actual.bytes()?)?, limits);
    assert!(problems.is_empty(), "{} fall short:\n{}", problems.len(), problems.join("\n"));
    Ok(())
}

/// One line per tensor that is missing, has another shape or is too far off.
fn compare(expected: &SafeTensors<'_>, actual: &SafeTensors<'_>, limits: &Limits) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, reference) in expected.tensors() {
        let Ok(got) = actual.tensor(&name) else {
            problems.push(format!("{name}: missing"));
            continue;
        };
        if got.shape() != reference.shape() || got.dtype() != reference.dtype() {
            problems.push(format!(
                "{name}: {:?} {:?}, expected {:?} {:?}",
                got.dtype(),
                got.shape(),
                reference.dtype(),
                reference.shape()
            ));
            continue;
        }
        problems.extend(judge(&name, &values(&reference), &values(&got), reference.dtype(), limits));
    }
    problems
}

fn values(tensor: &safetensors::tensor::TensorView<'_>) -> Vec<f64> {
    let data = tensor.data();
    match tensor.dtype() {
        Dtype::U8 => data.iter().map(|v| f64::from(*v)).collect(),
        Dtype::I64 => data.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as f64).collect(),
        _ => data.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
    }
}

fn judge(name: &str, reference: &[f64], got: &[f64], dtype: Dtype, limits: &Limits) -> Option<String> {
    let square = |f: &dyn Fn(usize) -> f64| (0..reference.len()).map(|i| f(i).powi(2)).sum::<f64>();
    let off = square(&|i| reference[i] - got[i]);
    let (value, limit, what) = if dtype == Dtype::U8 {
        let psnr = 10.0 * (255f64.powi(2) / (off / reference.len() as f64).max(1e-9)).log10();
        (-psnr, -limits.picture_db, "-PSNR dB")
    } else if name.starts_with("randn.") {
        ((0..reference.len()).map(|i| (reference[i] - got[i]).abs()).fold(0.0, f64::max), 2e-6, "largest difference")
    } else {
        let limit = if name.ends_with(".latents") { limits.latents } else { limits.units };
        ((off / square(&|i| reference[i]).max(1e-24)).sqrt(), limit, "relative difference")
    };
    (!(value.is_finite() && value <= limit)).then(|| format!("{name}: {what} {value:.3e}, limit {limit:.0e}"))
}
