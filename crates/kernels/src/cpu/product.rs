//! Linear layers: lines times packed weights.

#![allow(unsafe_code)]

use std::ptr::{null, null_mut};

use super::{
    Activation, Epilogue, Isa, PackedMatrix,
    epilogue::{Finish, finish, finish_gated},
    microkernel::{Work, multiply},
    pack::{Panel, Panels},
    share::{Share, Shared, Shares, with_scratch},
};

/// The longest part of the inner dimension that is worked on at once: a panel of that length stays in the second-level cache while the
/// lines of a block go by.
const INNER: usize = 384;

/// `epilogue(x w + bias)` for `x` of (lines, inputs); `rows` is how many rows the lines belong to, for the bias per row.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn product(x: &[f32], rows: usize, w: &PackedMatrix, epilogue: Epilogue<'_>, out: &mut [f32]) {
    assert!(!w.gated, "gated weights are for `geglu`. This is a bug.");
    let lines = lines(x, w);
    let columns = w.panels.columns;
    assert_eq!(out.len(), lines * columns, "a result has the length of its shape. This is a bug.");
    let place = Place::new(lines, columns, rows, w.bias.as_deref(), epilogue, out);
    multiply_lines(
        w.isa,
        &w.panels,
        &Lines { x, length: w.panels.inner },
        lines,
        &|isa, finished: &Finish| {
            // SAFETY: `Place` has checked the lengths; shares do not overlap.
            unsafe { finish(isa, finished) }
        },
        &place,
    );
}

/// `value * gelu(gate)` where both are products of `x` with gated weights.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn geglu(x: &[f32], w: &PackedMatrix, out: &mut [f32]) {
    assert!(w.gated, "only gated weights have gates. This is a bug.");
    let lines = lines(x, w);
    let columns = out.len() / lines.max(1);
    assert_eq!(out.len(), lines * columns, "a result has the length of its shape. This is a bug.");
    assert_eq!(
        w.panels.columns,
        2 * columns.next_multiple_of(w.isa.panel() / 2),
        "one value and one gate per output. This is a bug."
    );
    let mut place = Place::new(lines, columns, 1, None, Epilogue::default(), out);
    place.bias = w.bias.as_ref().map_or(null(), |bias| bias.as_ptr());
    multiply_lines(
        w.isa,
        &w.panels,
        &Lines { x, length: w.panels.inner },
        lines,
        &|isa, finished: &Finish| {
            let column = finished.column / 2;
            let half = Finish { column, columns: (isa.panel() / 2).min(columns - column), ..*finished };
            // SAFETY: as above; the bias is as long as the packed columns.
            unsafe { finish_gated(isa, &half) }
        },
        &place,
    );
}

pub(super) fn lines(x: &[f32], w: &PackedMatrix) -> usize {
    let lines = x.len() / w.panels.inner.max(1);
    assert_eq!(x.len(), lines * w.panels.inner, "the lines are as long as the weights' inner dimension. This is a bug.");
    lines
}

/// Where the left side of a product comes from.
pub(super) trait Source: Sync {
    /// Segments of the inner dimension, and their length.
    fn segments(&self) -> (usize, usize);
    /// Fills `table[segment * padded + i]` for the lines `line..line + lines`, and repeats the last line behind them.
    fn point(&self, line: usize, lines: usize, padded: usize, table: &mut [*const f32]);
}

/// Dense lines.
pub(super) struct Lines<'a> {
    pub x: &'a [f32],
    pub length: usize,
}

impl Source for Lines<'_> {
    fn segments(&self) -> (usize, usize) {
        (1, self.length)
    }

    fn point(&self, line: usize, lines: usize, padded: usize, table: &mut [*const f32]) {
        for (i, to) in table[..padded].iter_mut().enumerate() {
            let start = (line + i.min(lines - 1)) * self.length;
            *to = self.x[start..start + self.length].as_ptr();
        }
    }
}

/// What the epilogue reads and writes.
pub(super) struct Place {
    pub bias: *const f32,
    pub row_bias: *const f32,
    pub residual: *const f32,
    pub activation: Activation,
    pub out: Shared,
    pub line_length: usize,
    lines_per_row: usize,
}

// SAFETY: the pointers are read, and `out` is `Shared`.
unsafe impl Sync for Place {}

impl Place {
    /// Checks every length.
    pub fn new(lines: usize, columns: usize, rows: usize, bias: Option<&[f32]>, epilogue: Epilogue<'_>, out: &mut [f32]) -> Self {
        let pointer = |numbers: Option<&[f32]>, len: usize| {
            assert!(numbers.is_none_or(|numbers| numbers.len() == len), "an epilogue's tensors have its shape. This is a bug.");
            numbers.map_or(null(), <[f32]>::as_ptr)
        };
        assert_eq!(lines % rows.max(1), 0, "every row has as many lines. This is a bug.");
        Self {
            bias: pointer(bias, columns),
            row_bias: pointer(epilogue.row_bias, rows * columns),
            residual: pointer(epilogue.residual, lines * columns),
            activation: epilogue.activation,
            out: Shared::new(out),
            line_length: columns,
            lines_per_row: (lines / rows.max(1)).max(1),
        }
    }

    fn finished(&self, share: &Share, panel: &Panel<'_>, sums: *const f32) -> Finish {
        Finish {
            sums,
            lines: share.lines,
            vectors: panel.vectors,
            column: panel.column,
            columns: panel.columns,
            line: share.line,
            lines_per_row: self.lines_per_row,
            bias: self.bias,
            row_bias: self.row_bias,
            activation: self.activation,
            residual: self.residual,
            out: self.out.start(),
            line_length: self.line_length,
        }
    }
}

/// All lines by all panels, finished by `finish`.
pub(super) fn multiply_lines(
    isa: Isa,
    panels: &Panels,
    source: &impl Source,
    lines: usize,
    finish: &(impl Fn(Isa, &Finish) + Sync + Send),
    place: &Place,
) {
    let (segments, segment) = source.segments();
    let part = inner_part(panels.inner);
    Shares::new(lines, panels.count()).run(lines * panels.inner * panels.columns, |share| {
        let padded = share.padded();
        with_scratch(padded * isa.panel(), segments * padded, |sums, table| {
            source.point(share.line, share.lines, padded, table);
            for index in share.panels.0..share.panels.1 {
                let panel = panels.panel(index);
                let mut work = Work {
                    table: table.as_ptr(),
                    lines: share.lines,
                    room: padded,
                    segment,
                    from: 0,
                    to: 0,
                    panel: null_mut(),
                    vectors: panel.vectors,
                    sums: sums.as_mut_ptr(),
                    fresh: true,
                };
                for from in (0..panels.inner).step_by(part) {
                    work.from = from;
                    work.to = (from + part).min(panels.inner);
                    work.panel = panel.data[from * panel.vectors * isa.width()..].as_ptr();
                    // SAFETY: `point` has set a pointer for every line and segment; the panel has a line for every inner index; the sums
                    // are this thread's and have room for the lines.
                    unsafe { multiply(isa, &work) }
                    work.fresh = false;
                }
                finish(isa, &place.finished(&share, &panel, sums.as_ptr()));
            }
        });
    });
}

/// Equal parts, none longer than [`INNER`]: they depend on the weights alone, never on the lines.
pub(super) fn inner_part(inner: usize) -> usize {
    inner.div_ceil(inner.div_ceil(INNER).max(1)).max(1)
}
