//! Convolutions of channels-last maps, as products whose tiles are loaded straight from the map.
//!
//! Sixteen neighbouring pixels of a map are a tile: its lines are a step of pixels apart, and a tap moves all of them. Where a line of the result
//! is no multiple of 16 long, tiles run on over the border into the next line, and what they compute between two lines is dropped.

use super::{
    super::ConvGeometry,
    Bf16Isa, Bordered, Epilogue, Matrix, Out,
    cell::TILE,
    driver::{Left, Tile, multiply_tiles},
    finish::{Behind, Place},
};

/// A convolution's packed weights.
pub struct Conv {
    geometry: ConvGeometry,
    weights: Matrix,
}

impl Conv {
    /// Packs (outputs, inputs, kernel, kernel) weights.
    ///
    /// # Panics
    /// When the lengths disagree, which would be a bug of the caller.
    pub fn new(geometry: ConvGeometry, weight: &[f32], bias: Option<&[f32]>) -> Self {
        let ConvGeometry { outputs, inputs, kernel, .. } = geometry;
        Self { geometry, weights: Matrix::new(outputs, inputs, kernel * kernel, weight, bias) }
    }

    /// Its geometry.
    pub fn geometry(&self) -> ConvGeometry {
        self.geometry
    }
}

/// `epilogue(conv(x) + bias)`; the border of `x` is the convolution's padding.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn conv(isa: Bf16Isa, x: Bordered<'_>, w: &Conv, epilogue: Epilogue<'_>, out: Out<'_>) {
    let border = x.border;
    assert_eq!(x.numbers.len(), border.numbers(), "a map has the length of its shape. This is a bug.");
    assert_eq!(
        (border.channels, border.pixels),
        (w.geometry.inputs, w.geometry.padding),
        "the convolution's border. This is a bug."
    );
    assert!(w.geometry.stride <= 2, "tiles read no further behind a map. This is a bug.");
    let output = border.side.map(|side| w.geometry.side(side));
    let behind = Behind::new(border.rows * output[0] * output[1], border.rows, &w.weights, epilogue, out);
    if output[0] > 0 && output[1] > 0 {
        multiply_tiles(isa, &Neighbours { x, geometry: w.geometry, output }, &w.weights, &behind);
    }
}

/// A map's neighbours of every output pixel.
struct Neighbours<'a> {
    x: Bordered<'a>,
    geometry: ConvGeometry,
    output: [usize; 2],
}

impl Neighbours<'_> {
    /// Places from the beginning of a line of the result to that of the next.
    fn pitch(&self) -> usize {
        if self.output[1].is_multiple_of(TILE) { self.output[1] } else { self.x.border.outer()[1] }
    }

    fn tiles_of_a_row(&self) -> usize {
        ((self.output[0] - 1) * self.pitch() + self.output[1]).div_ceil(TILE)
    }
}

impl Left for Neighbours<'_> {
    fn tiles(&self) -> usize {
        self.x.border.rows * self.tiles_of_a_row()
    }

    fn tile(&self, index: usize) -> Tile {
        let ([height, width], border, stride) = (self.output, self.x.border, self.geometry.stride);
        let (row, first) = (index / self.tiles_of_a_row(), index % self.tiles_of_a_row() * TILE);
        let pitch = self.pitch();
        let [outer_height, outer_width] = border.outer();
        // Over a pitch that is the map's own, the next line of the result is `stride` lines of the map further, as it should be.
        let pixel = match pitch == outer_width && pitch != width {
            true => first * stride,
            false => first / pitch * stride * outer_width + first % pitch * stride,
        };
        let start = (row * outer_height * outer_width + pixel) * border.pixel();
        let places = std::array::from_fn(|i| {
            let (y, x) = ((first + i) / pitch, (first + i) % pitch);
            match x < width && y < height {
                true => Place { line: ((row * height + y) * width + x) as u32, row: row as u32 },
                false => Place::NONE,
            }
        });
        Tile { line: self.x.numbers[start..].as_ptr().cast(), stride: stride * border.pixel() * 2, places }
    }

    fn tap(&self, tap: usize) -> usize {
        let (dy, dx) = (tap / self.geometry.kernel, tap % self.geometry.kernel);
        (dy * self.x.border.outer()[1] + dx) * self.x.border.pixel() * 2
    }

    fn is_dense(&self) -> bool {
        false
    }
}
