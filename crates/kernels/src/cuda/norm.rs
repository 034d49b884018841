//! Normalisations: how a row is cut into parts, and the launches. The kernels are in `source/norm.cuh`.

use super::{
    Array, Format, Kernel, Machine, Result, bug, int,
    kernel::{Work, blocks},
    product::code,
};
use crate::cpu::Activation;

const THREADS: usize = 256;
/// Parts of a row at most: enough for every processor of a card, and few enough for each block to join them all.
const PARTS: usize = 256;
/// Pixels of a part at least.
const PIXELS: usize = 32;

/// Scale and shift of a normalisation, one number per channel each.
pub struct NormWeights {
    scale: Array,
    shift: Array,
    epsilon: f32,
}

impl NormWeights {
    /// Brings them to the machine.
    pub fn new(machine: &Machine, epsilon: f64, scale: &[f32], shift: &[f32]) -> Result<Self> {
        if scale.len() != shift.len() || scale.is_empty() {
            return bug(format!("a normalisation has {} scales and {} shifts", scale.len(), shift.len()));
        }
        Ok(Self { scale: machine.upload(scale)?, shift: machine.upload(shift)?, epsilon: epsilon as f32 })
    }
}

/// A normalisation over groups of channels.
#[derive(Clone, Copy)]
pub struct GroupNorm<'a> {
    /// Rows of the map.
    pub rows: usize,
    /// Groups.
    pub groups: usize,
    /// Scale and shift.
    pub weights: &'a NormWeights,
    /// What follows.
    pub activation: Activation,
}

#[repr(C)]
struct NormWork {
    x: u64,
    out: u64,
    moments: u64,
    scale: u64,
    shift: u64,
    lines: i64,
    pixels: i32,
    channels: i32,
    groups: i32,
    parts: i32,
    per_part: i32,
    activation: i32,
    epsilon: f32,
    unused: i32,
}

// SAFETY: the fields are those of the C++ struct in their order; `unused` stands where C++ pads.
unsafe impl Work for NormWork {}

fn kernel(name: &str, format: Format) -> Kernel {
    Kernel::new("norm", "NormWork", THREADS as u32, format!("{name}<{}>", format.cpp()))
}

pub(super) fn kernels(format: Format) -> Vec<Kernel> {
    ["moments", "normalise", "layer_norm"].map(|name| kernel(name, format)).into()
}

impl Machine {
    /// Normalises a (rows, pixels, channels) map by groups of channels, then activates it.
    pub fn group_norm(&self, x: &Array, norm: GroupNorm<'_>) -> Result<Array> {
        let GroupNorm { rows, groups, weights, activation } = norm;
        let channels = weights.scale.len();
        let pixels = x.len().checked_div(rows * channels).unwrap_or(0);
        if groups == 0 || channels % groups != 0 || x.len() != rows * pixels * channels {
            return bug(format!("{rows} rows of {channels} channels in {groups} groups are taken of {x:?}"));
        }
        let per_part = pixels.div_ceil(PARTS).max(PIXELS);
        let parts = pixels.div_ceil(per_part);
        let moments = Array::unwritten(self, Format::F32, rows * parts * groups * 2)?;
        let out = Array::unwritten(self, x.format(), x.len())?;
        let work = NormWork {
            x: x.address(),
            out: out.address(),
            moments: moments.address(),
            scale: weights.scale.address(),
            shift: weights.shift.address(),
            lines: (rows * pixels) as i64,
            pixels: int(pixels)?,
            channels: int(channels)?,
            groups: int(groups)?,
            parts: int(parts)?,
            per_part: int(per_part)?,
            activation: code(activation),
            epsilon: weights.epsilon,
            unused: 0,
        };
        let packs = channels.div_ceil(16 / x.format().bytes());
        let lanes = (THREADS / packs).max(1);
        let grid = [int(parts)? as u32, int(rows)? as u32, 1];
        let shared = [2 * lanes * channels * 4, 2 * groups * 4];
        if shared[0].max(shared[1]) > 48 << 10 {
            return bug(format!("a normalisation of {channels} channels does not fit into shared memory"));
        }
        // SAFETY: every length was checked above; a block has one part of one row, and room for its sums.
        unsafe {
            self.launch(&kernel("moments", x.format()), grid, shared[0], &work)?;
            self.launch(&kernel("normalise", x.format()), grid, shared[1], &work)?;
        }
        Ok(out)
    }

    /// Normalises lines of channels.
    pub fn layer_norm(&self, x: &Array, weights: &NormWeights) -> Result<Array> {
        let channels = weights.scale.len();
        let lines = x.len() / channels;
        if lines * channels != x.len() {
            return bug(format!("lines of {channels} numbers are taken of {x:?}"));
        }
        let out = Array::unwritten(self, x.format(), x.len())?;
        let work = NormWork {
            x: x.address(),
            out: out.address(),
            moments: 0,
            scale: weights.scale.address(),
            shift: weights.shift.address(),
            lines: lines as i64,
            pixels: 1,
            channels: int(channels)?,
            groups: 0,
            parts: 1,
            per_part: 1,
            activation: 0,
            epsilon: weights.epsilon,
            unused: 0,
        };
        // SAFETY: every length was checked above; a warp has one line, and the kernel checks the last one.
        unsafe { self.launch(&kernel("layer_norm", x.format()), [blocks(lines, THREADS / 32)?, 1, 1], 0, &work)? };
        Ok(out)
    }
}
