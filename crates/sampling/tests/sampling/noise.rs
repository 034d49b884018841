//! Noise against torch, numpy and torchsde (`fixtures/torch_noise.py` makes the golden file).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::common::{fixture, numbers};
use easel_sampling::{BrownianTree, Half, NoiseDraw, NoisePrecision, NoiseSource, NoiseStream, TorchCpu};
use easel_types::NoiseKind;
use serde_json::Value;

fn shape(case: &Value) -> Vec<usize> {
    case["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect()
}

fn worst(ours: &[f32], golden: &Value, stride: usize) -> f64 {
    let golden = numbers(golden);
    assert_eq!(ours.len().div_ceil(stride), golden.len());
    ours.iter().step_by(stride).zip(golden).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max)
}

#[test]
fn randn_is_torchs() {
    let mut most = 0.0f64;
    for case in fixture("torch_noise.json")["randn"].as_array().unwrap() {
        let precision = match case["dtype"].as_str().unwrap() {
            "float16" => NoisePrecision::F32ThenCast(Half::F16),
            "bfloat16" => NoisePrecision::F32ThenCast(Half::Bf16),
            _ => NoisePrecision::F32,
        };
        let mut source = TorchCpu::with_precision(case["seed"].as_u64().unwrap(), precision);
        let stride = case["stride"].as_u64().unwrap() as usize;
        for call in ["first", "second"] {
            let error = worst(&source.randn(&shape(case)), &case[call], stride);
            assert!(error <= 2e-6, "seed {} shape {} {call}: off by {error:e}", case["seed"], case["shape"]);
            most = most.max(error);
        }
    }
    println!("worst difference {most:e}");
}

#[test]
fn brownian_motion_is_torchsdes() {
    let mut most = 0.0f64;
    for case in fixture("torch_noise.json")["brownian"].as_array().unwrap() {
        let (low, high) = (case["low"].as_f64().unwrap(), case["high"].as_f64().unwrap());
        let seed = case["seed"].as_u64().unwrap();
        let mut tree = BrownianTree::new(NoiseKind::TorchCpu, seed, &shape(case), low, high);
        for query in case["queries"].as_array().unwrap() {
            let ours = tree.noise(query[0].as_f64().unwrap(), query[1].as_f64().unwrap());
            let error = worst(&ours, &query[2], (ours.len() / 16).max(1));
            // Short steps divide rounding errors of the whole motion by a small square root.
            let step = (query[0].as_f64().unwrap() - query[1].as_f64().unwrap()).abs().sqrt().min(1.0);
            assert!(error * step <= 4e-6, "seed {seed} {} to {}: off by {error:e}", query[0], query[1]);
            most = most.max(error * step);
        }
    }
    println!("worst difference of increments {most:e}");
}

#[test]
fn a_stream_draws_what_its_rows_ask_for() {
    let mut stream = NoiseStream::new(NoiseKind::TorchCpu, 3, &[1, 4, 8, 8], Some((0.03, 14.0)));
    let mut source = TorchCpu::new(3);
    assert_eq!(stream.initial(), source.randn(&[1, 4, 8, 8]));
    assert_eq!(stream.draw(&NoiseDraw::None), None);
    assert_eq!(stream.draw(&NoiseDraw::Next), Some(source.randn(&[256])));
    let motion = BrownianTree::new(NoiseKind::TorchCpu, 3, &[256], 0.03, 14.0).noise(5.0, 2.0);
    assert_eq!(stream.draw(&NoiseDraw::Brownian { from: 5.0, to: 2.0 }), Some(motion));
    assert_eq!(stream.next(), source.randn(&[256]));
}

#[test]
fn every_source_is_normal_and_repeats() {
    for kind in NoiseKind::ALL {
        let draw = || NoiseStream::new(*kind, 99, &[4, 64, 64], None).initial();
        let numbers = draw();
        assert_eq!(numbers, draw(), "{kind}");
        let count = numbers.len() as f32;
        let mean = numbers.iter().sum::<f32>() / count;
        let variance = numbers.iter().map(|n| n * n).sum::<f32>() / count;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{kind}: mean {mean}, variance {variance}");
        assert!(NoiseStream::new(*kind, 99, &[0], None).initial().is_empty());
    }
}
