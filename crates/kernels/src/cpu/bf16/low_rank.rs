//! What a layer with low-rank additions needs besides its product, as `cpu::low_rank` has it in f32.

#![allow(unsafe_code)]

use super::{
    super::{
        lanes::Lanes,
        share::{Shared, each},
    },
    Bf16, Bf16Isa, Matrix, Product,
    finish::Behind,
    halves::{Halves, on_halves, put},
    pack::PANEL,
    product::{lines, run},
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
