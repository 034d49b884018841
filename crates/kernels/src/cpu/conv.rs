//! Convolutions of channels-last maps, as products whose left side is pointed at instead of copied.

use super::{
    Epilogue, Isa,
    buffer::Block,
    epilogue::{Finish, finish},
    pack::Panels,
    product::{Place, Source, multiply_lines},
    winograd::{Filters, convolve, is_worth_it},
};

/// Geometry of a convolution with a square kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvGeometry {
    /// Output channels.
    pub outputs: usize,
    /// Input channels.
    pub inputs: usize,
    /// Kernel side in pixels.
    pub kernel: usize,
    /// Step in pixels.
    pub stride: usize,
    /// Zeros around the map, in pixels.
    pub padding: usize,
}

impl ConvGeometry {
    /// The result's side for a side of the input.
    pub fn side(&self, input: usize) -> usize {
        (input + 2 * self.padding + 1).saturating_sub(self.kernel).div_ceil(self.stride)
    }
}

/// A convolution's packed weights.
pub struct PackedConv {
    isa: Isa,
    geometry: ConvGeometry,
    weights: Weights,
    bias: Option<Vec<f32>>,
    /// What lies outside of the map.
    zeros: Block,
}

enum Weights {
    /// Inner index: (kernel row, kernel column, input channel).
    Direct(Panels),
    /// With fewer multiplications.
    Winograd(Filters),
}

impl PackedConv {
    /// Packs (outputs, inputs, kernel, kernel) weights.
    ///
    /// # Panics
    /// When the lengths disagree, which would be a bug of the caller.
    pub fn new(isa: Isa, geometry: ConvGeometry, weight: &[f32], bias: Option<Vec<f32>>) -> Self {
        let ConvGeometry { outputs, inputs, kernel, .. } = geometry;
        let taps = kernel * kernel;
        assert_eq!(weight.len(), outputs * inputs * taps, "weights have the length of their shape. This is a bug.");
        assert!(bias.as_ref().is_none_or(|bias| bias.len() == outputs), "one bias per output. This is a bug.");
        let weights = match is_worth_it(&geometry) {
            true => Weights::Winograd(Filters::new(isa, &geometry, weight)),
            false => {
                let value = |k: usize, output: usize| weight[(output * inputs + k % inputs) * taps + k / inputs];
                Weights::Direct(Panels::new(isa, taps * inputs, outputs, value))
            }
        };
        Self { isa, geometry, weights, bias, zeros: Block::new(inputs) }
    }

    /// Its geometry.
    pub fn geometry(&self) -> ConvGeometry {
        self.geometry
    }
}

/// A map's neighbours of every output pixel.
struct Neighbours<'a> {
    x: &'a [f32],
    geometry: ConvGeometry,
    zeros: &'a [f32],
    input: [usize; 2],
    output: [usize; 2],
}

impl Source for Neighbours<'_> {
    fn segments(&self) -> (usize, usize) {
        (self.geometry.kernel * self.geometry.kernel, self.geometry.inputs)
    }

    fn point(&self, line: usize, lines: usize, padded: usize, table: &mut [*const f32]) {
        let ConvGeometry { inputs, kernel, stride, padding, .. } = self.geometry;
        let ([height, width], [out_height, out_width]) = (self.input, self.output);
        for i in 0..padded {
            let pixel = line + i.min(lines - 1);
            let (row, y, x) = (pixel / (out_height * out_width), pixel / out_width % out_height, pixel % out_width);
            for (tap, (dy, dx)) in (0..kernel).flat_map(|dy| (0..kernel).map(move |dx| (dy, dx))).enumerate() {
                // What is left of the map wraps around to a number that is beyond its right side.
                let (y, x) = ((y * stride + dy).wrapping_sub(padding), (x * stride + dx).wrapping_sub(padding));
                table[tap * padded + i] = match y < height && x < width {
                    true => {
                        let start = ((row * height + y) * width + x) * inputs;
                        self.x[start..start + inputs].as_ptr()
                    }
                    false => self.zeros.as_ptr(),
                };
            }
        }
    }
}

/// `epilogue(conv(x) + bias)` for `x` of (rows, height, width, inputs).
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn conv(x: &[f32], rows: usize, input: [usize; 2], w: &PackedConv, epilogue: Epilogue<'_>, out: &mut [f32]) {
    let output = input.map(|side| w.geometry.side(side));
    assert_eq!(x.len(), rows * input[0] * input[1] * w.geometry.inputs, "a map has the length of its shape. This is a bug.");
    let lines = rows * output[0] * output[1];
    assert_eq!(out.len(), lines * w.geometry.outputs, "a result has the length of its shape. This is a bug.");
    let place = Place::new(lines, w.geometry.outputs, rows, w.bias.as_deref(), epilogue, out);
    let panels = match &w.weights {
        Weights::Winograd(filters) => return convolve(w.isa, x, rows, input, filters, &w.zeros, &place),
        Weights::Direct(panels) => panels,
    };
    let source = Neighbours { x, geometry: w.geometry, zeros: &w.zeros, input, output };
    let finish = |isa, finished: &Finish| {
        // SAFETY: `Place` has checked the lengths; shares do not overlap.
        #[allow(unsafe_code)]
        unsafe {
            finish(isa, finished);
        }
    };
    multiply_lines(w.isa, panels, &source, lines, &finish, &place);
}
