//! Weights in the order in which a product reads them.
//!
//! A (inner, outputs) matrix is cut into panels of as many columns as a tile of the product has. A panel lies in one piece, its rows one
//! after another, so that the innermost loop reads it front to back. The last panel is as narrow as whole vectors allow; columns that do
//! not exist are zeros.

use std::ops::Range;

use rayon::prelude::*;

use super::{Isa, buffer::Block};

/// The weights of a linear layer, and its bias.
pub struct PackedMatrix {
    pub(super) isa: Isa,
    pub(super) panels: Panels,
    pub(super) bias: Option<Vec<f32>>,
    pub(super) gated: bool,
    outputs: usize,
}

/// A packed matrix.
pub(super) struct Panels {
    data: Block,
    pub inner: usize,
    /// Columns, the ones that exist.
    pub columns: usize,
    /// Numbers in a vector.
    width: usize,
    /// Vectors in a full panel.
    vectors: usize,
}

/// One panel.
#[derive(Clone, Copy)]
pub(super) struct Panel<'a> {
    /// (inner, vectors * width).
    pub data: &'a [f32],
    /// The first column.
    pub column: usize,
    /// Columns that exist.
    pub columns: usize,
    /// Vectors in a line.
    pub vectors: usize,
}

impl PackedMatrix {
    /// Packs (outputs, inputs) weights.
    ///
    /// # Panics
    /// When the lengths disagree, which would be a bug of the caller.
    pub fn new(isa: Isa, outputs: usize, inputs: usize, weight: &[f32], bias: Option<Vec<f32>>) -> Self {
        assert_eq!(weight.len(), outputs * inputs, "weights have the length of their shape. This is a bug.");
        assert!(bias.as_ref().is_none_or(|bias| bias.len() == outputs), "one bias per output. This is a bug.");
        let panels = Panels::new(isa, inputs, outputs, |k, column| weight[column * inputs + k]);
        Self { isa, panels, bias, gated: false, outputs }
    }

    /// Packs the (2 * outputs, inputs) weights of a gated layer for [`super::geglu`]: every panel has values and their gates side by side.
    ///
    /// # Panics
    /// When the lengths disagree, which would be a bug of the caller.
    pub fn gated(isa: Isa, outputs: usize, inputs: usize, weight: &[f32], bias: Option<Vec<f32>>) -> Self {
        assert_eq!(weight.len(), 2 * outputs * inputs, "weights have the length of their shape. This is a bug.");
        assert!(bias.as_ref().is_none_or(|bias| bias.len() == 2 * outputs), "one bias per output. This is a bug.");
        let half = isa.panel() / 2;
        let padded = outputs.next_multiple_of(half);
        // Where a packed column comes from; `None` fills the last panel.
        let source = |column: usize| {
            let (panel, place) = (column / (2 * half), column % (2 * half));
            let output = panel * half + place % half;
            (output < outputs).then_some(if place < half { output } else { outputs + output })
        };
        let panels = Panels::new(isa, inputs, 2 * padded, |k, column| source(column).map_or(0.0, |row| weight[row * inputs + k]));
        let bias = bias.map(|bias| (0..2 * padded).map(|column| source(column).map_or(0.0, |row| bias[row])).collect());
        Self { isa, panels, bias, gated: true, outputs }
    }

    /// Numbers that go in.
    pub fn inputs(&self) -> usize {
        self.panels.inner
    }

    /// Numbers that come out; of a gated layer, after the gates.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Bytes it holds.
    pub fn bytes(&self) -> u64 {
        let bias = self.bias.as_ref().map_or(0, Vec::len);
        ((self.panels.data.len() + bias) * size_of::<f32>()) as u64
    }
}

impl Panels {
    /// Packs `value(k, column)`.
    pub fn new(isa: Isa, inner: usize, columns: usize, value: impl Fn(usize, usize) -> f32 + Sync) -> Self {
        let mut panels = Self::zeros(isa, inner, columns);
        let full = panels.width * panels.vectors;
        panels.data.par_chunks_mut((inner * full).max(1)).enumerate().for_each(|(panel, data)| {
            let line = data.len() / inner.max(1);
            for (k, line) in data.chunks_exact_mut(line).enumerate() {
                let exist = line.len().min(columns - panel * full);
                for (place, to) in line[..exist].iter_mut().enumerate() {
                    *to = value(k, panel * full + place);
                }
            }
        });
        panels
    }

    /// As many columns of zeros, to be filled through [`Panels::data_mut`].
    pub fn zeros(isa: Isa, inner: usize, columns: usize) -> Self {
        let (width, vectors) = (isa.width(), isa.panel() / isa.width());
        Self { data: Block::new(inner * columns.next_multiple_of(width)), inner, columns, width, vectors }
    }

    /// Where panel `index` lies, and how long its lines are.
    pub fn place(&self, index: usize) -> (Range<usize>, usize) {
        let full = self.width * self.vectors;
        let line = full.min(self.columns.next_multiple_of(self.width) - index * full);
        let start = index * full * self.inner;
        (start..start + self.inner * line, line)
    }

    /// All panels, one after another.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.columns.div_ceil(self.width * self.vectors)
    }

    /// One of them.
    pub fn panel(&self, index: usize) -> Panel<'_> {
        let full = self.width * self.vectors;
        let columns = full.min(self.columns - index * full);
        let vectors = columns.div_ceil(self.width);
        let start = index * full * self.inner;
        Panel { data: &self.data[start..start + self.inner * vectors * self.width], column: index * full, columns, vectors }
    }
}
