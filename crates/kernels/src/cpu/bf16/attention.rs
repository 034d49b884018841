//! Scaled dot-product attention: on tiles where there are any ([`super::flash`]), by the f32 kernel otherwise.

use super::{
    super as single,
    super::Pool,
    Bf16, Bf16Isa,
    elementwise::{narrow, widen},
};

/// One attention: `softmax(q k^T / sqrt(head_size)) v`, by rows and heads.
#[derive(Clone, Copy)]
pub struct Attention<'a> {
    /// The instructions to use.
    pub isa: Bf16Isa,
    /// Where the packed keys and values lie meanwhile.
    pub pool: &'a Pool,
    /// (rows, queries, heads * head_size).
    pub q: &'a [Bf16],
    /// (rows, keys, heads * head_size).
    pub k: &'a [Bf16],
    /// (rows, keys, heads * head_size).
    pub v: &'a [Bf16],
    /// Rows.
    pub rows: usize,
    /// Queries of a row.
    pub queries: usize,
    /// Keys of a row.
    pub keys: usize,
    /// Heads.
    pub heads: usize,
    /// Whether query `i` sees the keys `0..=i` alone.
    pub causal: bool,
}

impl Attention<'_> {
    pub(super) fn width(&self) -> usize {
        self.q.len() / (self.rows * self.queries).max(1)
    }

    pub(super) fn head_size(&self) -> usize {
        self.width() / self.heads
    }

    fn check(&self, out: &[Bf16]) {
        let width = self.width();
        assert!(self.heads > 0 && width.is_multiple_of(self.heads), "whole heads. This is a bug.");
        assert!(self.q.len() == self.rows * self.queries * width && out.len() == self.q.len(), "queries. This is a bug.");
        assert!(self.k.len() == self.rows * self.keys * width && self.v.len() == self.k.len(), "keys and values. This is a bug.");
    }
}

/// `out` is (rows, queries, heads * head_size).
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn attention(work: &Attention<'_>, out: &mut [Bf16]) {
    work.check(out);
    if out.is_empty() || work.keys == 0 {
        return out.fill(Bf16::ZERO);
    }
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if work.isa.has_tiles() && work.head_size().is_multiple_of(2) {
        return super::flash::attention(work, out);
    }
    by_singles(work, out);
}

/// In f32, with the result rounded once.
fn by_singles(work: &Attention<'_>, out: &mut [Bf16]) {
    let pool = work.pool;
    let wide = |x: &[Bf16]| {
        let mut wide = pool.take(x.len());
        widen(work.isa, x, &mut wide);
        wide
    };
    let (q, k, v) = (wide(work.q), wide(work.k), wide(work.v));
    let Attention { rows, queries, keys, heads, causal, .. } = *work;
    let same = single::Attention { isa: work.isa.lanes, pool, q: &q, k: &k, v: &v, rows, queries, keys, heads, causal };
    let mut result = pool.take(out.len());
    single::attention(&same, &mut result);
    narrow(work.isa, &result, out);
}
