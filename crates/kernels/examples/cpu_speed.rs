//! How fast the processor's kernels are on the shapes of Stable Diffusion 1.5 at 512 x 512, a guidance pair: the shortest of several runs.
//!
//! `cargo run --release -p easel-kernels --example cpu_speed [NAME-PART]`

use std::time::{Duration, Instant};

use easel_kernels::cpu::{
    Activation, Attention, ConvGeometry, Epilogue, GroupNorm, Isa, PackedConv, PackedMatrix, Pool, attention, conv, group_norm,
    product,
};

fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i.wrapping_mul(2_654_435_761) >> 7) % 2000) as f32 / 1000.0 - 1.0).collect()
}

fn time(name: &str, operations: f64, mut work: impl FnMut()) {
    let filter = std::env::args().nth(1).unwrap_or_default();
    if !name.contains(&filter) {
        return;
    }
    work();
    let (mut best, started, mut runs) = (f64::INFINITY, Instant::now(), 0);
    while runs < 5 || started.elapsed() < Duration::from_secs(2) {
        let before = Instant::now();
        work();
        best = best.min(before.elapsed().as_secs_f64());
        runs += 1;
    }
    println!("{name:<40} {:>9.3} ms {:>7.0} GFLOP/s", best * 1e3, operations / best / 1e9);
}

fn main() {
    let (isa, pool) = (Isa::best(), Pool::default());
    println!("{isa}, {} threads", rayon::current_num_threads());
    for (rows, side, inputs, outputs) in [
        (2, 64, 320, 320),
        (2, 64, 960, 320),
        (2, 64, 640, 640),
        (2, 32, 640, 640),
        (2, 32, 1920, 640),
        (2, 16, 1280, 1280),
        (2, 8, 1280, 1280),
        (1, 512, 128, 128),
        (1, 256, 512, 256),
        (1, 512, 128, 3),
    ] {
        let geometry = ConvGeometry { outputs, inputs, kernel: 3, stride: 1, padding: 1 };
        let w = PackedConv::new(isa, geometry, &values(outputs * inputs * 9), Some(values(outputs)));
        let (x, mut out) = (values(rows * side * side * inputs), vec![0.0; rows * side * side * outputs]);
        let operations = 2.0 * (rows * side * side * outputs * inputs * 9) as f64;
        time(&format!("conv3x3 {inputs} -> {outputs} at {side} x {rows}"), operations, || {
            conv(&x, rows, [side; 2], &w, Epilogue::default(), &mut out);
        });
    }
    for (lines, inputs, outputs) in [
        (24, 160, 64),
        (192, 160, 64),
        (192, 320, 320),
        (8192, 320, 320),
        (8192, 320, 2560),
        (8192, 1280, 320),
        (2048, 640, 640),
        (2048, 2560, 640),
        (512, 1280, 10240),
        (128, 1280, 1280),
        (154, 768, 320),
        (2, 1280, 320),
    ] {
        let w = PackedMatrix::new(isa, outputs, inputs, &values(outputs * inputs), Some(values(outputs)));
        let (x, mut out) = (values(lines * inputs), vec![0.0; lines * outputs]);
        time(&format!("linear {inputs} -> {outputs}, {lines} lines"), 2.0 * (lines * inputs * outputs) as f64, || {
            product(&x, 1, &w, Epilogue::default(), &mut out);
        });
    }
    for (rows, tokens, keys, heads, size) in
        [(2, 4096, 4096, 8, 40), (2, 1024, 1024, 8, 80), (2, 256, 256, 8, 160), (2, 4096, 77, 8, 40), (1, 4096, 4096, 1, 512)]
    {
        let width = heads * size;
        let (q, k, v) = (values(rows * tokens * width), values(rows * keys * width), values(rows * keys * width));
        let mut out = vec![0.0; q.len()];
        let work = Attention { isa, pool: &pool, q: &q, k: &k, v: &v, rows, queries: tokens, keys, heads, causal: false };
        time(&format!("attention {tokens} of {keys}, {heads} x {size}"), 4.0 * (rows * tokens * keys * width) as f64, || {
            attention(&work, &mut out);
        });
    }
    for (rows, pixels, channels) in [(2, 4096, 320), (2, 1024, 640), (1, 512 * 512, 128)] {
        let (x, scale) = (values(rows * pixels * channels), values(channels));
        let mut out = vec![0.0; x.len()];
        let norm = GroupNorm { groups: 32, epsilon: 1e-5, scale: &scale, shift: &scale };
        time(&format!("group norm + SiLU {pixels} x {channels}"), 0.0, || {
            group_norm(isa, &x, rows, norm, Activation::Silu, &mut out);
        });
    }
}
