//! What batching is worth and whether it shows: time per row of the built-in denoiser for 1, 2, 4 and 8 rows, and whether each row's
//! output is bit for bit what it is alone.
//!
//! usage: `cargo run -p easel-models --release --example rows [REPEATS]`

#![allow(missing_docs)]

use std::{path::Path, sync::Arc, time::Instant};

use easel_models::{
    ops::{Ops, cpu::CpuOps},
    pipeline::Pipeline,
    unet::Conditioning,
    weights::folder::open_model,
};
use easel_sampling::{NoiseSource, TorchCpu};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let repeats: usize = std::env::args().nth(1).map_or(Ok(15), |n| n.parse())?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/builtin");
    let ops = Arc::new(CpuOps::default());
    let pipeline = Pipeline::load(ops.clone(), &open_model(&folder, None)?)?;
    for side in [8, 12, 16] {
        let config = pipeline.unet.config();
        let (one, context) = ([config.in_channels, side, side], [77, config.cross_attention_dim]);
        let (x, text) =
            (TorchCpu::new(1).randn(&[&[8], &one[..]].concat()), TorchCpu::new(2).randn(&[&[8], &context[..]].concat()));
        let times: Vec<f32> = (0..8).map(|i| 990.0 - 77.0 * i as f32).collect();
        let run = |start: usize, rows: usize| -> Result<Vec<f32>, Failure> {
            let part = |values: &[f32], shape: &[usize]| {
                let size: usize = shape.iter().product();
                ops.upload(&values[start * size..(start + rows) * size], &[&[rows], shape].concat())
            };
            let context = part(&text, &context)?;
            let given = Conditioning { context: &context, text_time: None, guidance: None };
            Ok(ops.download(&pipeline.unet.forward(&ops, &part(&x, &one)?, &times[start..start + rows], &given)?)?)
        };
        let alone: Vec<f32> = (0..8).map(|i| run(i, 1)).collect::<Result<Vec<_>, _>>()?.concat();
        for rows in [1, 2, 3, 4, 8] {
            let together = run(0, rows)?;
            let differing = together.iter().zip(&alone).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
            let mut seconds: Vec<f64> = Vec::new();
            for _ in 0..repeats {
                let started = Instant::now();
                run(0, rows)?;
                seconds.push(started.elapsed().as_secs_f64());
            }
            seconds.sort_by(f64::total_cmp);
            let per_row = 1e3 * seconds[repeats / 2] / rows as f64;
            println!(
                "{side}x{side} latents, {rows} rows: {per_row:.2} ms a row, {differing} of {} values differ",
                together.len()
            );
        }
    }
    Ok(())
}
