//! What is done to the sums of a cell before they are rounded and written: bias, activation, residual, gates.

#![allow(unsafe_code)]

use std::ptr::null;

use super::{
    super::{Activation, epilogue::put as put_single, lanes::Lanes, share::Shared},
    Bf16, Bf16Isa, Matrix,
    cell::TILE,
    halves::{Halves, on_halves, put, some},
    pack::PANEL,
    quick,
};

/// `activation(x + bias + row_bias) + residual`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Epilogue<'a> {
    /// One number per row and column, (rows, columns).
    pub row_bias: Option<&'a [Bf16]>,
    /// The activation.
    pub activation: Activation,
    /// Shape of the result.
    pub residual: Option<&'a [Bf16]>,
}

/// Where a result goes: rounded to bf16, or as it is where it leaves the network.
pub enum Out<'a> {
    /// For the next layer.
    Half(&'a mut [Bf16]),
    /// For whatever is in f32: latents, pictures.
    Single(&'a mut [f32]),
}

impl Out<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Half(out) => out.len(),
            Self::Single(out) => out.len(),
        }
    }
}

/// A line of the result, and the row it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub line: u32,
    pub row: u32,
}

impl Place {
    /// Of a tile's line that is not in the result.
    pub const NONE: Self = Self { line: u32::MAX, row: 0 };
}

/// What the results of a product have in common.
pub(super) struct Behind {
    bias: *const f32,
    row_bias: *const Bf16,
    residual: *const Bf16,
    activation: Activation,
    halves: Option<Shared<Bf16>>,
    singles: Option<Shared<f32>>,
    /// Numbers in a line of the result.
    columns: usize,
    gated: bool,
    /// Whether the result is written past the caches: it is larger than they are, and its lines are whole cache lines.
    stream: bool,
}

/// Bytes of a result that would push everything else out of the caches.
const STREAMED: usize = 32 << 20;

// SAFETY: the pointers are read, and results are `Shared`.
unsafe impl Sync for Behind {}

impl Behind {
    /// Checks every length.
    pub fn new(lines: usize, rows: usize, w: &Matrix, epilogue: Epilogue<'_>, out: Out<'_>) -> Self {
        let columns = w.outputs;
        let pointer = |numbers: Option<&[Bf16]>, len: usize| {
            assert!(numbers.is_none_or(|numbers| numbers.len() == len), "an epilogue's tensors have its shape. This is a bug.");
            numbers.map_or(null(), <[Bf16]>::as_ptr)
        };
        assert_eq!(lines % rows.max(1), 0, "every row has as many lines. This is a bug.");
        assert!(lines < u32::MAX as usize, "lines are counted in 32 bits. This is a bug.");
        assert_eq!(out.len(), lines * columns, "a result has the length of its shape. This is a bug.");
        let stream = match &out {
            Out::Half(out) => {
                size_of_val(&**out) > STREAMED && out.as_ptr().addr().is_multiple_of(64) && columns.is_multiple_of(PANEL)
            }
            Out::Single(_) => false,
        };
        let (halves, singles) = match out {
            Out::Half(out) => (Some(Shared::new(out)), None),
            Out::Single(out) => (None, Some(Shared::new(out))),
        };
        Self {
            bias: w.bias.as_ptr(),
            row_bias: pointer(epilogue.row_bias, rows * columns),
            residual: pointer(epilogue.residual, lines * columns),
            activation: epilogue.activation,
            halves,
            singles,
            columns,
            gated: w.gated,
            stream,
        }
    }

    /// Of the products alone, in packed columns: what comes before the gates of a gated layer.
    pub fn packed(lines: usize, w: &Matrix, out: &mut [Bf16]) -> Self {
        assert!(lines < u32::MAX as usize, "lines are counted in 32 bits. This is a bug.");
        assert_eq!(out.len(), lines * w.packed_outputs(), "a result has the length of its shape. This is a bug.");
        Self {
            bias: w.bias.as_ptr(),
            row_bias: null(),
            residual: null(),
            activation: Activation::None,
            halves: Some(Shared::new(out)),
            singles: None,
            columns: w.packed_outputs(),
            gated: false,
            stream: false,
        }
    }

    /// The same, added to what is there: every number is read by the share that writes it, before it does.
    pub fn onto(self) -> Self {
        Self { residual: self.halves.as_ref().map_or(null(), |out| out.start().cast_const()), ..self }
    }

    /// Columns of the result that a panel has.
    fn panel(&self) -> usize {
        if self.gated { PANEL / 2 } else { PANEL }
    }
}

/// The sums of a cell whose inner dimension is complete.
#[derive(Clone, Copy)]
pub(super) struct Finish<'a> {
    pub behind: &'a Behind,
    pub sums: *const f32,
    /// Of the cell's 32 lines.
    pub places: &'a [[Place; TILE]; 2],
    /// The panel's index.
    pub panel: usize,
}

/// A cell that waits to be finished, in parts, between the steps of the next one.
#[derive(Default)]
pub(super) struct Pending<'a> {
    waiting: Option<Finish<'a>>,
    done: usize,
}

impl<'a> Pending<'a> {
    /// Whether there is one.
    pub fn is_some(&self) -> bool {
        self.waiting.is_some()
    }

    /// The next to wait.
    pub fn put(&mut self, finish: Finish<'a>) {
        debug_assert!(self.waiting.is_none());
        (self.waiting, self.done) = (Some(finish), 0);
    }

    /// Finishes so many lines of the one that waits.
    ///
    /// # Safety
    /// Its pointers are valid, and its lines of the result are nobody else's.
    pub unsafe fn part(&mut self, isa: Bf16Isa, lines: usize) {
        if let Some(finish) = self.waiting {
            let end = (self.done + lines).min(2 * TILE);
            // SAFETY: the caller's contract.
            unsafe { finish_lines(isa, &finish, self.done, end) }
            self.done = end;
            if end == 2 * TILE {
                self.waiting = None;
            }
        }
    }

    /// Finishes what is left.
    ///
    /// # Safety
    /// As for [`Pending::part`].
    pub unsafe fn finish(&mut self, isa: Bf16Isa) {
        // SAFETY: the caller's contract.
        unsafe { self.part(isa, 2 * TILE) }
    }
}

on_halves! {
    unsafe fn finish_lines(work: &Finish<'_>, from: usize, to: usize) = finish_lines_body
}

#[inline(always)]
unsafe fn finish_lines_body<H: Halves>(work: &Finish<'_>, from: usize, to: usize) {
    // SAFETY: the caller's contract.
    unsafe {
        if work.behind.gated {
            return gated_lines::<H>(work, from, to);
        }
        match work.behind.activation {
            Activation::None => lines::<H>(work, from, to, |x| x),
            Activation::Silu => lines::<H>(work, from, to, |x| quick::silu::<H::L>(x)),
            Activation::Gelu => lines::<H>(work, from, to, |x| quick::gelu::<H::L>(x)),
            Activation::QuickGelu => lines::<H>(work, from, to, |x| quick::quick_gelu::<H::L>(x)),
        }
    }
}

type V<H> = <<H as Halves>::L as Lanes>::V;

#[inline(always)]
unsafe fn lines<H: Halves>(work: &Finish<'_>, from: usize, to: usize, activate: impl Fn(V<H>) -> V<H> + Copy) {
    let behind = work.behind;
    // SAFETY: the caller's contract.
    unsafe {
        match (work.panel + 1) * PANEL <= behind.columns && behind.row_bias.is_null() && behind.halves.is_some() {
            true if behind.residual.is_null() => whole_lines::<H, false>(work, from, to, activate),
            true => whole_lines::<H, true>(work, from, to, activate),
            false => any_lines::<H>(work, from, to, activate),
        }
    }
}

/// All columns of the panel exist, and nothing is added but the bias and perhaps a residual.
#[inline(always)]
unsafe fn whole_lines<H: Halves, const RESIDUAL: bool>(
    work: &Finish<'_>,
    from: usize,
    to: usize,
    activate: impl Fn(V<H>) -> V<H> + Copy,
) {
    let (behind, width) = (work.behind, H::L::WIDTH);
    let column = work.panel * PANEL;
    let Some(out) = behind.halves else { return };
    // SAFETY: the caller's contract; whole panels of columns are there.
    unsafe {
        let out = out.start().add(column);
        let bias: [V<H>; 4] = std::array::from_fn(|i| H::L::load(behind.bias.add(column + i * width % PANEL)));
        for i in from..to {
            let place = work.places[i / TILE][i % TILE];
            if place.line == Place::NONE.line {
                continue;
            }
            let start = place.line as usize * behind.columns;
            for (j, bias) in bias.iter().enumerate().take(PANEL / width) {
                let mut x = activate(H::L::add(H::L::load(sum::<H>(work, i, j * width)), *bias));
                if RESIDUAL {
                    x = H::L::add(x, H::load(behind.residual.add(start + column + j * width)));
                }
                match behind.stream {
                    true => H::stream(out.add(start + j * width), x),
                    false => H::store(out.add(start + j * width), x),
                }
            }
        }
    }
}

/// The general case.
#[inline(always)]
unsafe fn any_lines<H: Halves>(work: &Finish<'_>, from: usize, to: usize, activate: impl Fn(V<H>) -> V<H> + Copy) {
    let (behind, width) = (work.behind, H::L::WIDTH);
    let column = work.panel * PANEL;
    let exist = PANEL.min(behind.columns - column);
    // SAFETY: the caller's contract; no access goes beyond the columns that exist, but the bias has whole panels.
    unsafe {
        let bias: [V<H>; 4] = std::array::from_fn(|i| match i * width < PANEL {
            true => H::L::load(behind.bias.add(column + i * width)),
            false => H::L::splat(0.0),
        });
        for i in from..to {
            let place = work.places[i / TILE][i % TILE];
            if place.line == Place::NONE.line {
                continue;
            }
            let start = place.line as usize * behind.columns + column;
            for (j, bias) in bias.iter().enumerate().take(exist.div_ceil(width)) {
                let (offset, count) = (j * width, exist - j * width);
                let mut x = H::L::add(H::L::load(sum::<H>(work, i, offset)), *bias);
                if !behind.row_bias.is_null() {
                    let row = behind.row_bias.add(place.row as usize * behind.columns + column + offset);
                    x = H::L::add(x, some::<H>(row, count));
                }
                x = activate(x);
                if !behind.residual.is_null() {
                    x = H::L::add(x, some::<H>(behind.residual.add(start + offset), count));
                }
                write::<H>(behind, start + offset, count, x);
            }
        }
    }
}

/// Every panel has 16 values and their gates: `value * gelu(gate)`.
#[inline(always)]
unsafe fn gated_lines<H: Halves>(work: &Finish<'_>, from: usize, to: usize) {
    let (behind, width) = (work.behind, H::L::WIDTH);
    let column = work.panel * behind.panel();
    let exist = behind.panel().min(behind.columns - column);
    // SAFETY: as in `lines`.
    unsafe {
        let bias = behind.bias.add(work.panel * PANEL);
        for i in from..to {
            let place = work.places[i / TILE][i % TILE];
            if place.line == Place::NONE.line {
                continue;
            }
            let start = place.line as usize * behind.columns + column;
            for offset in (0..exist).step_by(width) {
                let value = H::L::add(H::L::load(sum::<H>(work, i, offset)), H::L::load(bias.add(offset)));
                let gate = H::L::add(H::L::load(sum::<H>(work, i, TILE + offset)), H::L::load(bias.add(TILE + offset)));
                write::<H>(behind, start + offset, exist - offset, H::L::mul(value, quick::gelu::<H::L>(gate)));
            }
        }
    }
}

/// Where the sum of a line and column lies.
#[inline(always)]
unsafe fn sum<H: Halves>(work: &Finish<'_>, line: usize, column: usize) -> *const f32 {
    // SAFETY: a cell has 32 lines and columns.
    unsafe { work.sums.add((line / TILE * 2 + column / TILE) * TILE * TILE + line % TILE * TILE + column % TILE) }
}

#[inline(always)]
unsafe fn write<H: Halves>(behind: &Behind, at: usize, count: usize, x: V<H>) {
    // SAFETY: the caller's: there is room for `count` numbers.
    unsafe {
        match (behind.halves, behind.singles) {
            (Some(out), _) => put::<H>(out.start().add(at), count, x),
            (None, Some(out)) => put_single::<H::L>(out.start().add(at), count, x),
            (None, None) => {}
        }
    }
}
