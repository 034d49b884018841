//! Attention in bf16 against f64, over random shapes, on every set of instructions this processor has.

#![allow(missing_docs)]

use crate::common::{Random, assert_rounded};
use easel_kernels::cpu::{
    Pool,
    bf16::{Attention, Bf16, Bf16Isa, attention},
};

/// Of the largest value: weights are rounded to eight bits, and their errors meet at random.
const BOUND: f64 = 4e-3;

struct Case {
    rows: usize,
    queries: usize,
    keys: usize,
    heads: usize,
    size: usize,
    causal: bool,
}

impl Case {
    fn run(&self, isa: Bf16Isa, pool: &Pool, [q, k, v]: [&[Bf16]; 3]) -> Vec<Bf16> {
        let Self { rows, queries, keys, heads, causal, .. } = *self;
        let mut out = vec![Bf16::NAN; q.len()];
        attention(&Attention { isa, pool, q, k, v, rows, queries, keys, heads, causal }, &mut out);
        out
    }

    fn expected(&self, [q, k, v]: [&[Bf16]; 3]) -> Vec<(f64, f64)> {
        let width = self.heads * self.size;
        let at = |x: &[Bf16], tokens: usize, row: usize, token: usize, head: usize| -> Vec<f64> {
            let start = (row * tokens + token) * width + head * self.size;
            x[start..start + self.size].iter().map(|x| f64::from(x.to_f32())).collect()
        };
        let mut out = vec![(0.0, 0.0); q.len()];
        for (row, head, query) in itertools(self.rows, self.heads, self.queries) {
            let keys = if self.causal { self.keys.min(query + 1) } else { self.keys };
            let q = at(q, self.queries, row, query, head);
            let scores: Vec<f64> = (0..keys)
                .map(|key| {
                    let k = at(k, self.keys, row, key, head);
                    q.iter().zip(k).map(|(q, k)| q * k).sum::<f64>() / (self.size as f64).sqrt()
                })
                .collect();
            let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
            let total: f64 = weights.iter().sum();
            let to = &mut out[(row * self.queries + query) * width + head * self.size..][..self.size];
            for (key, weight) in weights.iter().enumerate() {
                for (to, v) in to.iter_mut().zip(at(v, self.keys, row, key, head)) {
                    *to = (to.0 + weight / total * v, to.1 + (weight / total * v).abs());
                }
            }
        }
        out
    }
}

fn itertools(a: usize, b: usize, c: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a * b * c).map(move |i| (i / (b * c), i / c % b, i % c))
}

#[test]
fn attention_is_that_of_f64() {
    let (mut random, pool) = (Random(8), Pool::default());
    for case in 0..60 {
        let queries = random.one_of(&[1, 3, 31, 32, 77, 130]);
        let causal = random.below(3) == 0;
        let case_ = Case {
            rows: 1 + random.below(2),
            queries,
            keys: if causal { queries } else { random.one_of(&[1, 5, 77, 128, 129, 200, 300]) },
            heads: 1 + random.below(3),
            size: random.one_of(&[1, 7, 8, 16, 40, 64, 80, 160]),
            causal,
        };
        let width = case_.heads * case_.size;
        let mut q = random.halves(case_.rows * case_.queries * width);
        // Some scores are large, so that maxima move.
        q.iter_mut().step_by(3).for_each(|q| *q = Bf16::from_f32(4.0 * q.to_f32()));
        let (k, v) = (random.halves(case_.rows * case_.keys * width), random.halves(case_.rows * case_.keys * width));
        let expected = case_.expected([&q, &k, &v]);
        for isa in Bf16Isa::available() {
            let what = format!(
                "{isa}, case {case}: {} of {}, {} x {}, causal {causal}",
                case_.queries, case_.keys, case_.heads, case_.size
            );
            assert_rounded(&what, &case_.run(isa, &pool, [&q, &k, &v]), &expected, BOUND);
        }
    }
}

/// The autoencoder's: one head as wide as the map has channels.
#[test]
fn a_wide_head_is_that_of_f64() {
    let (mut random, pool) = (Random(9), Pool::default());
    let case = Case { rows: 1, queries: 70, keys: 300, heads: 1, size: 512, causal: false };
    let (q, k, v) = (random.halves(70 * 512), random.halves(300 * 512), random.halves(300 * 512));
    for isa in Bf16Isa::available() {
        assert_rounded(isa.name(), &case.run(isa, &pool, [&q, &k, &v]), &case.expected([&q, &k, &v]), BOUND);
    }
}

#[test]
fn a_row_is_the_same_in_any_company() {
    let (mut random, pool) = (Random(10), Pool::default());
    for (queries, keys, size, causal) in [(77, 77, 64, true), (100, 77, 40, false), (64, 260, 80, false)] {
        let width = 2 * size;
        let (mut q, k, v) =
            (random.halves(5 * queries * width), random.halves(5 * keys * width), random.halves(5 * keys * width));
        q[3 * queries * width..4 * queries * width].fill(Bf16::NAN);
        for isa in Bf16Isa::available() {
            let run = |rows: std::ops::Range<usize>| {
                let case = Case { rows: rows.len(), queries, keys, heads: 2, size, causal };
                let part = |x: &'_ [Bf16], tokens: usize| x[rows.start * tokens * width..rows.end * tokens * width].to_vec();
                case.run(isa, &pool, [&part(&q, queries), &part(&k, keys), &part(&v, keys)])
            };
            let all = run(0..5);
            for rows in [0..1, 2..3, 1..3, 4..5] {
                let expected = &all[rows.start * queries * width..rows.end * queries * width];
                let found = run(rows.clone());
                assert!(found.iter().zip(expected).all(|(a, b)| a.to_bits() == b.to_bits()), "{isa}: rows {rows:?}");
                assert!(found.iter().all(|x| x.is_finite()), "{isa}: rows {rows:?}");
            }
            assert!(
                all[3 * queries * width..4 * queries * width].iter().all(|x| x.is_nan()),
                "{isa}: what is not a number stays so"
            );
        }
    }
}
