//! Convolution and linear layers: how weights are packed, which tile a shape gets, and the launch. The kernel is `source/product.cuh`.

use rayon::prelude::*;

use super::{
    Array, Format, Kernel, Machine, Result, bug, int,
    kernel::{Work, address, blocks},
};
use crate::cpu::Activation;

/// Geometry of a convolution; a linear layer is a window of one pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Output channels.
    pub outputs: usize,
    /// Input channels.
    pub inputs: usize,
    /// Side of the window.
    pub kernel: usize,
    /// Step in pixels.
    pub step: usize,
    /// Zeros around the map.
    pub padding: usize,
}

impl Window {
    /// A linear layer.
    pub fn pixel(outputs: usize, inputs: usize) -> Self {
        Self { outputs, inputs, kernel: 1, step: 1, padding: 0 }
    }

    /// The side of the result of a map's side; 0 where the window does not fit.
    pub fn side(&self, side: usize) -> usize {
        (side + 2 * self.padding).checked_sub(self.kernel).map_or(0, |rest| rest / self.step + 1)
    }
}

/// Packed weights.
pub struct ProductWeights {
    window: Window,
    pub(super) gated: bool,
    /// Lines of `weight`: outputs, or of a gated layer twice as many in whole turns.
    pub(super) columns: usize,
    stride: usize,
    weight: Array,
    bias: Option<Array>,
}

/// What follows the sums: `activation(x + bias + row_bias) + residual`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Epilogue<'a> {
    /// One number per row and output, (rows, outputs).
    pub row_bias: Option<&'a Array>,
    /// The activation.
    pub activation: Activation,
    /// Like the result.
    pub residual: Option<&'a Array>,
}

/// What a product is of.
#[derive(Debug, Clone, Copy)]
pub struct Product<'a> {
    /// (rows, height, width, inputs); of a linear layer (rows, 1, tokens, inputs).
    pub x: &'a Array,
    /// Rows.
    pub rows: usize,
    /// Height and width.
    pub side: [usize; 2],
}

#[repr(C)]
struct ProductWork {
    x: u64,
    weight: u64,
    bias: u64,
    row_bias: u64,
    residual: u64,
    out: u64,
    lines: i64,
    side: [i32; 2],
    channels: i32,
    out_side: [i32; 2],
    kernel: i32,
    step: i32,
    padding: i32,
    columns: i32,
    outputs: i32,
    depth: i32,
    stride: i32,
    activation: i32,
    unused: i32,
}

// SAFETY: the fields are those of the C++ struct in their order; `unused` stands where C++ pads.
unsafe impl Work for ProductWork {}

/// Bytes of a line of a slab.
const SLAB: usize = 64;
/// Slabs in flight, and bytes of a line of one in shared memory.
const STAGES: usize = 3;
const PITCH: usize = 80;

/// Lines and columns of a block's tile, and the warps down and across.
#[derive(Clone, Copy)]
struct Tile {
    lines: usize,
    columns: usize,
    warps: [u32; 2],
}

const LARGE: Tile = Tile { lines: 128, columns: 128, warps: [2, 4] };
const SMALL: Tile = Tile { lines: 64, columns: 64, warps: [2, 2] };

impl Tile {
    /// Large tiles reuse more, small ones leave fewer processors without work. Which one it is changes no result.
    fn of(lines: usize, columns: usize) -> Self {
        let large = lines.div_ceil(LARGE.lines) * columns.div_ceil(LARGE.columns);
        if large >= 96 && columns > 64 { LARGE } else { SMALL }
    }

    fn kernel(self, format: Format, gated: bool) -> Kernel {
        let Self { lines, columns, warps: [down, across] } = self;
        let expression = format!("product<{}, {lines}, {columns}, {down}, {across}, {gated}>", format.cpp());
        Kernel::new("product", "ProductWork", 32 * down * across, expression)
    }

    fn shared(self) -> usize {
        STAGES * (self.lines + self.columns) * PITCH
    }
}

pub(super) fn kernels(format: Format) -> Vec<Kernel> {
    [LARGE, SMALL].iter().flat_map(|tile| [false, true].map(|gated| tile.kernel(format, gated))).collect()
}

pub(super) fn code(activation: Activation) -> i32 {
    match activation {
        Activation::None => 0,
        Activation::Silu => 1,
        Activation::Gelu => 2,
        Activation::QuickGelu => 3,
    }
}

impl ProductWeights {
    /// Packs (outputs, inputs, kernel, kernel) weights; of a linear layer (outputs, inputs).
    pub fn new(machine: &Machine, format: Format, window: Window, weight: &[f32], bias: Option<&[f32]>) -> Result<Self> {
        Self::pack(machine, format, window, false, weight, bias)
    }

    /// Packs the layer of [`Machine::geglu`]: (2 * outputs, inputs) weights, the values' before the gates'.
    pub fn gated(
        machine: &Machine,
        format: Format,
        outputs: usize,
        inputs: usize,
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> Result<Self> {
        Self::pack(machine, format, Window::pixel(outputs, inputs), true, weight, bias)
    }

    fn pack(
        machine: &Machine,
        format: Format,
        window: Window,
        gated: bool,
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> Result<Self> {
        let Window { outputs, inputs, kernel, .. } = window;
        let (area, given) = (kernel * kernel, if gated { 2 * outputs } else { outputs });
        let depth = area * inputs;
        if weight.len() != given * depth || bias.is_some_and(|bias| bias.len() != given) || depth == 0 || given == 0 {
            return bug(format!("{} weights are given for {window:?}", weight.len()));
        }
        let slab = SLAB / format.bytes();
        let stride = depth.next_multiple_of(slab);
        let columns = if gated { 2 * outputs.next_multiple_of(8) } else { outputs };
        let mut packed = vec![0; columns * stride * format.bytes()];
        let lines = packed.par_chunks_exact_mut(stride * format.bytes()).enumerate();
        lines.for_each_init(
            || vec![0f32; stride],
            |line, (column, to)| {
                let Some(from) = source(column, outputs, gated) else { return };
                for (channel, window) in weight[from * depth..][..depth].chunks_exact(area).enumerate() {
                    for (tap, value) in window.iter().enumerate() {
                        line[tap * inputs + channel] = *value;
                    }
                }
                format.encode(line, to);
            },
        );
        let of_column = |bias: &[f32], column| source(column, outputs, gated).map_or(0.0, |from| bias[from]);
        let packed_bias: Option<Vec<f32>> = bias.map(|bias| (0..columns).map(|column| of_column(bias, column)).collect());
        Ok(Self {
            window,
            gated,
            columns,
            stride,
            weight: machine.upload_encoded(&packed, format)?,
            bias: packed_bias.map(|bias| machine.upload(&bias)).transpose()?,
        })
    }

    /// The geometry.
    pub fn window(&self) -> Window {
        self.window
    }
}

/// Which of the given lines a packed one is. A gated layer has eight values and their eight gates in turns: one lane then holds both.
fn source(column: usize, outputs: usize, gated: bool) -> Option<usize> {
    if !gated {
        return Some(column);
    }
    let output = column / 16 * 8 + column % 8;
    let gate = column / 8 % 2 == 1;
    (output < outputs).then_some(if gate { outputs + output } else { output })
}

impl Machine {
    /// `activation(window(x) . weights + bias + row_bias) + residual`: a convolution or a linear layer.
    pub fn product(&self, given: Product<'_>, weights: &ProductWeights, epilogue: Epilogue<'_>) -> Result<Array> {
        if weights.gated {
            return bug("a gated layer's weights are used without its gates");
        }
        self.multiply(given, weights, epilogue, false)
    }

    /// `a * gelu(b)` where (a, b) are the halves of the gated layer's output.
    pub fn geglu(&self, given: Product<'_>, weights: &ProductWeights) -> Result<Array> {
        if !weights.gated {
            return bug("a layer's weights are used as if they had gates");
        }
        self.multiply(given, weights, Epilogue::default(), true)
    }

    /// `gates` are taken or, of a gated layer's weights, left for [`Machine::gate`]: the result has packed columns then.
    pub(super) fn multiply(
        &self,
        given: Product<'_>,
        weights: &ProductWeights,
        epilogue: Epilogue<'_>,
        gates: bool,
    ) -> Result<Array> {
        let outputs = if gates { weights.window.outputs } else { weights.columns };
        let (Product { x, rows, side }, window) = (given, Window { outputs, ..weights.window });
        let format = weights.weight.format();
        let out_side = side.map(|side| window.side(side));
        let lines = rows * out_side[0] * out_side[1];
        let out = Array::unwritten(self, format, lines * window.outputs)?;
        let formats = [Some(x), epilogue.row_bias, epilogue.residual];
        if x.len() != rows * side[0] * side[1] * window.inputs
            || epilogue.row_bias.is_some_and(|bias| bias.len() != rows * window.outputs)
            || epilogue.residual.is_some_and(|residual| residual.len() != out.len())
            || formats.into_iter().flatten().any(|array| array.format() != format)
        {
            return bug(format!("{window:?} in {format:?} is given {given:?} and {epilogue:?}"));
        }
        let work = ProductWork {
            x: x.address(),
            weight: weights.weight.address(),
            bias: address(weights.bias.as_ref()),
            row_bias: address(epilogue.row_bias),
            residual: address(epilogue.residual),
            out: out.address(),
            lines: lines as i64,
            side: [int(side[0])?, int(side[1])?],
            channels: int(window.inputs)?,
            out_side: [int(out_side[0])?, int(out_side[1])?],
            kernel: int(window.kernel)?,
            step: int(window.step)?,
            padding: int(window.padding)?,
            columns: int(weights.columns)?,
            outputs: int(window.outputs)?,
            depth: int(window.kernel * window.kernel * window.inputs)?,
            stride: int(weights.stride)?,
            activation: code(epilogue.activation),
            unused: 0,
        };
        let tile = Tile::of(lines, weights.columns);
        let grid = [blocks(lines, tile.lines)?, blocks(weights.columns, tile.columns)?, 1];
        // SAFETY: every length was checked above; the grid covers the result, whose edges the kernel checks itself.
        unsafe { self.launch(&tile.kernel(format, gates), grid, tile.shared(), &work)? };
        Ok(out)
    }
}
