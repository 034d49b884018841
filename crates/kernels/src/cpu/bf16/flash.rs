//! Attention on tiles, a block of queries and a block of keys at a time, with running maxima and sums (Milakov & Gimelshein 2018; Dao et al.
//! 2022): the scores of a block stay in the first-level cache and are never written out.
//!
//! Keys and values of every row and head are packed once for all of its queries. A running maximum follows only when it has grown by more than
//! 2^8, so sums are seldom scaled; whether it has depends on the query alone.

#![allow(unsafe_code)]

mod pack;

use std::arch::{asm, x86_64::*};

use super::{
    super::share::{Shared, each, with_scratch},
    Attention, Bf16,
    amx::Tiles,
};
use pack::Pack;

/// Queries of a block: two tiles.
const QUERIES: usize = 32;
/// Keys of a block: scores take 16 KiB.
const KEYS: usize = 128;
/// bf16 numbers of a tile.
const HALVES: usize = 512;
/// f32 numbers of a tile.
const SINGLES: usize = 256;
/// Multiplications below which other threads would cost more than they save.
const SMALL: usize = 1 << 19;

/// The sizes of one row and head's packed keys and values.
#[derive(Clone, Copy)]
struct Packed {
    size: usize,
    /// Keys, as whole steps of 32.
    keys: usize,
    /// Tiles of 32 numbers in a query or key.
    inner: usize,
    /// Tiles of 16 numbers in a value.
    outer: usize,
}

impl Packed {
    fn new(size: usize, keys: usize) -> Self {
        Self { size, keys: keys.next_multiple_of(32), inner: size.div_ceil(32), outer: size.div_ceil(16) }
    }

    /// Tiles of 16 keys, `inner` for each: 16 lines, each two numbers of 16 keys.
    fn key_numbers(&self) -> usize {
        self.keys / 16 * self.inner * HALVES
    }

    /// Steps of 32 keys, `outer` tiles for each: 16 lines, each 16 numbers of two keys.
    fn value_numbers(&self) -> usize {
        self.keys / 32 * self.outer * HALVES
    }
}

/// `out` is (rows, queries, heads * head_size); lengths have been checked, the head size is even.
pub(super) fn attention(work: &Attention<'_>, out: &mut [Bf16]) {
    let packed = Packed::new(work.head_size(), work.keys);
    let heads = work.rows * work.heads;
    let (each_k, each_v) = (packed.key_numbers(), packed.value_numbers());
    let (mut k, mut v) = (work.pool.take_halves(heads * each_k), work.pool.take_halves(heads * each_v));
    let (to_k, to_v) = (Shared::new(&mut k), Shared::new(&mut v));
    let worth_it = work.rows * work.queries * work.keys * work.width() >= SMALL;
    let steps = packed.keys / 32;
    // A few steps of a head for each task.
    let group = 8;
    each(heads * steps.div_ceil(group), worth_it, |task| {
        let (head, first) = (task / steps.div_ceil(group), task % steps.div_ceil(group) * group);
        for step in first..(first + group).min(steps) {
            let pack = Pack { work, packed, head, step };
            // SAFETY: every step has its own part of the head's keys and values; tiles come with these instructions.
            unsafe {
                pack.keys(to_k.start().add(head * each_k + step * 2 * packed.inner * HALVES));
                pack.values(to_v.start().add(head * each_v + step * packed.outer * HALVES));
            }
        }
    });
    let blocks = work.queries.div_ceil(QUERIES);
    let out = Shared::new(out);
    each(heads * blocks, worth_it, |task| {
        let (head, query) = (task / blocks, task % blocks * QUERIES);
        let _tiles = Tiles::configured(work.isa);
        // The scores as numbers and as weights, the sums, the queries; maxima and totals.
        let sizes =
            [QUERIES * KEYS, QUERIES * KEYS / 2, 2 * packed.outer * SINGLES, packed.inner * HALVES, QUERIES, QUERIES * 16];
        with_scratch(sizes.iter().sum(), 0, |numbers, _| {
            let [scores, numbers] = cut(numbers, sizes[0]);
            let [weights, numbers] = cut(numbers, sizes[1]);
            let [sums, numbers] = cut(numbers, sizes[2]);
            let [queries, numbers] = cut(numbers, sizes[3]);
            let [largest, totals] = cut(numbers, sizes[4]);
            let mut block = Block {
                work,
                packed,
                head,
                query,
                k: &k[head * each_k..(head + 1) * each_k],
                v: &v[head * each_v..(head + 1) * each_v],
                scores,
                weights: weights.as_mut_ptr().cast(),
                sums,
                queries: queries.as_mut_ptr().cast(),
                largest,
                totals,
            };
            // SAFETY: the tiles are configured, and come with the instructions; the queries' lines of `out` belong to this task.
            unsafe { block.run(out) }
        });
    });
}

fn cut(numbers: &mut [f32], at: usize) -> [&mut [f32]; 2] {
    let (here, rest) = numbers.split_at_mut(at);
    [here, rest]
}

/// The numbers of a row and head start here, those of the next token `width` further.
fn head_start(work: &Attention<'_>, head: usize, tokens: usize) -> usize {
    head / work.heads * tokens * work.width() + head % work.heads * work.head_size()
}

/// A block of queries of one head.
struct Block<'a> {
    work: &'a Attention<'a>,
    packed: Packed,
    head: usize,
    query: usize,
    k: &'a [Bf16],
    v: &'a [Bf16],
    /// By tiles: 16 keys, then 16 queries, then a line for each query.
    scores: &'a mut [f32],
    /// By tiles: 32 keys, then 16 queries, then a line for each query.
    weights: *mut Bf16,
    /// By tiles: 16 numbers of the values, then 16 queries, then a line for each query.
    sums: &'a mut [f32],
    /// By tiles: 32 numbers, then 16 queries, then a line for each query.
    queries: *mut Bf16,
    /// In powers of 2.
    largest: &'a mut [f32],
    /// 16 partial sums for each query.
    totals: &'a mut [f32],
}

impl Block<'_> {
    /// # Safety
    /// Tiles are configured; this block's lines of `out` are nobody else's.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512bf16")]
    unsafe fn run(&mut self, out: Shared<Bf16>) {
        let work = self.work;
        let count = QUERIES.min(work.queries - self.query);
        self.sums.fill(0.0);
        self.totals.fill(0.0);
        self.largest.fill(f32::NEG_INFINITY);
        let visible = if work.causal { (self.query + count).min(work.keys) } else { work.keys };
        // SAFETY: the caller's contract; the scratch has the sizes that the parts ask for.
        unsafe {
            self.take_queries(count);
            for key in (0..visible).step_by(KEYS) {
                let keys = KEYS.min(self.packed.keys - key);
                self.score(key, keys);
                for i in 0..count {
                    self.soften(i, key, keys);
                }
                self.add_values(key, keys);
            }
            for i in 0..count {
                let at = head_start(work, self.head, work.queries) + (self.query + i) * work.width();
                self.write(i, out.start().add(at));
            }
        }
    }

    /// The queries, with zeros behind their numbers. Those that do not exist are left as they are: a tile's lines do not mix.
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn take_queries(&mut self, count: usize) {
        let (work, size) = (self.work, self.packed.size);
        let start = head_start(work, self.head, work.queries);
        for i in 0..count {
            let line = &work.q[start + (self.query + i) * work.width()..][..size];
            for tile in 0..self.packed.inner {
                let exist = 32.min(size - tile * 32);
                let mask = if exist == 32 { u32::MAX } else { (1 << exist) - 1 };
                // SAFETY: as many numbers are there; the scratch has a line for each query in every tile.
                unsafe {
                    let x = _mm512_maskz_loadu_epi16(mask, line[tile * 32..].as_ptr().cast());
                    _mm512_storeu_si512(self.queries.add((tile * 2 + i / 16) * HALVES + i % 16 * 32).cast(), x);
                }
            }
        }
    }

    /// The scores of `keys` keys from `key` on.
    unsafe fn score(&mut self, key: usize, keys: usize) {
        for pair in 0..keys / 32 {
            let tiles = self.k[(key / 16 + 2 * pair) * self.packed.inner * HALVES..].as_ptr();
            // SAFETY: 32 keys are packed from there; the scores of 32 keys by 32 queries are four tiles.
            unsafe {
                asm!(
                    "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3",
                    "2:",
                    "tileloadd tmm4, [{queries} + {line}]",
                    "tileloadd tmm6, [{first} + {line}]",
                    "tileloadd tmm5, [{queries} + {line} + 1024]",
                    "tileloadd tmm7, [{second} + {line}]",
                    "add {queries}, 2048",
                    "add {first}, 1024",
                    "add {second}, 1024",
                    "tdpbf16ps tmm0, tmm4, tmm6",
                    "tdpbf16ps tmm1, tmm5, tmm6",
                    "tdpbf16ps tmm2, tmm4, tmm7",
                    "tdpbf16ps tmm3, tmm5, tmm7",
                    "dec {count}",
                    "jnz 2b",
                    "tilestored [{scores} + {line}], tmm0",
                    "tilestored [{scores} + {line} + 1024], tmm1",
                    "tilestored [{scores} + {line} + 2048], tmm2",
                    "tilestored [{scores} + {line} + 3072], tmm3",
                    queries = inout(reg) self.queries => _,
                    first = inout(reg) tiles => _,
                    second = inout(reg) tiles.add(self.packed.inner * HALVES) => _,
                    scores = in(reg) self.scores[pair * 4 * SINGLES..].as_mut_ptr(),
                    count = inout(reg) self.packed.inner => _,
                    line = in(reg) 64usize,
                    options(nostack),
                );
            }
        }
    }

    /// Query `i`'s scores become weights; its sums and totals follow a new maximum.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512bf16")]
    unsafe fn soften(&mut self, i: usize, key: usize, keys: usize) {
        const GROWTH: f32 = 8.0;
        let seen = if self.work.causal { (self.query + i + 1).min(self.work.keys) } else { self.work.keys };
        let seen = seen.saturating_sub(key).min(keys);
        let vectors = keys / 16;
        // SAFETY: a line of 16 scores for each query in every tile; whole tiles are there.
        unsafe {
            let line = self.scores.as_mut_ptr().add(i / 16 * SINGLES + i % 16 * 16);
            let score = |v: usize| line.add(v * 2 * SINGLES);
            // What is not seen gets the least score.
            for v in seen / 16..vectors {
                let mask = ((1u32 << seen.saturating_sub(v * 16).min(16)) - 1) as u16;
                let least = _mm512_set1_ps(f32::NEG_INFINITY);
                _mm512_storeu_ps(score(v), _mm512_mask_loadu_ps(least, mask, score(v)));
            }
            let scale = std::f32::consts::LOG2_E / (self.packed.size as f32).sqrt();
            let mut top = [_mm512_set1_ps(f32::NEG_INFINITY); 2];
            for v in 0..vectors {
                top[v % 2] = _mm512_max_ps(_mm512_loadu_ps(score(v)), top[v % 2]);
            }
            let top = _mm512_reduce_max_ps(_mm512_max_ps(top[0], top[1])) * scale;
            let before = self.largest[i];
            if before == f32::NEG_INFINITY {
                self.largest[i] = top;
            } else if top > before + GROWTH {
                self.largest[i] = top;
                self.shrink(i, _mm512_set1_ps((before - top).exp2()));
            }
            let (scale, shift) = (_mm512_set1_ps(scale), _mm512_set1_ps(-self.largest[i]));
            let mut total = _mm512_loadu_ps(self.totals.as_ptr().add(i * 16));
            let weights = self.weights.add(i / 16 * HALVES + i % 16 * 32);
            for v in (0..vectors).step_by(2) {
                let [a, b] = [0, 1].map(|j| exp2(_mm512_fmadd_ps(_mm512_loadu_ps(score(v + j)), scale, shift)));
                total = _mm512_add_ps(total, _mm512_add_ps(a, b));
                let both = std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(b, a));
                _mm512_storeu_si512(weights.add(v * HALVES).cast(), both);
            }
            _mm512_storeu_ps(self.totals.as_mut_ptr().add(i * 16), total);
        }
    }

    /// Query `i`'s sums and totals by a factor.
    #[target_feature(enable = "avx512f")]
    unsafe fn shrink(&mut self, i: usize, factor: __m512) {
        // SAFETY: a line for each query in every tile.
        unsafe {
            let total = self.totals.as_mut_ptr().add(i * 16);
            _mm512_storeu_ps(total, _mm512_mul_ps(_mm512_loadu_ps(total), factor));
            for tile in 0..self.packed.outer {
                let sum = self.sums.as_mut_ptr().add((tile * 2 + i / 16) * SINGLES + i % 16 * 16);
                _mm512_storeu_ps(sum, _mm512_mul_ps(_mm512_loadu_ps(sum), factor));
            }
        }
    }

    /// Adds the values by their weights to the sums.
    unsafe fn add_values(&mut self, key: usize, keys: usize) {
        let outer = self.packed.outer;
        let values = self.v[key / 32 * outer * HALVES..].as_ptr();
        for tile in (0..outer).step_by(2) {
            let sums = self.sums[tile * 2 * SINGLES..].as_mut_ptr();
            // SAFETY: as many steps of keys are packed from there; the weights are of the same keys, the sums of all tiles.
            unsafe {
                match tile + 1 < outer {
                    true => asm!(
                        "tileloadd tmm0, [{sums} + {line}]",
                        "tileloadd tmm1, [{sums} + {line} + 1024]",
                        "tileloadd tmm2, [{sums} + {line} + 2048]",
                        "tileloadd tmm3, [{sums} + {line} + 3072]",
                        "2:",
                        "tileloadd tmm4, [{weights} + {line}]",
                        "tileloadd tmm6, [{values} + {line}]",
                        "tileloadd tmm5, [{weights} + {line} + 1024]",
                        "tileloadd tmm7, [{values} + {line} + 1024]",
                        "add {weights}, 2048",
                        "add {values}, {step}",
                        "tdpbf16ps tmm0, tmm4, tmm6",
                        "tdpbf16ps tmm1, tmm5, tmm6",
                        "tdpbf16ps tmm2, tmm4, tmm7",
                        "tdpbf16ps tmm3, tmm5, tmm7",
                        "dec {count}",
                        "jnz 2b",
                        "tilestored [{sums} + {line}], tmm0",
                        "tilestored [{sums} + {line} + 1024], tmm1",
                        "tilestored [{sums} + {line} + 2048], tmm2",
                        "tilestored [{sums} + {line} + 3072], tmm3",
                        weights = inout(reg) self.weights => _,
                        values = inout(reg) values.add(tile * HALVES) => _,
                        step = in(reg) outer * HALVES * 2,
                        sums = in(reg) sums,
                        count = inout(reg) keys / 32 => _,
                        line = in(reg) 64usize,
                        options(nostack),
                    ),
                    false => asm!(
                        "tileloadd tmm0, [{sums} + {line}]",
                        "tileloadd tmm1, [{sums} + {line} + 1024]",
                        "2:",
                        "tileloadd tmm4, [{weights} + {line}]",
                        "tileloadd tmm6, [{values} + {line}]",
                        "tileloadd tmm5, [{weights} + {line} + 1024]",
                        "add {weights}, 2048",
                        "add {values}, {step}",
                        "tdpbf16ps tmm0, tmm4, tmm6",
                        "tdpbf16ps tmm1, tmm5, tmm6",
                        "dec {count}",
                        "jnz 2b",
                        "tilestored [{sums} + {line}], tmm0",
                        "tilestored [{sums} + {line} + 1024], tmm1",
                        weights = inout(reg) self.weights => _,
                        values = inout(reg) values.add(tile * HALVES) => _,
                        step = in(reg) outer * HALVES * 2,
                        sums = in(reg) sums,
                        count = inout(reg) keys / 32 => _,
                        line = in(reg) 64usize,
                        options(nostack),
                    ),
                }
            }
        }
    }

    /// Query `i`'s sums by its total.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    unsafe fn write(&self, i: usize, out: *mut Bf16) {
        // SAFETY: the caller's: the query's numbers of the head are written there.
        unsafe {
            let total = _mm512_reduce_add_ps(_mm512_loadu_ps(self.totals.as_ptr().add(i * 16)));
            let factor = _mm512_set1_ps(1.0 / total);
            for tile in 0..self.packed.outer {
                let sum = _mm512_loadu_ps(self.sums.as_ptr().add((tile * 2 + i / 16) * SINGLES + i % 16 * 16));
                let rounded = std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(_mm512_mul_ps(sum, factor)));
                let mask = (1u32 << 16.min(self.packed.size - tile * 16)) - 1;
                _mm512_mask_storeu_epi16(out.add(tile * 16).cast(), mask, _mm512_castsi256_si512(rounded));
            }
        }
    }
}

/// `2^x` to 1e-4, a twentieth of what rounding to bf16 costs.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn exp2(x: __m512) -> __m512 {
    // What is above the next lower whole number.
    let rest = _mm512_reduce_ps::<1>(x);
    let mut sum = _mm512_set1_ps(EXP2[0]);
    for coefficient in &EXP2[1..] {
        sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(*coefficient));
    }
    _mm512_scalef_ps(sum, x)
}

/// `2^r` for 0 <= r < 1, highest power first; relative error 1e-4.
const EXP2: [f32; 4] = [0.079_385_5, 0.224_330_4, 0.696_065_4, 0.999_925_4];
