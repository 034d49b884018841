//! The innermost loops of every product: a tile of lines by a panel's columns, held in registers while the inner dimension runs by.
//!
//! The left side is given by pointers to its lines, one for each *segment* of the inner dimension: a linear layer has one segment, a 3x3
//! convolution nine, each the channels of one neighbour. So a convolution needs no copy of its input, whatever its stride and borders.

use super::lanes::{Lanes, on_lanes};

/// There is room for a multiple of this many lines: whole tiles of every height.
pub(super) const LINES: usize = 24;

/// A block of lines by one panel, over a part of the inner dimension.
#[derive(Clone, Copy)]
pub(super) struct Work {
    /// `segments` times `room` pointers, each to `segment` numbers.
    pub table: *const *const f32,
    /// Lines that are wanted; some behind them are worked on, too.
    pub lines: usize,
    /// Lines there is room for, a multiple of [`LINES`].
    pub room: usize,
    /// Length of a segment.
    pub segment: usize,
    /// The part: first and behind the last.
    pub from: usize,
    pub to: usize,
    /// The panel's line `from`.
    pub panel: *const f32,
    /// Vectors in a line of the panel.
    pub vectors: usize,
    /// The sums, (room, vectors * width).
    pub sums: *mut f32,
    /// Whether the sums begin at zero.
    pub fresh: bool,
}

on_lanes! {
    /// Adds the products over `from..to` to the sums.
    ///
    /// # Safety
    /// Every pointer is valid for what its field says; the sums are nobody else's.
    pub(super) unsafe fn multiply(work: &Work) = multiply_body
}

#[inline(always)]
unsafe fn multiply_body<L: Lanes>(work: &Work) {
    // SAFETY: the caller's contract.
    unsafe {
        match (L::WIDTH, work.vectors) {
            (16, 4) => tiles::<L, 6, 4>(work),
            (16, 3) => tiles::<L, 8, 3>(work),
            (16, 2) => tiles::<L, 8, 2>(work),
            (8, 2) => tiles::<L, 6, 2>(work),
            _ => tiles::<L, 8, 1>(work),
        }
    }
}

#[inline(always)]
unsafe fn tiles<L: Lanes, const LINES: usize, const VECTORS: usize>(work: &Work) {
    // Divided once, not in every tile.
    let begin = (work.from / work.segment, work.from % work.segment);
    for line in (0..work.lines).step_by(LINES) {
        // SAFETY: the room is a multiple of every tile's height.
        unsafe { tile::<L, LINES, VECTORS>(work, begin, line) }
    }
}

#[inline(always)]
unsafe fn tile<L: Lanes, const LINES: usize, const VECTORS: usize>(work: &Work, begin: (usize, usize), line: usize) {
    // SAFETY: the caller's contract, for the lines `line..line + LINES`.
    unsafe {
        let sums = work.sums.add(line * VECTORS * L::WIDTH);
        let mut tile = [[L::splat(0.0); VECTORS]; LINES];
        if !work.fresh {
            for (i, row) in tile.iter_mut().enumerate() {
                for (j, sum) in row.iter_mut().enumerate() {
                    *sum = L::load(sums.add((i * VECTORS + j) * L::WIDTH));
                }
            }
        }
        let (mut segment, mut inside) = begin;
        let (mut left, mut panel) = (work.to - work.from, work.panel);
        while left > 0 {
            let count = (work.segment - inside).min(left);
            let pointers = work.table.add(segment * work.room + line);
            let lines: [*const f32; LINES] = std::array::from_fn(|i| (*pointers.add(i)).add(inside));
            for step in 0..count {
                let columns: [L::V; VECTORS] = std::array::from_fn(|j| L::load(panel.add(j * L::WIDTH)));
                for i in 0..LINES {
                    let value = L::splat(*lines[i].add(step));
                    for j in 0..VECTORS {
                        tile[i][j] = L::fma(value, columns[j], tile[i][j]);
                    }
                }
                panel = panel.add(VECTORS * L::WIDTH);
            }
            left -= count;
            segment += 1;
            inside = 0;
        }
        for (i, row) in tile.iter().enumerate() {
            for (j, sum) in row.iter().enumerate() {
                L::store(sums.add((i * VECTORS + j) * L::WIDTH), *sum);
            }
        }
    }
}
