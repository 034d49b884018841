//! The innermost product: 32 lines, as two tiles of 16, by the 32 columns of a panel, over a part of the inner dimension.

#![allow(unsafe_code)]

use super::{
    super::lanes::Lanes,
    Bf16, Bf16Isa,
    finish::Pending,
    halves::{Halves, on_halves},
    isa::Dot,
    pack::{BOTH_TILES, STEP},
};

/// Lines of a tile.
pub(super) const TILE: usize = 16;
/// Numbers of a cell's sums: four tiles, of the first 16 lines by the first and the second 16 columns, then of the others.
pub(super) const SUMS: usize = 4 * TILE * TILE;

/// Steps that follow one another in memory.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Run {
    /// Bytes from a line's start.
    pub offset: usize,
    /// Steps, at least one.
    pub steps: usize,
}

/// One cell's work.
#[derive(Clone, Copy)]
pub(super) struct Cell<'a> {
    /// The first line of each tile.
    pub lines: [*const u8; 2],
    /// Bytes from line to line.
    pub strides: [usize; 2],
    /// Where the lines' numbers lie.
    pub runs: &'a [Run],
    /// The panel from the first step on.
    pub panel: *const Bf16,
    /// [`SUMS`] numbers at a multiple of 64 bytes.
    pub sums: *mut f32,
    /// Whether the sums begin at zero.
    pub fresh: bool,
    /// What is read next, and how many cache lines of it to ask for at every step.
    pub ahead: (*const u8, Ahead),
}

/// Which operand is streamed, and what is asked for ahead of its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ahead {
    /// The lines stay near, panels go by; so many cache lines of the next lines at every step: 0, 2 or 4.
    Panels(u8),
    /// The panel stays near, lines go by; so many cache lines of the next panel at every step: 0, 2, 4, 8 or 16.
    Lines(u8),
}

impl Cell<'_> {
    /// Adds the products to the sums, and finishes `pending` meanwhile.
    ///
    /// # Safety
    /// Every pointer is valid for what its field says; sums and pending results are nobody else's. On tiles, this thread's are configured.
    #[inline(always)]
    pub unsafe fn multiply(&self, isa: Bf16Isa, pending: &mut Pending<'_>) {
        // SAFETY: the caller's contract; `isa` is proof that the instructions are there.
        unsafe {
            match isa.dot {
                #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
                Dot::Amx => return super::amx::multiply(self, isa, pending),
                #[cfg(target_arch = "x86_64")]
                Dot::Avx512 => dot_products(self),
                Dot::Plain => plain(isa, self),
            }
            pending.finish(isa);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn dot_products(cell: &Cell<'_>) {
    use std::arch::x86_64::*;
    const LINES: usize = 8;
    for first in (0..2 * TILE).step_by(LINES) {
        // SAFETY: the caller's contract.
        unsafe {
            let sums = cell.sums.add(first / TILE * 2 * TILE * TILE + first % TILE * TILE);
            let place = |line: usize, half: usize| sums.add(half * TILE * TILE + line * TILE);
            let mut block = [[_mm512_setzero_ps(); 2]; LINES];
            if !cell.fresh {
                block = std::array::from_fn(|line| [0, 1].map(|half| _mm512_loadu_ps(place(line, half))));
            }
            let start = cell.lines[first / TILE].add(first % TILE * cell.strides[first / TILE]);
            let mut panel = cell.panel;
            for run in cell.runs {
                for pair in 0..run.steps * STEP / 2 {
                    let at = panel.add(pair / TILE * BOTH_TILES + pair % TILE * STEP);
                    let columns = [0, 1].map(|half| {
                        let columns = _mm512_loadu_si512(at.add(half * BOTH_TILES / 2).cast());
                        // Both are 512 bits of any value.
                        std::mem::transmute::<__m512i, __m512bh>(columns)
                    });
                    for (line, sums) in block.iter_mut().enumerate() {
                        let both = start.add(line * cell.strides[first / TILE] + run.offset + 4 * pair);
                        let both = _mm512_set1_epi32(both.cast::<i32>().read_unaligned());
                        let both = std::mem::transmute::<__m512i, __m512bh>(both);
                        for half in 0..2 {
                            sums[half] = _mm512_dpbf16_ps(sums[half], both, columns[half]);
                        }
                    }
                }
                panel = panel.add(run.steps * BOTH_TILES);
            }
            for (line, sums) in block.iter().enumerate() {
                (0..2).for_each(|half| _mm512_storeu_ps(place(line, half), sums[half]));
            }
        }
    }
}

on_halves! {
    unsafe fn plain(cell: &Cell<'_>) = plain_body
}

#[inline(always)]
unsafe fn plain_body<H: Halves>(cell: &Cell<'_>) {
    for column in (0..2 * TILE).step_by(H::L::WIDTH) {
        for line in (0..2 * TILE).step_by(4) {
            // SAFETY: the caller's contract.
            unsafe { plain_block::<H>(cell, line, column) }
        }
    }
}

/// Four lines by a vector of columns.
#[inline(always)]
unsafe fn plain_block<H: Halves>(cell: &Cell<'_>, line: usize, column: usize) {
    // SAFETY: the caller's contract.
    unsafe {
        let sums = cell.sums.add((line / TILE * 2 + column / TILE) * TILE * TILE + line % TILE * TILE + column % TILE);
        let mut block = [H::L::splat(0.0); 4];
        if !cell.fresh {
            block = std::array::from_fn(|i| H::L::load(sums.add(i * TILE)));
        }
        let stride = cell.strides[line / TILE];
        let start = cell.lines[line / TILE].add(line % TILE * stride);
        let mut panel = cell.panel.add(column / TILE * BOTH_TILES / 2 + column % TILE * 2);
        for run in cell.runs {
            for pair in 0..run.steps * STEP / 2 {
                let [even, odd] = H::pairs(panel.add(pair / TILE * BOTH_TILES + pair % TILE * STEP));
                for (i, sum) in block.iter_mut().enumerate() {
                    let both = start.add(i * stride + run.offset + 4 * pair).cast::<[Bf16; 2]>().read_unaligned();
                    *sum = H::L::fma(H::L::splat(both[0].to_f32()), even, *sum);
                    *sum = H::L::fma(H::L::splat(both[1].to_f32()), odd, *sum);
                }
            }
            panel = panel.add(run.steps * BOTH_TILES);
        }
        for (i, sum) in block.iter().enumerate() {
            H::L::store(sums.add(i * TILE), *sum);
        }
    }
}
