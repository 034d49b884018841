//! What a layer with low-rank additions needs besides its product, as `cpu::low_rank` has it in f32.

#![allow(unsafe_code)]

use super::{
    super::{
        Pool,
        lanes::Lanes,
        scale_rows,
        share::{Shared, each, each_of},
    },
    Bf16, Bf16Isa, Epilogue, Matrix, Out, Product,
    elementwise::narrow,
    finish::Behind,
    halves::{Halves, on_halves, put},
    pack::PANEL,
    product::{lines, product, run},
    quick,
};

/// Numbers of a task.
const PIECE: usize = 1 << 14;

impl Matrix {
    /// Numbers in a line before the gates, in packed columns; of a layer without gates, its outputs.
    pub fn packed_outputs(&self) -> usize {
        if self.gated { self.panels() * PANEL } else { self.outputs }
    }
}

/// `x w + bias` of gated weights, in packed columns.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn ungated(work: Product<'_>, w: &Matrix, out: &mut [Bf16]) {
    assert!(w.taps == 1 && w.gated, "only gated weights have gates. This is a bug.");
    run(work, w, &Behind::packed(lines(work.x, w), w, out));
}

/// `out += x w`, gated weights in packed columns.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn product_onto(work: Product<'_>, w: &Matrix, out: &mut [Bf16]) {
    assert!(w.taps == 1, "convolutions have a function of their own. This is a bug.");
    run(work, w, &Behind::packed(lines(work.x, w), w, out).onto());
}

/// What is added to some rows of a layer's result.
pub struct Addition<'a> {
    /// (lines, inputs).
    pub x: &'a [Bf16],
    /// One for each row.
    pub factors: &'a [f32],
    /// (rank, inputs).
    pub down: &'a Matrix,
    /// (outputs, rank), gated as the layer is.
    pub up: &'a Matrix,
    /// (lines, outputs), in packed columns where the layer is gated.
    pub out: &'a mut [Bf16],
}

/// `out += factors * (x down) up`, each of the additions by a thread or more.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn add_low_rank(isa: Bf16Isa, pool: &Pool, additions: Vec<Addition<'_>>) {
    each_of(additions, |Addition { x, factors, down, up, out }| {
        let rows = factors.len();
        let mut wide = pool.take(lines(x, down) * down.outputs());
        product(Product { isa, pool, x, rows }, down, Epilogue::default(), Out::Single(&mut wide));
        scale_rows(&mut wide, factors);
        let mut z = pool.take_halves(wide.len());
        narrow(isa, &wide, &mut z);
        product_onto(Product { isa, pool, x: &z, rows }, up, out);
    });
}

/// `value * gelu(gate)` of lines in the packed columns of `w`.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn gate(isa: Bf16Isa, x: &[Bf16], w: &Matrix, out: &mut [Bf16]) {
    let (packed, outputs) = (w.packed_outputs(), w.outputs);
    let lines = x.len() / packed.max(1);
    assert!(w.gated && x.len() == lines * packed && out.len() == lines * outputs, "lengths are those of shapes. This is a bug.");
    let out = Shared::new(out);
    let piece = (PIECE / packed.max(1)).max(1);
    each(lines.div_ceil(piece), x.len() > PIECE, |task| {
        for line in task * piece..((task + 1) * piece).min(lines) {
            let from = &x[line * packed..(line + 1) * packed];
            // SAFETY: a line of `out` belongs to one task.
            unsafe { gate_line(isa, from, outputs, out.start().add(line * outputs)) }
        }
    });
}

on_halves! {
    unsafe fn gate_line(x: &[Bf16], outputs: usize, out: *mut Bf16) = gate_line_body
}

#[inline(always)]
unsafe fn gate_line_body<H: Halves>(x: &[Bf16], outputs: usize, out: *mut Bf16) {
    let half = PANEL / 2;
    for (index, panel) in x.chunks_exact(PANEL).enumerate() {
        for offset in (0..half).step_by(H::L::WIDTH) {
            let output = index * half + offset;
            if output >= outputs {
                break;
            }
            // SAFETY: a panel has whole vectors of values and of gates; no more is written than there are outputs.
            unsafe {
                let (value, gate) = (H::load(panel.as_ptr().add(offset)), H::load(panel.as_ptr().add(half + offset)));
                put::<H>(out.add(output), outputs - output, H::L::mul(value, quick::gelu::<H::L>(gate)));
            }
        }
    }
}
