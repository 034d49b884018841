//! Weights in the order in which tiles and dot products read them.
//!
//! A (inner, outputs) matrix is cut into panels of 32 columns, a panel into steps of 32 inner numbers, a step into two tiles of 16 columns: 16
//! lines, each the pairs of two inner numbers of 16 columns. Lines and columns that do not exist are zeros.

#![allow(unsafe_code)]

use rayon::prelude::*;

use super::{
    super::lanes::Lanes,
    Bf16, Bf16Isa,
    halves::{Halves, on_halves},
    slice::HalfBlock,
};

/// Inner numbers of a step.
pub(super) const STEP: usize = 32;
/// Columns of a panel.
pub(super) const PANEL: usize = 32;
/// Numbers of a panel's step.
pub(super) const BOTH_TILES: usize = STEP * PANEL;

/// The weights of a linear layer or a convolution, and its bias.
pub struct Matrix {
    data: HalfBlock,
    /// One number per packed column, zeros without a bias.
    pub(super) bias: Vec<f32>,
    /// Numbers of one tap of the inner dimension: the channels that go in.
    pub(super) inputs: usize,
    /// Taps: 1, or a convolution's kernel positions.
    pub(super) taps: usize,
    /// Whether every panel has 16 values and their 16 gates.
    pub(super) gated: bool,
    pub(super) outputs: usize,
}

impl Matrix {
    /// Packs (outputs, inputs, taps) weights.
    ///
    /// # Panics
    /// When the lengths disagree, which would be a bug of the caller.
    pub fn new(outputs: usize, inputs: usize, taps: usize, weight: &[f32], bias: Option<&[f32]>) -> Self {
        assert_eq!(weight.len(), outputs * inputs * taps, "weights have the length of their shape. This is a bug.");
        assert!(bias.is_none_or(|bias| bias.len() == outputs), "one bias per output. This is a bug.");
        let mut matrix = Self::zeros(outputs, inputs, taps, false);
        matrix.fill(weight, bias, |column| (column < outputs).then_some(column));
        matrix
    }

    /// Packs the (2 * outputs, inputs) weights of a gated layer for [`super::geglu`].
    ///
    /// # Panics
    /// When the lengths disagree, which would be a bug of the caller.
    pub fn gated(outputs: usize, inputs: usize, weight: &[f32], bias: Option<&[f32]>) -> Self {
        assert_eq!(weight.len(), 2 * outputs * inputs, "weights have the length of their shape. This is a bug.");
        assert!(bias.is_none_or(|bias| bias.len() == 2 * outputs), "one bias per output. This is a bug.");
        let mut matrix = Self::zeros(outputs, inputs, 1, true);
        let half = PANEL / 2;
        matrix.fill(weight, bias, |column| {
            let output = column / PANEL * half + column % half;
            (output < outputs).then_some(if column % PANEL < half { output } else { outputs + output })
        });
        matrix
    }

    fn zeros(outputs: usize, inputs: usize, taps: usize, gated: bool) -> Self {
        let panels = outputs.div_ceil(if gated { PANEL / 2 } else { PANEL });
        let data = HalfBlock::new(panels * taps * inputs.div_ceil(STEP) * BOTH_TILES);
        Self { data, bias: vec![0.0; panels * PANEL], inputs, taps, gated, outputs }
    }

    /// `source` says which output a packed column is.
    fn fill(&mut self, weight: &[f32], bias: Option<&[f32]>, source: impl Fn(usize) -> Option<usize> + Sync) {
        let (isa, inputs, taps, steps) = (Bf16Isa::best(), self.inputs, self.taps, self.steps());
        self.data.par_chunks_mut((steps * BOTH_TILES).max(1)).enumerate().for_each(|(index, panel)| {
            let outputs: [Option<usize>; PANEL] = std::array::from_fn(|place| source(index * PANEL + place));
            // SAFETY: the outputs exist, and so do their lines of the weights; a panel has all steps.
            unsafe { fill_panel(isa, &Fill { weight, inputs, taps, outputs: &outputs }, panel) }
        });
        if let Some(bias) = bias {
            for (column, to) in self.bias.iter_mut().enumerate() {
                *to = source(column).map_or(0.0, |output| bias[output]);
            }
        }
    }

    /// Numbers that go in; of a convolution, channels.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Numbers that come out; of a gated layer, after the gates.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Bytes it holds.
    pub fn bytes(&self) -> u64 {
        (self.data.len() * size_of::<Bf16>() + self.bias.len() * size_of::<f32>()) as u64
    }

    pub(super) fn steps_of_a_tap(&self) -> usize {
        self.inputs.div_ceil(STEP)
    }

    pub(super) fn steps(&self) -> usize {
        self.taps * self.steps_of_a_tap()
    }

    pub(super) fn panels(&self) -> usize {
        self.bias.len() / PANEL
    }

    /// Panel `index` from step `step` on.
    pub(super) fn panel(&self, index: usize, step: usize) -> &[Bf16] {
        let start = index * self.steps() * BOTH_TILES;
        &self.data[start + step * BOTH_TILES..start + self.steps() * BOTH_TILES]
    }
}

/// A panel to be packed.
struct Fill<'a> {
    /// (outputs, inputs, taps).
    weight: &'a [f32],
    inputs: usize,
    taps: usize,
    /// What the panel's columns are.
    outputs: &'a [Option<usize>; PANEL],
}

on_halves! {
    unsafe fn fill_panel(work: &Fill<'_>, panel: &mut [Bf16]) = fill_panel_body
}

#[inline(always)]
unsafe fn fill_panel_body<H: Halves>(work: &Fill<'_>, panel: &mut [Bf16]) {
    let (taps, per_tap) = (work.taps, work.inputs.div_ceil(STEP));
    let (mut values, mut rounded) = ([0f32; STEP], [Bf16::ZERO; STEP]);
    for step in 0..per_tap {
        let exist = STEP.min(work.inputs - step * STEP);
        values[exist..].fill(0.0);
        for (place, output) in work.outputs.iter().enumerate().filter_map(|(place, output)| Some((place, (*output)?))) {
            let from = &work.weight[(output * work.inputs + step * STEP) * taps..][..exist * taps];
            for tap in 0..taps {
                match taps {
                    1 => values[..exist].copy_from_slice(from),
                    _ => values.iter_mut().zip(from[tap..].iter().step_by(taps)).for_each(|(to, from)| *to = *from),
                }
                for i in (0..STEP).step_by(H::L::WIDTH) {
                    // SAFETY: a step is a multiple of every vector.
                    unsafe { H::store(rounded[i..].as_mut_ptr(), H::L::load(values[i..].as_ptr())) }
                }
                let tiles = &mut panel[(tap * per_tap + step) * BOTH_TILES..][..BOTH_TILES];
                let column = &mut tiles[place / 16 * (BOTH_TILES / 2) + place % 16 * 2..];
                for (line, pair) in rounded.as_chunks::<2>().0.iter().enumerate() {
                    column[line * 2 * 16..][..2].copy_from_slice(pair);
                }
            }
        }
    }
}
