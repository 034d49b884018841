//! Layers with low-rank additions (LoRA, Hu et al. 2021; LoCon's convolutions): `y[row] += factor * up(down(x[row]))` for the rows that wear
//! an adapter, and nothing else for the others.
//!
//! Networks hold [`Linear`] and [`Conv`], which know their own name, and run them through [`On`]: a device with what the batch's rows wear.
//! `On` stands before [`Ops`]: its methods take the names of the operations they add to, everything else passes through. A model's own weights
//! are never touched, so there is nothing to undo. **Rows never mix**: a row that wears nothing is computed by the very operations that
//! compute it without company, and a row's own additions come in its own order.

use std::{
    collections::HashMap,
    ops::{Deref, Range},
};

use super::{Activation, ConvShape, Epilogue, LowRank, Ops, Result};

/// A linear layer with its name.
pub struct Linear<O: Ops> {
    pub(super) base: O::Linear,
    pub(super) name: Box<str>,
}

/// A convolution with its name.
pub struct Conv<O: Ops> {
    pub(super) base: O::Conv,
    pub(super) name: Box<str>,
}

/// What an adapter adds to one layer.
pub enum Patch<O: Ops> {
    /// To a linear layer, or to one with gates.
    Linear {
        /// (rank, in).
        down: O::Linear,
        /// (out, rank).
        up: O::Linear,
    },
    /// To a convolution.
    Conv {
        /// To as many channels as the rank, with the convolution's own geometry where there is no middle.
        down: O::Conv,
        /// LoCon's middle, which then has the geometry.
        mid: Option<O::Conv>,
        /// One pixel.
        up: O::Conv,
    },
}

/// What an adapter adds, by the name of the layer.
pub type Patches<O> = HashMap<String, Patch<O>>;

/// Neighbouring rows of a batch that wear an adapter.
pub struct Worn<'a, O: Ops> {
    /// Which rows.
    pub rows: Range<usize>,
    /// The adapter's part in this network.
    pub patches: &'a Patches<O>,
    /// How much of it each of the rows has, (rows, 1).
    pub factors: O::Tensor,
}

/// A layer's own operation.
type Base<'a, T> = dyn Fn(&T, Epilogue<'_, T>) -> Result<T> + 'a;

/// A device, and what the rows of a batch wear.
pub struct On<'a, O: Ops> {
    ops: &'a O,
    worn: &'a [Worn<'a, O>],
}

impl<O: Ops> Deref for On<'_, O> {
    type Target = O;

    fn deref(&self) -> &O {
        self.ops
    }
}

impl<'a, O: Ops> On<'a, O> {
    /// Rows that wear nothing.
    pub fn plain(ops: &'a O) -> Self {
        Self { ops, worn: &[] }
    }

    /// Rows that wear what is listed; a row's additions come in the order of the list.
    pub fn wearing(ops: &'a O, worn: &'a [Worn<'a, O>]) -> Self {
        Self { ops, worn }
    }

    /// Whether nobody wears anything.
    pub fn is_plain(&self) -> bool {
        self.worn.is_empty()
    }

    /// What is worn at a layer.
    fn at(&self, name: &str) -> Vec<(&Worn<'a, O>, &Patch<O>)> {
        self.worn.iter().filter_map(|worn| Some((worn, worn.patches.get(name)?))).collect()
    }

    /// A linear layer on the last axis of tokens or of (rows, channels).
    pub fn linear(&self, x: &O::Tensor, w: &Linear<O>, epilogue: Epilogue<'_, O::Tensor>) -> Result<O::Tensor> {
        let worn = self.at(&w.name);
        self.layer(x, &worn, epilogue, &|x, epilogue| self.ops.linear(x, &w.base, epilogue))
    }

    /// Convolution of a map.
    pub fn conv(&self, x: &O::Tensor, w: &Conv<O>, epilogue: Epilogue<'_, O::Tensor>) -> Result<O::Tensor> {
        let worn = self.at(&w.name);
        self.layer(x, &worn, epilogue, &|x, epilogue| self.ops.conv(x, &w.base, epilogue))
    }

    /// `a * gelu(b)` where (a, b) are the halves of the gated layer's output.
    pub fn geglu(&self, x: &O::Tensor, w: &Linear<O>) -> Result<O::Tensor> {
        let (worn, rows) = (self.at(&w.name), self.ops.shape(x)[0]);
        if worn.is_empty() {
            return self.ops.geglu(x, &w.base);
        }
        self.by_spans(rows, &worn, &|span, wears| {
            let x = self.span(x, &span, rows)?;
            match wears {
                false => self.ops.geglu(&x, &w.base),
                true => self.ops.gate(&self.add(&x, self.ops.ungated(&x, &w.base)?, &worn, span.start)?, &w.base),
            }
        })
    }

    /// A layer by `base`, and what its rows wear.
    fn layer(
        &self,
        x: &O::Tensor,
        worn: &[(&Worn<'a, O>, &Patch<O>)],
        epilogue: Epilogue<'_, O::Tensor>,
        base: &Base<'_, O::Tensor>,
    ) -> Result<O::Tensor> {
        if worn.is_empty() {
            return base(x, epilogue);
        }
        if epilogue.activation == Activation::None {
            return self.add(x, base(x, epilogue)?, worn, 0);
        }
        // The addition comes before the activation, so rows that have one are computed apart.
        let (ops, rows) = (self.ops, self.ops.shape(x)[0]);
        self.by_spans(rows, worn, &|span, wears| {
            let part = |x: Option<&O::Tensor>| x.map(|x| self.span(x, &span, rows)).transpose();
            let (x, row_bias, residual) = (self.span(x, &span, rows)?, part(epilogue.row_bias)?, part(epilogue.residual)?);
            let (row_bias, residual) = (row_bias.as_ref(), residual.as_ref());
            if !wears {
                return base(&x, Epilogue { row_bias, activation: epilogue.activation, residual });
            }
            let y = base(&x, Epilogue { row_bias, ..Epilogue::none() })?;
            let y = ops.activate(&self.add(&x, y, worn, span.start)?, epilogue.activation)?;
            residual.map_or(Ok(y.clone()), |residual| ops.add(&y, residual))
        })
    }

    /// Adds to `y` what the rows from `first` on wear.
    fn add(&self, x: &O::Tensor, mut y: O::Tensor, worn: &[(&Worn<'a, O>, &Patch<O>)], first: usize) -> Result<O::Tensor> {
        let (ops, end) = (self.ops, first + self.ops.shape(x)[0]);
        let mut together: Vec<LowRank<'_, O>> = Vec::new();
        for (worn, patch) in worn.iter().filter(|(worn, _)| first <= worn.rows.start && worn.rows.end <= end) {
            let (rows, factors) = (worn.rows.start - first..worn.rows.end - first, &worn.factors);
            match patch {
                Patch::Linear { down, up } => {
                    // A row's own come one after another, those of others at once.
                    if together.last().is_some_and(|before| before.rows.end > rows.start) {
                        y = ops.low_rank(x, y, &std::mem::take(&mut together))?;
                    }
                    together.push(LowRank { rows, factors, down, up });
                }
                Patch::Conv { down, mid, up } => {
                    let (start, count) = (rows.start, rows.len());
                    let z = ops.conv(&ops.rows(x, start, count)?, down, Epilogue::none())?;
                    let z = match mid {
                        None => z,
                        Some(mid) => ops.conv(&z, mid, Epilogue::none())?,
                    };
                    let own = ops.rows(&y, start, count)?;
                    let part = ops.conv(&ops.scale_rows(&z, factors)?, up, Epilogue::residual(&own))?;
                    y = ops.put_rows(&y, &[(start, part)])?;
                }
            }
        }
        if together.is_empty() { Ok(y) } else { ops.low_rank(x, y, &together) }
    }

    fn span(&self, x: &O::Tensor, span: &Range<usize>, rows: usize) -> Result<O::Tensor> {
        if span.len() == rows { Ok(x.clone()) } else { self.ops.rows(x, span.start, span.len()) }
    }

    /// Runs `work` on every span of rows that wear something here, and of rows that do not.
    fn by_spans(
        &self,
        rows: usize,
        worn: &[(&Worn<'a, O>, &Patch<O>)],
        work: &dyn Fn(Range<usize>, bool) -> Result<O::Tensor>,
    ) -> Result<O::Tensor> {
        let parts = spans(rows, worn.iter().map(|(worn, _)| &worn.rows))
            .into_iter()
            .map(|(span, wears)| work(span, wears))
            .collect::<Result<Vec<_>>>()?;
        match &parts[..] {
            [all] => Ok(all.clone()),
            _ => self.ops.concat_rows(&parts.iter().collect::<Vec<_>>()),
        }
    }
}

/// The rows cut into spans that are covered by the ranges, and spans that are not.
fn spans<'a>(rows: usize, ranges: impl Iterator<Item = &'a Range<usize>> + Clone) -> Vec<(Range<usize>, bool)> {
    let mut spans: Vec<(Range<usize>, bool)> = Vec::new();
    for row in 0..rows {
        let covered = ranges.clone().any(|range| range.contains(&row));
        match spans.last_mut() {
            Some((span, same)) if *same == covered => span.end = row + 1,
            _ => spans.push((row..row + 1, covered)),
        }
    }
    spans
}

/// The geometry of the convolutions that make up an addition to one of `shape`: down, middle, up.
pub(crate) fn parts(shape: ConvShape, rank: usize, has_middle: bool) -> [ConvShape; 3] {
    let pixel = |outputs, inputs| ConvShape { outputs, inputs, kernel: 1, stride: 1, padding: 0 };
    let window = |inputs| ConvShape { outputs: rank, inputs, ..shape };
    match has_middle {
        true => [pixel(rank, shape.inputs), window(rank), pixel(shape.outputs, rank)],
        false => [window(shape.inputs), pixel(rank, rank), pixel(shape.outputs, rank)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_where_covering_begins_and_ends() {
        let of = |rows, ranges: &[Range<usize>]| spans(rows, ranges.iter());
        assert_eq!(of(3, &[]), [(0..3, false)]);
        assert_eq!(of(4, &[1..2, 2..3]), [(0..1, false), (1..3, true), (3..4, false)]);
        assert_eq!(of(4, &[0..4, 1..2]), [(0..4, true)]);
    }
}
