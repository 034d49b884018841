//! The CUDA kernels' attention against f64, over random shapes and every head size of Stable Diffusion.

#![allow(missing_docs)]

use crate::common::{Random, assert_close, bits};
use crate::cuda_common::{FORMATS, on_machines, rounded, rounding};
use easel_kernels::cuda::{Attention, Format, Machine};

on_machines!(head_sizes_of_stable_diffusion, narrow_heads, causal_heads, large_scores, company);

#[derive(Debug, Clone, Copy)]
struct Case {
    rows: usize,
    queries: usize,
    keys: usize,
    heads: usize,
    size: usize,
    causal: bool,
    format: Format,
    factor: f32,
}

fn reference(case: &Case, q: &[f32], k: &[f32], v: &[f32]) -> Vec<(f64, f64)> {
    let Case { rows, queries, keys, heads, size, causal, .. } = *case;
    let width = heads * size;
    let mut out = vec![(0.0, 0.0); rows * queries * width];
    for (row, head, query) in (0..rows).flat_map(|r| (0..heads).flat_map(move |h| (0..queries).map(move |q| (r, h, q)))) {
        let at =
            |x: &[f32], tokens: usize, token: usize, i: usize| f64::from(x[(row * tokens + token) * width + head * size + i]);
        let seen = if causal { (query + 1).min(keys) } else { keys };
        let scores: Vec<f64> = (0..seen)
            .map(|key| (0..size).map(|i| at(q, queries, query, i) * at(k, keys, key, i)).sum::<f64>() / (size as f64).sqrt())
            .collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
        let total: f64 = weights.iter().sum();
        for i in 0..size {
            let terms = weights.iter().enumerate().map(|(key, weight)| weight / total * at(v, keys, key, i));
            out[(row * queries + query) * width + head * size + i] = (terms.clone().sum(), terms.map(f64::abs).sum());
        }
    }
    out
}

fn run(machine: &Machine, case: &Case, [q, k, v]: [&easel_kernels::cuda::Array; 3]) -> Vec<f32> {
    let Case { rows, queries, keys, heads, causal, .. } = *case;
    let found = machine.attention(Attention { q, k, v, rows, queries, keys, heads, causal }).expect("attention");
    machine.download(&found).expect("numbers")
}

fn check(machine: &Machine, random: &mut Random, case: Case) {
    let Case { rows, queries, keys, heads, size, format, factor, .. } = case;
    let mut tokens = |count: usize| {
        let values: Vec<f32> = random.values(rows * count * heads * size).iter().map(|x| x * factor).collect();
        rounded(machine, &values, format)
    };
    let ((q, q_values), (k, k_values), (v, v_values)) = (tokens(queries), tokens(keys), tokens(keys));
    let expected = reference(&case, &q_values, &k_values, &v_values);
    let found = run(machine, &case, [&q, &k, &v]);
    // The weights are rounded to the format as well, and a score's own error is the weight's relative one.
    let scores = f64::from(factor).powi(2) * 4.0 * (size as f64).sqrt() * 4e-7;
    assert_close(&format!("{case:?}"), &found, &expected, 2.0 * rounding(format) + 2.0 * scores);
}

fn head_sizes_of_stable_diffusion(machine: &Machine) {
    let mut random = Random(0x5eed_0011);
    for size in [40, 64, 80, 160, 512] {
        for format in FORMATS {
            let heads = if size < 100 { 2 } else { 1 };
            let (rows, queries) = (1 + random.below(2), 1 + random.below(80));
            for keys in [77, 1 + random.below(140)] {
                check(machine, &mut random, Case { rows, queries, keys, heads, size, causal: false, format, factor: 1.0 });
            }
        }
    }
}

fn narrow_heads(machine: &Machine) {
    let mut random = Random(0x5eed_0012);
    for size in [4, 8, 16, 32] {
        for format in FORMATS {
            let (rows, queries, keys) = (2, 1 + random.below(150), 1 + random.below(150));
            check(machine, &mut random, Case { rows, queries, keys, heads: 3, size, causal: false, format, factor: 1.0 });
        }
    }
}

fn causal_heads(machine: &Machine) {
    let mut random = Random(0x5eed_0013);
    for tokens in [1, 16, 63, 64, 65, 77, 130] {
        for format in FORMATS {
            let size = random.one_of(&[16, 64]);
            check(
                machine,
                &mut random,
                Case { rows: 2, queries: tokens, keys: tokens, heads: 2, size, causal: true, format, factor: 1.0 },
            );
        }
    }
}

/// Scores in the hundreds: without the running maximum the exponentials would overflow.
fn large_scores(machine: &Machine) {
    let mut random = Random(0x5eed_0014);
    for format in FORMATS {
        check(
            machine,
            &mut random,
            Case { rows: 1, queries: 70, keys: 200, heads: 1, size: 64, causal: false, format, factor: 6.0 },
        );
    }
}

/// A row is the same bit for bit alone and among others.
fn company(machine: &Machine) {
    let mut random = Random(0x5eed_0015);
    for format in FORMATS {
        let many = Case { rows: 3, queries: 70, keys: 90, heads: 2, size: 40, causal: false, format, factor: 1.0 };
        let width = 80;
        let [q, k, v] = [70, 90, 90].map(|tokens| machine.upload_as(&random.values(3 * tokens * width), format).expect("memory"));
        let row = |x, tokens: usize| machine.slice(x, 2 * tokens * width, tokens * width).expect("a row");
        let all = run(machine, &many, [&q, &k, &v]);
        let one = run(machine, &Case { rows: 1, ..many }, [&row(&q, 70), &row(&k, 90), &row(&v, 90)]);
        assert_eq!(bits(&all[2 * 70 * width..]), bits(&one), "{format:?}");
    }
}
