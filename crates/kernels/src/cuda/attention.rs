//! Attention: which tile a head size gets, and the launch. The kernel is `source/attention.cuh`.

use super::{
    Array, Format, Kernel, Machine, Result, bug, int,
    kernel::{Work, blocks},
};

/// The most keys a block has in shared memory at once.
const KEYS_AT_MOST: usize = 64;

/// The shared memory a block may have on every card there is a kernel for (compute capability 8.6 and 8.9 have the least).
const SHARED_AT_MOST: usize = 96 << 10;

/// Queries, keys and values, (rows, tokens, heads * size) each.
#[derive(Debug, Clone, Copy)]
pub struct Attention<'a> {
    /// Queries.
    pub q: &'a Array,
    /// Keys.
    pub k: &'a Array,
    /// Values.
    pub v: &'a Array,
    /// Rows.
    pub rows: usize,
    /// Queries of a row.
    pub queries: usize,
    /// Keys of a row.
    pub keys: usize,
    /// Heads.
    pub heads: usize,
    /// Whether a query looks at keys at its own place and before alone.
    pub causal: bool,
}

#[repr(C)]
struct AttentionWork {
    q: u64,
    k: u64,
    v: u64,
    out: u64,
    queries: i32,
    keys: i32,
    heads: i32,
    causal: i32,
    scale: f32,
    unused: i32,
}

// SAFETY: the fields are those of the C++ struct in their order; `unused` stands where C++ pads.
unsafe impl Work for AttentionWork {}

/// How a head size is cut.
pub(super) struct Plan {
    /// Columns of V for a block.
    columns: usize,
    /// Keys at a time.
    keys: usize,
    warps: usize,
    shared: usize,
}

impl Plan {
    /// The most keys at a time that fit into shared memory, then the most queries.
    pub fn new(format: Format, size: usize) -> Self {
        // More sums than for 160 columns do not fit into a thread's registers.
        let columns = if size <= 160 { size.next_multiple_of(8) } else { 128 };
        let depth = 32 / format.bytes();
        let line = |numbers: usize| numbers.next_multiple_of(depth) * format.bytes() + 16;
        let (mut keys, mut warps) = (KEYS_AT_MOST, 4);
        loop {
            let shared = (16 * warps + keys) * line(size) + keys * line(columns);
            match (shared <= SHARED_AT_MOST, keys > depth, warps > 1) {
                (false, true, _) => keys /= 2,
                (false, false, true) => warps /= 2,
                _ => return Self { columns, keys, warps, shared },
            }
        }
    }

    pub fn kernel(&self, format: Format, size: usize) -> Kernel {
        let Self { columns, keys, warps, .. } = self;
        let expression = format!("attention<{}, {size}, {columns}, {keys}, {warps}>", format.cpp());
        Kernel::new("attention", "AttentionWork", 32 * *warps as u32, expression)
    }
}

impl Machine {
    /// Scaled dot-product attention, (rows, queries, heads * size).
    pub fn attention(&self, given: Attention<'_>) -> Result<Array> {
        let Attention { q, k, v, rows, queries, keys, heads, causal } = given;
        let format = q.format();
        let width = q.len().checked_div(rows * queries).unwrap_or(0);
        let size = width.checked_div(heads).unwrap_or(0);
        if q.len() != rows * queries * heads * size
            || [k, v].iter().any(|x| x.len() != rows * keys * width || x.format() != format)
            || size == 0
            || size % 2 != 0
            || keys == 0
        {
            return bug(format!("attention is given {given:?}"));
        }
        let plan = Plan::new(format, size);
        if plan.shared > self.driver().shared_limit() {
            return bug(format!("heads of {size} do not fit into shared memory"));
        }
        let out = Array::unwritten(self, format, q.len())?;
        let work = AttentionWork {
            q: q.address(),
            k: k.address(),
            v: v.address(),
            out: out.address(),
            queries: int(queries)?,
            keys: int(keys)?,
            heads: int(heads)?,
            causal: i32::from(causal),
            scale: (std::f64::consts::LOG2_E / (size as f64).sqrt()) as f32,
            unused: 0,
        };
        let grid = [blocks(queries, 16 * plan.warps)?, int(heads * size.div_ceil(plan.columns))? as u32, int(rows)? as u32];
        // SAFETY: every length was checked above; the grid covers queries, heads with their slices, and rows.
        unsafe { self.launch(&plan.kernel(format, size), grid, plan.shared, &work)? };
        Ok(out)
    }
}
