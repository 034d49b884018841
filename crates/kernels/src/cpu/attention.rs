//! Scaled dot-product attention, a block of queries and a block of keys at a time, with running maxima and sums (Milakov & Gimelshein 2018;
//! Dao et al. 2022): the scores of a block stay in the first-level cache and are never written out.
//!
//! Keys and values of every row and head are packed once for all of its queries. Where a block of keys ends depends on nothing but the
//! number of keys, and a query's running maximum on nothing but the query.

#![allow(unsafe_code)]

use std::ptr::null;

use super::{
    Isa, Pool,
    epilogue::put,
    lanes::{Lanes, on_lanes},
    math,
    microkernel::{LINES, Work, multiply},
    share::{Shared, each, with_scratch},
};

/// Queries of a block: a multiple of every tile's height.
const QUERIES: usize = 2 * LINES;
/// Keys of a block: the scores of a block take 24 KiB.
const KEYS: usize = 128;
/// Multiplications below which other threads would cost more than they save.
const SMALL: usize = 1 << 17;

/// One attention: `softmax(q k^T / sqrt(head_size)) v`, by rows and heads.
#[derive(Clone, Copy)]
pub struct Attention<'a> {
    /// The instructions to use.
    pub isa: Isa,
    /// Where the packed keys and values lie meanwhile.
    pub pool: &'a Pool,
    /// (rows, queries, heads * head_size).
    pub q: &'a [f32],
    /// (rows, keys, heads * head_size).
    pub k: &'a [f32],
    /// (rows, keys, heads * head_size).
    pub v: &'a [f32],
    /// Rows.
    pub rows: usize,
    /// Queries of a row.
    pub queries: usize,
    /// Keys of a row.
    pub keys: usize,
    /// Heads.
    pub heads: usize,
    /// Whether query `i` sees the keys `0..=i` alone.
    pub causal: bool,
}

impl Attention<'_> {
    fn width(&self) -> usize {
        self.q.len() / (self.rows * self.queries).max(1)
    }

    fn head_size(&self) -> usize {
        self.width() / self.heads
    }

    fn check(&self, out: &[f32]) {
        let width = self.width();
        assert!(self.heads > 0 && width.is_multiple_of(self.heads), "whole heads. This is a bug.");
        assert!(self.q.len() == self.rows * self.queries * width && out.len() == self.q.len(), "queries. This is a bug.");
        assert!(self.k.len() == self.rows * self.keys * width && self.v.len() == self.k.len(), "keys and values. This is a bug.");
    }
}

/// The sizes of one row and head's packed keys and values.
#[derive(Clone, Copy)]
struct Packed {
    /// Columns of a full panel.
    panel: usize,
    /// Numbers in a vector.
    vector: usize,
    /// Keys, as whole vectors.
    keys: usize,
    /// Head size, as whole vectors.
    size: usize,
}

impl Packed {
    fn new(work: &Attention<'_>) -> Self {
        let vector = work.isa.width();
        Self {
            panel: work.isa.panel(),
            vector,
            keys: work.keys.next_multiple_of(vector),
            size: work.head_size().next_multiple_of(vector),
        }
    }

    /// Columns of the panel that begins at `column`, of `columns`.
    fn panel(&self, column: usize, columns: usize) -> usize {
        self.panel.min(columns - column)
    }
}

/// `out` is (rows, queries, heads * head_size).
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn attention(work: &Attention<'_>, out: &mut [f32]) {
    work.check(out);
    if out.is_empty() || work.keys == 0 {
        return out.fill(0.0);
    }
    let (packed, size) = (Packed::new(work), work.head_size());
    let heads = work.rows * work.heads;
    let (each_k, each_v) = (size * packed.keys, work.keys * packed.size);
    let (mut k, mut v) = (work.pool.take(heads * each_k), work.pool.take(heads * each_v));
    let (to_k, to_v) = (Shared::new(&mut k), Shared::new(&mut v));
    let worth_it = work.rows * work.queries * work.keys * work.width() >= SMALL;
    let panels = packed.keys.div_ceil(packed.panel);
    each(heads * panels, worth_it, |task| {
        let (head, panel) = (task / panels, task % panels);
        let key = panel * packed.panel;
        let columns = packed.panel(key, packed.keys);
        // SAFETY: every task has its own panel of the keys, and the values of the same keys.
        let k = unsafe { std::slice::from_raw_parts_mut(to_k.start().add(head * each_k + key * size), columns * size) };
        pack_keys(work, head, key, columns, k);
        // SAFETY: the lines `key..` of every panel of the head's values are written by this task alone.
        unsafe { pack_values(work, packed, head, key, to_v.start().add(head * each_v)) }
    });
    let blocks = work.queries.div_ceil(QUERIES);
    let out = Shared::new(out);
    each(heads * blocks, worth_it, |task| {
        let (head, block) = (task / blocks, task % blocks);
        let (k, v) = (&k[head * each_k..(head + 1) * each_k], &v[head * each_v..(head + 1) * each_v]);
        block_of_queries(work, packed, head, block * QUERIES, k, v, out);
    });
}

/// The numbers of a row and head start here, those of the next token `width` further.
fn head_start(work: &Attention<'_>, head: usize, tokens: usize) -> usize {
    head / work.heads * tokens * work.width() + head % work.heads * work.head_size()
}

/// (head_size, columns) from the keys `key..`, zeros for keys that do not exist.
fn pack_keys(work: &Attention<'_>, head: usize, key: usize, columns: usize, to: &mut [f32]) {
    let (start, width, size) = (head_start(work, head, work.keys), work.width(), work.head_size());
    for column in 0..columns {
        match key + column < work.keys {
            true => {
                let from = &work.k[start + (key + column) * width..][..size];
                from.iter().enumerate().for_each(|(i, value)| to[i * columns + column] = *value);
            }
            false => (0..size).for_each(|i| to[i * columns + column] = 0.0),
        }
    }
}

/// The lines of as many keys as a panel has, in every panel of the values: (keys, columns) each.
///
/// # Safety
/// `to` has room for a head's values, and nobody else writes these keys' lines.
unsafe fn pack_values(work: &Attention<'_>, packed: Packed, head: usize, key: usize, to: *mut f32) {
    let (start, width, size) = (head_start(work, head, work.keys), work.width(), work.head_size());
    for column in (0..packed.size).step_by(packed.panel) {
        let columns = packed.panel(column, packed.size);
        let exist = columns.min(size - column);
        for key in key..(key + packed.panel).min(work.keys) {
            let from = &work.v[start + key * width + column..][..exist];
            // SAFETY: the panel begins at `column * keys`, its lines have `columns` numbers.
            let line = unsafe { std::slice::from_raw_parts_mut(to.add(column * work.keys + key * columns), columns) };
            line[..exist].copy_from_slice(from);
            line[exist..].fill(0.0);
        }
    }
}

/// The queries `query..`, as many as make a block.
fn block_of_queries(work: &Attention<'_>, packed: Packed, head: usize, query: usize, k: &[f32], v: &[f32], out: Shared) {
    let (isa, width, size) = (work.isa, work.width(), work.head_size());
    let start = head_start(work, head, work.queries);
    let count = QUERIES.min(work.queries - query);
    let segments = KEYS.div_ceil(packed.panel);
    with_scratch(QUERIES * (KEYS + packed.size + 2), (segments + 1) * QUERIES, |numbers, pointers| {
        let (scores, numbers) = numbers.split_at_mut(QUERIES * KEYS);
        let (sums, numbers) = numbers.split_at_mut(QUERIES * packed.size);
        let (largest, totals) = numbers.split_at_mut(QUERIES);
        let (lines, weights) = pointers.split_at_mut(QUERIES);
        for (i, line) in lines.iter_mut().enumerate() {
            *line = work.q[start + (query + i.min(count - 1)) * width..][..size].as_ptr();
        }
        sums.fill(0.0);
        largest.fill(f32::NEG_INFINITY);
        totals.fill(0.0);
        let visible = if work.causal { (query + count).min(work.keys) } else { work.keys };
        for key in (0..visible).step_by(KEYS) {
            let keys = KEYS.min(work.keys - key);
            let end = (key + KEYS).min(packed.keys);
            let mut panel = key;
            while panel < end {
                let columns = packed.panel(panel, packed.keys);
                let to = &mut scores[(panel - key) * QUERIES..][..columns * QUERIES];
                let place = &mut weights[(panel - key) / packed.panel * QUERIES..][..QUERIES];
                place.iter_mut().enumerate().for_each(|(i, line)| *line = to[i * columns..].as_ptr());
                let product = Work {
                    table: lines.as_ptr(),
                    lines: count,
                    room: QUERIES,
                    segment: size,
                    from: 0,
                    to: size,
                    panel: k[panel * size..][..columns * size].as_ptr(),
                    vectors: columns / packed.vector,
                    sums: to.as_mut_ptr(),
                    fresh: true,
                };
                // SAFETY: the table has a pointer for every line, each to a head's numbers; the panel and the sums were sliced.
                unsafe { multiply(isa, &product) }
                panel += columns;
            }
            let soften = Soften {
                weights: weights.as_ptr(),
                segment: packed.panel,
                keys,
                visible: work.causal.then_some((query + 1, key)),
                lines: count,
                scale: std::f32::consts::LOG2_E / (size as f32).sqrt(),
                largest: largest.as_mut_ptr(),
                totals: totals.as_mut_ptr(),
                sums: sums.as_mut_ptr(),
                packed,
            };
            // SAFETY: a line of scores for every query, in segments of a panel's columns; everything is this thread's.
            unsafe { soften_scores(isa, &soften) }
            for column in (0..packed.size).step_by(packed.panel) {
                let columns = packed.panel(column, packed.size);
                let product = Work {
                    table: weights.as_ptr(),
                    lines: count,
                    room: QUERIES,
                    segment: packed.panel,
                    from: 0,
                    to: keys,
                    panel: v[column * work.keys + key * columns..][..keys * columns].as_ptr(),
                    vectors: columns / packed.vector,
                    sums: sums[column * QUERIES..].as_mut_ptr(),
                    fresh: false,
                };
                // SAFETY: as above.
                unsafe { multiply(isa, &product) }
            }
        }
        let written = Written {
            sums: sums.as_ptr(),
            totals: totals.as_ptr(),
            size,
            packed,
            lines: count,
            width,
            out: null::<f32>().cast_mut(),
        };
        // SAFETY: the head's place in the lines of `out` belongs to this task.
        unsafe { write(isa, &Written { out: out.start().add(start + query * width), ..written }) }
    });
}

/// Scores become weights; sums and totals follow the new maxima.
struct Soften {
    weights: *const *const f32,
    segment: usize,
    keys: usize,
    /// How many keys the first line sees, each further line one more, and how many of them lie before this block.
    visible: Option<(usize, usize)>,
    lines: usize,
    /// Of the scores, for powers of 2.
    scale: f32,
    largest: *mut f32,
    totals: *mut f32,
    sums: *mut f32,
    packed: Packed,
}

on_lanes! {
    unsafe fn soften_scores(work: &Soften) = soften_body
}

#[inline(always)]
unsafe fn soften_body<L: Lanes>(work: &Soften) {
    for i in 0..work.lines {
        // SAFETY: the caller's contract.
        unsafe { soften_line::<L>(work, i) }
    }
}

#[inline(always)]
unsafe fn soften_line<L: Lanes>(work: &Soften, i: usize) {
    let keys = work.visible.map_or(work.keys, |(first, before)| (first + i).saturating_sub(before).min(work.keys));
    // The keys of a segment, as pointer and number of those that are there.
    let segments = |keys: usize| {
        (0..keys.div_ceil(work.segment)).map(move |s| {
            // SAFETY: a pointer for every segment and line.
            let line = unsafe { *work.weights.add(s * QUERIES + i) };
            (line.cast_mut(), work.segment.min(keys - s * work.segment))
        })
    };
    // SAFETY: whole vectors are there in every segment, even where not all of their keys are.
    unsafe {
        let mut top = L::splat(f32::NEG_INFINITY);
        for (line, count) in segments(keys) {
            let whole = count / L::WIDTH * L::WIDTH;
            for key in (0..whole).step_by(L::WIDTH) {
                top = L::max(top, L::load(line.add(key)));
            }
            if whole < count {
                let outside = L::splat(f32::NEG_INFINITY);
                top = L::max(top, first::<L>(L::load(line.add(whole)), count - whole, outside));
            }
        }
        let before = *work.largest.add(i);
        let now = (L::largest(top) * work.scale).max(before);
        let (scale, shift) = (L::splat(work.scale), L::splat(-now));
        let weigh = |score: L::V| math::exp2_of_negative::<L>(L::fma(score, scale, shift));
        let mut total = L::splat(0.0);
        for (line, count) in segments(keys) {
            let whole = count / L::WIDTH * L::WIDTH;
            for key in (0..whole).step_by(L::WIDTH) {
                let weight = weigh(L::load(line.add(key)));
                total = L::add(total, weight);
                L::store(line.add(key), weight);
            }
            if whole < count {
                let weight = first::<L>(weigh(L::load(line.add(whole))), count - whole, L::splat(0.0));
                total = L::add(total, weight);
                L::store(line.add(whole), weight);
            }
        }
        // What this line does not see, but others of the block do.
        for key in keys..work.keys {
            *(*work.weights.add(key / work.segment * QUERIES + i)).cast_mut().add(key % work.segment) = 0.0;
        }
        let total = L::sum(total);
        let before_total = &mut *work.totals.add(i);
        if now > before && before > f32::NEG_INFINITY {
            let factor = (before - now).exp2();
            *before_total = *before_total * factor + total;
            scale_line::<L>(work, i, L::splat(factor));
        } else {
            *before_total += total;
        }
        *work.largest.add(i) = now;
    }
}

/// The first `count` numbers of `x`, then those of `others`.
#[inline(always)]
unsafe fn first<L: Lanes>(x: L::V, count: usize, others: L::V) -> L::V {
    let mut line = [0f32; 16];
    // SAFETY: there is room for the widest vector.
    unsafe {
        L::store(line.as_mut_ptr(), others);
        L::store_some(line.as_mut_ptr(), count, x);
        L::load(line.as_ptr())
    }
}

/// One query's sums by a factor.
#[inline(always)]
unsafe fn scale_line<L: Lanes>(work: &Soften, i: usize, factor: L::V) {
    for column in (0..work.packed.size).step_by(work.packed.panel) {
        let columns = work.packed.panel(column, work.packed.size);
        for j in (0..columns).step_by(L::WIDTH) {
            // SAFETY: the sums have a line of `columns` for every query in every panel.
            unsafe {
                let place = work.sums.add(column * QUERIES + i * columns + j);
                L::store(place, L::mul(L::load(place), factor));
            }
        }
    }
}

/// Sums by totals, and where they go.
struct Written {
    sums: *const f32,
    totals: *const f32,
    size: usize,
    packed: Packed,
    lines: usize,
    width: usize,
    out: *mut f32,
}

on_lanes! {
    unsafe fn write(work: &Written) = write_body
}

#[inline(always)]
unsafe fn write_body<L: Lanes>(work: &Written) {
    // SAFETY: the caller's contract.
    unsafe {
        for i in 0..work.lines {
            let factor = L::splat(1.0 / *work.totals.add(i));
            for column in (0..work.packed.size).step_by(work.packed.panel) {
                let columns = work.packed.panel(column, work.packed.size);
                for j in (0..columns).step_by(L::WIDTH) {
                    let sum = L::load(work.sums.add(column * QUERIES + i * columns + j));
                    put::<L>(
                        work.out.add(i * work.width + column + j),
                        work.size.saturating_sub(column + j).min(L::WIDTH),
                        L::mul(sum, factor),
                    );
                }
            }
        }
    }
}
