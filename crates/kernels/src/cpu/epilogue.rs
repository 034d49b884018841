//! What is done to the sums of a product before they are written: bias, activation, residual.

use super::{
    lanes::{Lanes, on_lanes},
    math,
};

/// What follows a product or a normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// `x * sigmoid(x)`.
    Silu,
    /// The exact (erf) GELU.
    Gelu,
    /// `x * sigmoid(1.702 x)`.
    QuickGelu,
}

/// `activation(x + bias + row_bias) + residual`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Epilogue<'a> {
    /// One number per row and column, (rows, columns).
    pub row_bias: Option<&'a [f32]>,
    /// The activation.
    pub activation: Activation,
    /// Shape of the result.
    pub residual: Option<&'a [f32]>,
}

/// The sums of a block of lines by one panel, and where they go.
#[derive(Clone, Copy)]
pub(super) struct Finish {
    /// (lines, vectors * width).
    pub sums: *const f32,
    pub lines: usize,
    pub vectors: usize,
    /// The panel's first column and how many exist.
    pub column: usize,
    pub columns: usize,
    /// The block's first line among all.
    pub line: usize,
    /// Lines that belong to one row.
    pub lines_per_row: usize,
    /// Of all columns together; null without.
    pub bias: *const f32,
    /// (rows, line length); null without.
    pub row_bias: *const f32,
    pub activation: Activation,
    /// (lines, line length); null without.
    pub residual: *const f32,
    /// (lines, line length).
    pub out: *mut f32,
    /// Numbers in a line of the result.
    pub line_length: usize,
}

on_lanes! {
    /// Finishes the sums and writes them.
    ///
    /// # Safety
    /// Every pointer is valid for what its field says; the written columns of the lines are nobody else's.
    pub(super) unsafe fn finish(work: &Finish) = finish_body
}

on_lanes! {
    /// The same for panels whose first half is values and whose second half is gates: `value * gelu(gate)`.
    ///
    /// # Safety
    /// As for [`finish`]. `column` and `columns` are those of the result.
    pub(super) unsafe fn finish_gated(work: &Finish) = finish_gated_body
}

#[inline(always)]
unsafe fn finish_body<L: Lanes>(work: &Finish) {
    // SAFETY: the caller's contract.
    unsafe {
        match work.activation {
            Activation::None => lines::<L>(work, |x| x),
            Activation::Silu => lines::<L>(work, |x| math::silu::<L>(x)),
            Activation::Gelu => lines::<L>(work, |x| math::gelu::<L>(x)),
            Activation::QuickGelu => lines::<L>(work, |x| math::quick_gelu::<L>(x)),
        }
    }
}

#[inline(always)]
unsafe fn lines<L: Lanes>(work: &Finish, activate: impl Fn(L::V) -> L::V + Copy) {
    // SAFETY: the caller's contract; no access goes beyond `columns`.
    unsafe {
        for i in 0..work.lines {
            let line = work.line + i;
            let start = line * work.line_length + work.column;
            for j in 0..work.vectors {
                let offset = j * L::WIDTH;
                let count = work.columns - offset;
                let mut x = L::load(work.sums.add((i * work.vectors + j) * L::WIDTH));
                if !work.bias.is_null() {
                    x = L::add(x, some::<L>(work.bias.add(work.column + offset), count));
                }
                if !work.row_bias.is_null() {
                    let row = line / work.lines_per_row;
                    x = L::add(x, some::<L>(work.row_bias.add(row * work.line_length + work.column + offset), count));
                }
                x = activate(x);
                if !work.residual.is_null() {
                    x = L::add(x, some::<L>(work.residual.add(start + offset), count));
                }
                put::<L>(work.out.add(start + offset), count, x);
            }
        }
    }
}

#[inline(always)]
unsafe fn finish_gated_body<L: Lanes>(work: &Finish) {
    // SAFETY: the caller's contract; no access goes beyond `columns`.
    unsafe {
        let half = work.vectors / 2;
        for i in 0..work.lines {
            let start = (work.line + i) * work.line_length + work.column;
            for j in 0..half {
                let offset = j * L::WIDTH;
                if offset >= work.columns {
                    break;
                }
                let sums = work.sums.add((i * work.vectors + j) * L::WIDTH);
                let (mut value, mut gate) = (L::load(sums), L::load(sums.add(half * L::WIDTH)));
                if !work.bias.is_null() {
                    let bias = work.bias.add(2 * work.column + offset);
                    value = L::add(value, L::load(bias));
                    gate = L::add(gate, L::load(bias.add(half * L::WIDTH)));
                }
                put::<L>(work.out.add(start + offset), work.columns - offset, L::mul(value, math::gelu::<L>(gate)));
            }
        }
    }
}

/// A vector, or what there is of one.
#[inline(always)]
pub(super) unsafe fn some<L: Lanes>(from: *const f32, count: usize) -> L::V {
    // SAFETY: the caller's: `count` numbers are there.
    unsafe { if count >= L::WIDTH { L::load(from) } else { L::load_some(from, count) } }
}

/// Writes a vector, or what there is room for.
#[inline(always)]
pub(super) unsafe fn put<L: Lanes>(to: *mut f32, count: usize, x: L::V) {
    // SAFETY: the caller's: there is room for `count` numbers.
    unsafe { if count >= L::WIDTH { L::store(to, x) } else { L::store_some(to, count, x) } }
}
