//! Attention against f64, over random shapes, on every set of instructions this processor has.

#![allow(missing_docs)]

use crate::common::{Random, assert_close, bits};
use easel_kernels::cpu::{Attention, Isa, Pool, attention};

/// The definition, for one row and head: values and the size of what was added up to them.
fn reference(work: &Attention<'_>, width: usize, row: usize, head: usize, query: usize) -> Vec<(f64, f64)> {
    let size = width / work.heads;
    let q = &work.q[(row * work.queries + query) * width + head * size..][..size];
    let keys = if work.causal { (query + 1).min(work.keys) } else { work.keys };
    let line = |x: &'_ [f32], key: usize| -> Vec<f64> {
        x[(row * work.keys + key) * width + head * size..][..size].iter().map(|v| f64::from(*v)).collect()
    };
    let scores: Vec<f64> = (0..keys)
        .map(|key| line(work.k, key).iter().zip(q).map(|(k, q)| k * f64::from(*q)).sum::<f64>() / (size as f64).sqrt())
        .collect();
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = scores.iter().map(|score| (score - top).exp()).sum();
    let mut sums = vec![(0.0, 0.0); size];
    for (key, score) in scores.iter().enumerate() {
        let weight = (score - top).exp() / total;
        for (sum, v) in sums.iter_mut().zip(line(work.v, key)) {
            sum.0 += weight * v;
            // A score's rounding error, relative to its size, is an error of its weight.
            sum.1 += weight * v.abs() * (1.0 + score.abs() + top.abs());
        }
    }
    sums
}

#[test]
fn attention_is_that_of_f64() {
    let mut random = Random(7);
    let pool = Pool::default();
    for case in 0..60 {
        let (heads, size) = (random.one_of(&[1, 2, 3]), random.one_of(&[1, 8, 16, 20, 40, 64, 80, 160]));
        let width = heads * size;
        let rows = 1 + random.below(2);
        let (queries, keys) = (random.one_of(&[1, 5, 24, 77, 100, 200]), random.one_of(&[1, 7, 64, 77, 255, 256, 257, 600]));
        let [q, k, v] = [queries, keys, keys].map(|tokens| random.values(rows * tokens * width));
        for isa in Isa::available() {
            let causal = case % 3 == 0;
            let work = Attention { isa, pool: &pool, q: &q, k: &k, v: &v, rows, queries, keys, heads, causal };
            let mut out = vec![f32::NAN; q.len()];
            attention(&work, &mut out);
            let mut expected = vec![(0.0, 0.0); q.len()];
            for (i, head) in (0..rows * queries).flat_map(|i| (0..heads).map(move |head| (i, head))) {
                let part = reference(&work, width, i / queries, head, i % queries);
                expected[i * width + head * size..][..size].copy_from_slice(&part);
            }
            assert_close(&format!("{isa}, case {case}: {queries} of {keys}, {heads} x {size}"), &out, &expected, 1e-6);
        }
    }
    let before = pool.counts();
    assert!(before.allocated < before.taken, "packed keys and values go into the same memory again: {before:?}");
}

#[test]
fn large_scores_do_not_overflow() {
    let pool = Pool::default();
    let (keys, size) = (600, 16);
    let mut random = Random(8);
    let q: Vec<f32> = random.values(size).iter().map(|v| v * 100.0).collect();
    let k: Vec<f32> = random.values(keys * size).iter().map(|v| v * 100.0).collect();
    let v = random.values(keys * size);
    for isa in Isa::available() {
        let work = Attention { isa, pool: &pool, q: &q, k: &k, v: &v, rows: 1, queries: 1, keys, heads: 1, causal: false };
        let mut out = vec![0.0; size];
        attention(&work, &mut out);
        assert_close(&isa.to_string(), &out, &reference(&work, size, 0, 0, 0), 1e-6);
    }
}

#[test]
fn a_row_is_the_same_in_any_company() {
    let pool = Pool::default();
    let mut random = Random(9);
    let (rows, tokens, heads, width) = (5, 300, 2, 80);
    let [q, k, v] = [(); 3].map(|()| random.values(rows * tokens * width));
    for isa in Isa::available() {
        let run = |rows: std::ops::Range<usize>| {
            let part = rows.start * tokens * width..rows.end * tokens * width;
            let (q, k, v) = (&q[part.clone()], &k[part.clone()], &v[part]);
            let rows = rows.len();
            let mut out = vec![0.0; q.len()];
            attention(
                &Attention { isa, pool: &pool, q, k, v, rows, queries: tokens, keys: tokens, heads, causal: false },
                &mut out,
            );
            bits(&out)
        };
        let all = run(0..5);
        for rows in [0..1, 4..5, 1..4] {
            assert_eq!(run(rows.clone()), all[rows.start * tokens * width..rows.end * tokens * width], "{isa}: rows {rows:?}");
        }
    }
}

#[test]
fn what_is_not_a_number_is_not_hidden() {
    let pool = Pool::default();
    for isa in Isa::available() {
        let k: Vec<f32> = (0..77 * 8).map(|i| if i == 40 * 8 { f32::NAN } else { 0.5 }).collect();
        let (q, v) = ([1.0; 8], [1.0; 77 * 8]);
        let mut out = [0.0; 8];
        attention(
            &Attention { isa, pool: &pool, q: &q, k: &k, v: &v, rows: 1, queries: 1, keys: 77, heads: 1, causal: false },
            &mut out,
        );
        assert!(out.iter().all(|v| v.is_nan()), "{isa}");
    }
}
