//! Speed of the CUDA kernels on the shapes of SD 1.5 (512²) and SDXL (1024²), one guided picture.
//!
//! usage: `cargo run --release -p easel-kernels --features cuda --example cuda_speed -- [bf16|f16|f32]`

#![allow(missing_docs)]

use std::time::Instant;

use easel_kernels::{
    cpu::Activation,
    cuda::{
        Array, Attention, CudaError, Epilogue, Format, GroupNorm, Machine, NormWeights, Product, ProductWeights, Window, describe,
    },
};

/// Launches in one measurement, and measurements, of which the fastest counts.
const LAUNCHES: u32 = 20;
const ROUNDS: usize = 5;

struct Bench {
    machine: Machine,
    format: Format,
}

impl Bench {
    fn random(&self, len: usize) -> Result<Array, CudaError> {
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let values: Vec<f32> = (0..len)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect();
        self.machine.upload_as(&values, self.format)
    }

    /// Prints what a launch takes; `work` is in floating-point operations or in bytes.
    fn time(&self, what: &str, work: f64, unit: &str, run: impl Fn() -> Result<Array, CudaError>) -> Result<(), CudaError> {
        let wait = |x: &Array| self.machine.download(&self.machine.slice(x, 0, 1)?);
        wait(&run()?)?;
        let mut best = f64::INFINITY;
        for _ in 0..ROUNDS {
            let started = Instant::now();
            let mut last = run()?;
            for _ in 1..LAUNCHES {
                last = run()?;
            }
            wait(&last)?;
            best = best.min(started.elapsed().as_secs_f64() / f64::from(LAUNCHES));
        }
        println!("{what:40} {:9.1} µs {:9.2} {unit}", best * 1e6, work / best / 1e12);
        Ok(())
    }

    fn product(&self, name: &str, window: Window, side: [usize; 2]) -> Result<(), CudaError> {
        let Window { outputs, inputs, kernel, .. } = window;
        let (rows, depth) = (2, inputs * kernel * kernel);
        let x = self.random(rows * side[0] * side[1] * inputs)?;
        let weight = self.machine.download(&self.random(outputs * depth)?)?;
        let weights = ProductWeights::new(&self.machine, self.format, window, &weight, Some(&vec![0.1; outputs]))?;
        let work = 2.0 * (rows * window.side(side[0]) * window.side(side[1]) * outputs * depth) as f64;
        self.time(name, work, "TFLOP/s", || self.machine.product(Product { x: &x, rows, side }, &weights, Epilogue::default()))
    }

    fn attention(&self, name: &str, queries: usize, keys: usize, heads: usize, size: usize) -> Result<(), CudaError> {
        let rows = 2;
        let (q, k) = (self.random(rows * queries * heads * size)?, self.random(rows * keys * heads * size)?);
        let work = 4.0 * (rows * queries * keys * heads * size) as f64;
        let given = Attention { q: &q, k: &k, v: &k, rows, queries, keys, heads, causal: false };
        self.time(name, work, "TFLOP/s", || self.machine.attention(given))
    }

    fn norm(&self, name: &str, pixels: usize, channels: usize) -> Result<(), CudaError> {
        let rows = 2;
        let x = self.random(rows * pixels * channels)?;
        let weights = NormWeights::new(&self.machine, 1e-5, &vec![1.0; channels], &vec![0.0; channels])?;
        let norm = GroupNorm { rows, groups: 32, weights: &weights, activation: Activation::Silu };
        // Read twice, written once.
        let bytes = 3.0 * x.bytes() as f64;
        self.time(name, bytes, "TB/s", || self.machine.group_norm(&x, norm))
    }
}

fn main() -> Result<(), CudaError> {
    let format = match std::env::args().nth(1).as_deref() {
        Some("f32") => Format::F32,
        Some("f16") => Format::F16,
        _ => Format::Bf16,
    };
    println!("{}, {format:?}", describe(0)?.name);
    let bench = Bench { machine: Machine::open(0)?, format };
    let square = |channels| Window { outputs: channels, inputs: channels, kernel: 3, step: 1, padding: 1 };
    for (channels, side) in [(320, 64), (640, 32), (1280, 16), (1280, 8), (320, 128), (640, 64), (1280, 32)] {
        bench.product(&format!("conv 3x3, {channels} channels, {side}²"), square(channels), [side, side])?;
    }
    for (outputs, inputs, tokens) in [(320, 320, 4096), (1280, 1280, 1024), (5120, 1280, 1024), (1280, 5120, 1024)] {
        bench.product(&format!("linear {inputs} to {outputs}, {tokens} tokens"), Window::pixel(outputs, inputs), [1, tokens])?;
    }
    for (tokens, heads, size) in [(4096, 8, 40), (1024, 8, 80), (256, 8, 160), (4096, 10, 64), (1024, 20, 64), (4096, 1, 512)] {
        bench.attention(&format!("attention, {tokens} tokens, {heads} heads of {size}"), tokens, tokens, heads, size)?;
    }
    bench.attention("attention to 77 keys, 10 heads of 64", 4096, 77, 10, 64)?;
    for (pixels, channels) in [(4096, 320), (1024, 640), (16384, 320), (1 << 18, 128)] {
        bench.norm(&format!("norm + SiLU, {pixels} pixels, {channels} channels"), pixels, channels)?;
    }
    Ok(())
}
