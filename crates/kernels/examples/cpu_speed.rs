//! How fast the processor's kernels are on the shapes of Stable Diffusion 1.5 at 512 x 512, a guidance pair: the shortest of several runs.
//!
//! `cargo run --release -p easel-kernels --example cpu_speed [f32|bf16 [NAME-PART]]`

use std::time::{Duration, Instant};

use easel_kernels::cpu::{
    Activation, Attention, ConvGeometry, Epilogue, GroupNorm, Isa, PackedConv, PackedMatrix, Pool, attention,
    bf16::{self, Bf16, Bf16Isa, Border, Bordered, Matrix, Out, Product},
    conv, group_norm, layer_norm, product,
};

/// Rows, side, inputs, outputs of 3x3 convolutions.
const CONVOLUTIONS: [(usize, usize, usize, usize); 10] = [
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
];
/// Lines, inputs, outputs.
const LAYERS: [(usize, usize, usize); 12] = [
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
];
/// Lines, inputs, outputs of gated layers.
const GATED: [(usize, usize, usize); 3] = [(8192, 320, 1280), (2048, 640, 2560), (512, 1280, 5120)];
/// Rows, tokens, keys, heads, head size.
const ATTENTIONS: [(usize, usize, usize, usize, usize); 5] =
    [(2, 4096, 4096, 8, 40), (2, 1024, 1024, 8, 80), (2, 256, 256, 8, 160), (2, 4096, 77, 8, 40), (1, 4096, 4096, 1, 512)];
/// Rows, side, channels.
const MAPS: [(usize, usize, usize); 3] = [(2, 64, 320), (2, 32, 640), (1, 512, 128)];

fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i.wrapping_mul(2_654_435_761) >> 7) % 2000) as f32 / 1000.0 - 1.0).collect()
}

fn halves(len: usize) -> Vec<Bf16> {
    values(len).into_iter().map(Bf16::from_f32).collect()
}

fn time(name: &str, operations: f64, mut work: impl FnMut()) {
    let filter = std::env::args().nth(2).unwrap_or_default();
    if !name.contains(&filter) {
        return;
    }
    work();
    let (mut best, started, mut runs) = (f64::INFINITY, Instant::now(), 0);
    while runs < 5 || started.elapsed() < Duration::from_secs(1) {
        let before = Instant::now();
        work();
        best = best.min(before.elapsed().as_secs_f64());
        runs += 1;
    }
    println!("{name:<40} {:>9.3} ms {:>7.0} GFLOP/s", best * 1e3, operations / best / 1e9);
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("bf16") => in_bf16(),
        _ => in_f32(),
    }
}

fn convolution_name((rows, side, inputs, outputs): (usize, usize, usize, usize)) -> (String, f64) {
    let operations = 2.0 * (rows * side * side * outputs * inputs * 9) as f64;
    (format!("conv3x3 {inputs} -> {outputs} at {side} x {rows}"), operations)
}

fn attention_name((rows, tokens, keys, heads, size): (usize, usize, usize, usize, usize)) -> (String, f64) {
    (format!("attention {tokens} of {keys}, {heads} x {size}"), 4.0 * (rows * tokens * keys * heads * size) as f64)
}

fn in_f32() {
    let (isa, pool) = (Isa::best(), Pool::default());
    println!("{isa}, {} threads", rayon::current_num_threads());
    for shape @ (rows, side, inputs, outputs) in CONVOLUTIONS {
        let geometry = ConvGeometry { outputs, inputs, kernel: 3, stride: 1, padding: 1 };
        let w = PackedConv::new(isa, geometry, &values(outputs * inputs * 9), Some(values(outputs)));
        let (x, mut out) = (values(rows * side * side * inputs), vec![0.0; rows * side * side * outputs]);
        let (name, operations) = convolution_name(shape);
        time(&name, operations, || conv(&x, rows, [side; 2], &w, Epilogue::default(), &mut out));
    }
    for (lines, inputs, outputs) in LAYERS {
        let w = PackedMatrix::new(isa, outputs, inputs, &values(outputs * inputs), Some(values(outputs)));
        let (x, mut out) = (values(lines * inputs), vec![0.0; lines * outputs]);
        time(&format!("linear {inputs} -> {outputs}, {lines} lines"), 2.0 * (lines * inputs * outputs) as f64, || {
            product(&x, 1, &w, Epilogue::default(), &mut out);
        });
    }
    for shape @ (rows, tokens, keys, heads, size) in ATTENTIONS {
        let width = heads * size;
        let (q, k, v) = (values(rows * tokens * width), values(rows * keys * width), values(rows * keys * width));
        let mut out = vec![0.0; q.len()];
        let work = Attention { isa, pool: &pool, q: &q, k: &k, v: &v, rows, queries: tokens, keys, heads, causal: false };
        let (name, operations) = attention_name(shape);
        time(&name, operations, || attention(&work, &mut out));
    }
    for (rows, side, channels) in MAPS {
        let (x, scale) = (values(rows * side * side * channels), values(channels));
        let mut out = vec![0.0; x.len()];
        let norm = GroupNorm { groups: 32, epsilon: 1e-5, scale: &scale, shift: &scale };
        time(&format!("group norm + SiLU {channels} at {side} x {rows}"), 0.0, || {
            group_norm(isa, &x, rows, norm, Activation::Silu, &mut out);
        });
        time(&format!("layer norm {channels} at {side} x {rows}"), 0.0, || layer_norm(isa, &x, 1e-5, &scale, &scale, &mut out));
    }
}

fn in_bf16() {
    let (isa, pool) = (Bf16Isa::best(), Pool::default());
    println!("{isa}, {} threads", rayon::current_num_threads());
    for shape @ (rows, side, inputs, outputs) in CONVOLUTIONS {
        let geometry = ConvGeometry { outputs, inputs, kernel: 3, stride: 1, padding: 1 };
        let w = bf16::Conv::new(geometry, &values(outputs * inputs * 9), Some(&values(outputs)));
        let border = Border { rows, side: [side; 2], channels: inputs, pixels: 1 };
        let (dense, mut x) = (halves(rows * side * side * inputs), vec![Bf16::ZERO; border.numbers()]);
        bf16::border(&dense, [side; 2], border, &mut x);
        let mut out = vec![Bf16::ZERO; rows * side * side * outputs];
        let (name, operations) = convolution_name(shape);
        time(&name, operations, || {
            bf16::conv(isa, Bordered { numbers: &x, border }, &w, bf16::Epilogue::default(), Out::Half(&mut out));
        });
    }
    for (lines, inputs, outputs) in LAYERS {
        let w = Matrix::new(outputs, inputs, 1, &values(outputs * inputs), Some(&values(outputs)));
        let (x, mut out) = (halves(lines * inputs), vec![Bf16::ZERO; lines * outputs]);
        time(&format!("linear {inputs} -> {outputs}, {lines} lines"), 2.0 * (lines * inputs * outputs) as f64, || {
            bf16::product(Product { isa, pool: &pool, x: &x, rows: 1 }, &w, bf16::Epilogue::default(), Out::Half(&mut out));
        });
    }
    for (lines, inputs, outputs) in GATED {
        let w = Matrix::gated(outputs, inputs, &values(2 * outputs * inputs), Some(&values(2 * outputs)));
        let (x, mut out) = (halves(lines * inputs), vec![Bf16::ZERO; lines * outputs]);
        time(&format!("gated {inputs} -> {outputs}, {lines} lines"), 4.0 * (lines * inputs * outputs) as f64, || {
            bf16::geglu(Product { isa, pool: &pool, x: &x, rows: 1 }, &w, &mut out);
        });
    }
    for shape @ (rows, tokens, keys, heads, size) in ATTENTIONS {
        let width = heads * size;
        let (q, k, v) = (halves(rows * tokens * width), halves(rows * keys * width), halves(rows * keys * width));
        let mut out = vec![Bf16::ZERO; q.len()];
        let work = bf16::Attention { isa, pool: &pool, q: &q, k: &k, v: &v, rows, queries: tokens, keys, heads, causal: false };
        let (name, operations) = attention_name(shape);
        time(&name, operations, || bf16::attention(&work, &mut out));
    }
    for (rows, side, channels) in MAPS {
        let (x, scale) = (halves(rows * side * side * channels), values(channels));
        let border = Border { rows, side: [side; 2], channels, pixels: 1 };
        let (mut out, mut bordered) = (vec![Bf16::ZERO; x.len()], vec![Bf16::ZERO; border.numbers()]);
        let norm = GroupNorm { groups: 32, epsilon: 1e-5, scale: &scale, shift: &scale };
        time(&format!("group norm + SiLU {channels} at {side} x {rows}"), 0.0, || {
            bf16::group_norm(isa, &x, border, norm, Activation::Silu, &mut bordered);
        });
        time(&format!("layer norm {channels} at {side} x {rows}"), 0.0, || {
            bf16::layer_norm(isa, &x, 1e-5, &scale, &scale, &mut out);
        });
        let (more, mut joined) = (x.clone(), vec![Bf16::ZERO; 2 * x.len()]);
        time(&format!("concat 2 x {channels} at {side} x {rows}"), 0.0, || {
            easel_kernels::cpu::concat_channels(&[(&x, channels), (&more, channels)], rows * side * side, &mut joined);
        });
    }
}
