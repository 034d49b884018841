//! Tiled decoding gives what diffusers' tiled decoding gives, and at one tile what the whole decoder gives.

#![allow(missing_docs)]

use std::{path::Path, sync::Arc};

use easel_models::{
    ops::{Ops, cpu::CpuOps},
    pipeline::Pipeline,
    weights::{WeightSet, folder::open_model},
};

fn open() -> (Pipeline<CpuOps>, WeightSet) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let ops = Arc::new(CpuOps::default());
    let files = open_model(&fixtures.join("conformance/models/sd1"), None).expect("the fixture opens");
    let expected = WeightSet::open_file(&fixtures.join("tiled/expected.safetensors")).expect("the reference opens");
    (Pipeline::load(ops, &files).expect("the fixture loads"), expected)
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let norm = |f: &dyn Fn(usize) -> f64| (0..a.len()).map(|i| f(i).powi(2)).sum::<f64>().sqrt();
    norm(&|i| f64::from(a[i] - b[i])) / norm(&|i| f64::from(b[i]))
}

#[test]
fn seams_are_blended_as_diffusers_blends_them() {
    let (pipeline, reference) = open();
    let latents = reference.f32("latents", &[1, 4, 24, 20]).expect("latents");
    let expected = reference.f32("decoded", &[1, 3, 192, 160]).expect("picture");
    let latents = pipeline.ops.upload(&latents, &[1, 4, 24, 20]).expect("upload");
    let got = pipeline.vae.decode_tiled(&pipeline.ops, &latents).expect("decodes");
    let off = distance(&got, &expected);
    assert!(off < 5e-5, "relative difference {off:.2e}");
}

#[test]
fn one_tile_is_the_whole_decoder() {
    let (pipeline, _) = open();
    let values: Vec<f32> = (0..4 * 12 * 12).map(|i| ((i * 37 % 101) as f32 - 50.0) / 40.0).collect();
    let latents = pipeline.ops.upload(&values, &[1, 4, 12, 12]).expect("upload");
    let tiled = pipeline.vae.decode_tiled(&pipeline.ops, &latents).expect("decodes");
    let whole = pipeline.ops.download(&pipeline.vae.decode(&pipeline.ops, &latents).expect("decodes")).expect("download");
    assert_eq!(tiled, whole);
}
