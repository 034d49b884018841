//! Linear layers: lines times packed weights.

#![allow(unsafe_code)]

use super::{
    super::Pool,
    Bf16, Bf16Isa, Epilogue, Matrix, Out,
    cell::TILE,
    driver::{Left, Tile, multiply_tiles},
    finish::{Behind, Place},
    pack::STEP,
    slice::HalfBuffer,
};

/// The left side of a product.
#[derive(Clone, Copy)]
pub struct Product<'a> {
    /// The instructions to use.
    pub isa: Bf16Isa,
    /// Room for a copy where the lines are too few or too odd for tiles.
    pub pool: &'a Pool,
    /// (lines, inputs).
    pub x: &'a [Bf16],
    /// How many rows the lines belong to, for the bias per row.
    pub rows: usize,
}

/// `epilogue(x w + bias)`.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn product(work: Product<'_>, w: &Matrix, epilogue: Epilogue<'_>, out: Out<'_>) {
    assert!(w.taps == 1 && !w.gated, "convolutions and gated weights have functions of their own. This is a bug.");
    multiply_lines(work, w, epilogue, out);
}

/// `value * gelu(gate)` where both are products with gated weights.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn geglu(work: Product<'_>, w: &Matrix, out: &mut [Bf16]) {
    assert!(w.gated, "only gated weights have gates. This is a bug.");
    multiply_lines(work, w, Epilogue::default(), Out::Half(out));
}

fn multiply_lines(work: Product<'_>, w: &Matrix, epilogue: Epilogue<'_>, out: Out<'_>) {
    run(work, w, &Behind::new(lines(work.x, w), work.rows, w, epilogue, out));
}

/// How many lines `x` has.
pub(super) fn lines(x: &[Bf16], w: &Matrix) -> usize {
    let lines = x.len() / w.inputs.max(1);
    assert_eq!(x.len(), lines * w.inputs, "the lines are as long as the weights' inner dimension. This is a bug.");
    lines
}

/// Multiplies, and leaves the results to `behind`.
pub(super) fn run(work: Product<'_>, w: &Matrix, behind: &Behind) {
    let Product { isa, pool, x, rows } = work;
    let lines = lines(x, w);
    let padded = w.inputs.next_multiple_of(STEP);
    let copy = (padded != w.inputs || lines < TILE).then(|| copied(pool, x, lines, w.inputs, padded));
    let x = copy.as_deref().unwrap_or(x);
    let lines_per_row = (lines / rows.max(1)).max(1);
    multiply_tiles(isa, &Lines { x, lines, length: padded, lines_per_row }, w, behind);
}

/// The lines with zeros behind them, and lines of zeros behind the last where there are fewer than a tile has.
fn copied(pool: &Pool, x: &[Bf16], lines: usize, length: usize, padded: usize) -> HalfBuffer {
    let mut copy = pool.take_halves(lines.max(TILE) * padded);
    let (whole, behind) = copy.split_at_mut(lines * padded);
    for (to, from) in whole.chunks_exact_mut(padded).zip(x.chunks_exact(length)) {
        to[..length].copy_from_slice(from);
        to[length..].fill(Bf16::ZERO);
    }
    behind.fill(Bf16::ZERO);
    copy
}

/// Dense lines.
struct Lines<'a> {
    /// At least a tile's lines.
    x: &'a [Bf16],
    lines: usize,
    length: usize,
    lines_per_row: usize,
}

impl Left for Lines<'_> {
    fn tiles(&self) -> usize {
        self.lines.div_ceil(TILE)
    }

    /// The last tile begins so early that it ends with the last line; what the one before has is left to it.
    fn tile(&self, index: usize) -> Tile {
        let first = (index * TILE).min(self.lines.saturating_sub(TILE));
        let places = std::array::from_fn(|i| match first + i {
            line if line >= index * TILE && line < self.lines => {
                Place { line: line as u32, row: (line / self.lines_per_row) as u32 }
            }
            _ => Place::NONE,
        });
        Tile { line: self.x[first * self.length..(first + TILE) * self.length].as_ptr().cast(), stride: self.length * 2, places }
    }

    fn tap(&self, _tap: usize) -> usize {
        0
    }

    fn is_dense(&self) -> bool {
        true
    }
}
