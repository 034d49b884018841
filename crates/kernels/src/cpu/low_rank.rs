//! What a layer with low-rank additions (Hu et al. 2021) needs besides its product: sums in place, lines scaled by rows, and a gated layer
//! whose gates wait until something has been added to its values.
//!
//! A gated layer's result before its gates keeps the columns as they are packed: values and gates by panels, padded. Only [`gate`] and
//! another gated product of as many outputs know that order.

#![allow(unsafe_code)]

use super::{
    Epilogue, PackedMatrix, Pool,
    epilogue::{Finish, finish, put},
    lanes::{Lanes, on_lanes},
    math,
    product::{Lines, Place, lines, multiply_lines, product},
    share::{Shared, each, each_of},
};

/// Numbers of a task.
const PIECE: usize = 1 << 14;

impl PackedMatrix {
    /// Numbers in a line before the gates: of a layer without gates, its outputs.
    pub fn packed_outputs(&self) -> usize {
        self.panels.columns
    }
}

/// `x w + bias` of gated weights, in packed columns.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn ungated(x: &[f32], w: &PackedMatrix, out: &mut [f32]) {
    assert!(w.gated, "only gated weights have gates. This is a bug.");
    multiply(x, w, Epilogue::default(), out);
}

/// `out += x w`, gated weights in packed columns; a bias is not for weights that are added to others.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn product_onto(x: &[f32], w: &PackedMatrix, out: &mut [f32]) {
    assert!(w.bias.is_none(), "what is added to a layer has no bias. This is a bug.");
    let lines = lines(x, w);
    assert_eq!(out.len(), lines * w.panels.columns, "a result has the length of its shape. This is a bug.");
    let mut place = Place::new(lines, w.panels.columns, 1, None, Epilogue::default(), out);
    // Every number is read by the share that writes it, before it does.
    place.residual = place.out.start();
    run(x, w, lines, &place);
}

fn multiply(x: &[f32], w: &PackedMatrix, epilogue: Epilogue<'_>, out: &mut [f32]) {
    let lines = lines(x, w);
    assert_eq!(out.len(), lines * w.panels.columns, "a result has the length of its shape. This is a bug.");
    let place = Place::new(lines, w.panels.columns, 1, w.bias.as_deref(), epilogue, out);
    run(x, w, lines, &place);
}

fn run(x: &[f32], w: &PackedMatrix, lines: usize, place: &Place) {
    multiply_lines(
        w.isa,
        &w.panels,
        &Lines { x, length: w.panels.inner },
        lines,
        &|isa, finished: &Finish| {
            // SAFETY: `Place` has checked the lengths; shares do not overlap.
            unsafe { finish(isa, finished) }
        },
        place,
    );
}

/// `value * gelu(gate)` of lines in the packed columns of `w`.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn gate(x: &[f32], w: &PackedMatrix, out: &mut [f32]) {
    let (packed, outputs, half) = (w.panels.columns, w.outputs(), w.isa.panel() / 2);
    let lines = x.len() / packed.max(1);
    assert!(w.gated && x.len() == lines * packed && out.len() == lines * outputs, "lengths are those of shapes. This is a bug.");
    let out = Shared::new(out);
    let piece = (PIECE / packed.max(1)).max(1);
    each(lines.div_ceil(piece), x.len() > PIECE, |task| {
        for line in task * piece..((task + 1) * piece).min(lines) {
            let from = &x[line * packed..(line + 1) * packed];
            // SAFETY: a line of `out` belongs to one task.
            unsafe { gate_line(w.isa, &Gates { x: from, half, outputs, out: out.start().add(line * outputs) }) }
        }
    });
}

struct Gates<'a> {
    x: &'a [f32],
    /// Values, and gates, of a panel.
    half: usize,
    outputs: usize,
    out: *mut f32,
}

on_lanes! {
    unsafe fn gate_line(work: &Gates<'_>) = gate_line_body
}

#[inline(always)]
unsafe fn gate_line_body<L: Lanes>(work: &Gates<'_>) {
    for (index, panel) in work.x.chunks_exact(2 * work.half).enumerate() {
        for offset in (0..work.half).step_by(L::WIDTH) {
            let output = index * work.half + offset;
            if output >= work.outputs {
                break;
            }
            // SAFETY: a panel has whole vectors of values and of gates; no more is written than there are outputs.
            unsafe {
                let (value, gate) = (L::load(panel.as_ptr().add(offset)), L::load(panel.as_ptr().add(work.half + offset)));
                put::<L>(work.out.add(output), work.outputs - output, L::mul(value, math::gelu::<L>(gate)));
            }
        }
    }
}

/// What is added to some rows of a layer's result.
pub struct Addition<'a> {
    /// (lines, inputs).
    pub x: &'a [f32],
    /// One for each row.
    pub factors: &'a [f32],
    /// (rank, inputs).
    pub down: &'a PackedMatrix,
    /// (outputs, rank), gated as the layer is.
    pub up: &'a PackedMatrix,
    /// (lines, outputs), in packed columns where the layer is gated.
    pub out: &'a mut [f32],
}

/// `out += factors * (x down) up`, each of the additions by a thread or more: many are as small as one thread's share of a product.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn add_low_rank(pool: &Pool, additions: Vec<Addition<'_>>) {
    each_of(additions, |Addition { x, factors, down, up, out }| {
        let mut z = pool.take(lines(x, down) * down.outputs());
        product(x, factors.len(), down, Epilogue::default(), &mut z);
        scale_rows(&mut z, factors);
        product_onto(&z, up, out);
    });
}

/// Every row times its factor.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn scale_rows(x: &mut [f32], factors: &[f32]) {
    let length = x.len() / factors.len().max(1);
    assert_eq!(x.len(), length * factors.len(), "every row is as long. This is a bug.");
    for (row, factor) in x.chunks_exact_mut(length.max(1)).zip(factors) {
        row.iter_mut().for_each(|x| *x *= factor);
    }
}
