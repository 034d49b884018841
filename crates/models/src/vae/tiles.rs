//! Tiled decoding as diffusers does it (`AutoencoderKL.tiled_decode`): tiles of the trained size overlap by a quarter, and the overlap is
//! a linear blend, first with the tile above, then with the one to the left.

/// The geometry of the tiles.
pub(super) struct Grid {
    /// Side of a tile in latents.
    tile: usize,
    /// Distance between tiles in latents.
    stride: usize,
    /// Pixels per latent.
    scale: usize,
}

/// Share of a tile that overlaps the next.
const OVERLAP: f64 = 0.25;

impl Grid {
    pub fn new(tile: usize, scale: usize) -> Self {
        let stride = ((tile as f64 * (1.0 - OVERLAP)) as usize).max(1);
        Self { tile, stride, scale }
    }

    fn blend(&self) -> usize {
        ((self.tile * self.scale) as f64 * OVERLAP) as usize
    }

    fn limit(&self) -> usize {
        self.tile * self.scale - self.blend()
    }
}

/// One decoded tile, (rows, 3, height, width).
struct Tile {
    values: Vec<f32>,
    height: usize,
    width: usize,
}

impl Tile {
    fn planes(&self) -> usize {
        self.values.len() / (self.height * self.width)
    }

    /// Fades from `above`'s last lines into our first ones.
    fn blend_above(&mut self, above: &Tile, extent: usize) {
        let extent = extent.min(above.height).min(self.height);
        let width = self.width.min(above.width);
        for plane in 0..self.planes() {
            for y in 0..extent {
                let share = y as f32 / extent as f32;
                let from = (plane * above.height + above.height - extent + y) * above.width;
                let to = (plane * self.height + y) * self.width;
                for x in 0..width {
                    self.values[to + x] = above.values[from + x] * (1.0 - share) + self.values[to + x] * share;
                }
            }
        }
    }

    /// Fades from `left`'s last columns into our first ones.
    fn blend_left(&mut self, left: &Tile, extent: usize) {
        let extent = extent.min(left.width).min(self.width);
        let height = self.height.min(left.height);
        for plane in 0..self.planes() {
            for y in 0..height {
                let from = (plane * left.height + y) * left.width + left.width - extent;
                let to = (plane * self.height + y) * self.width;
                for x in 0..extent {
                    let share = x as f32 / extent as f32;
                    self.values[to + x] = left.values[from + x] * (1.0 - share) + self.values[to + x] * share;
                }
            }
        }
    }
}

/// Cuts `[y, x, height, width]` out of (rows, channels, height, width) values.
pub(super) fn crop(values: &[f32], shape: [usize; 4], [y, x, h, w]: [usize; 4]) -> Vec<f32> {
    let [rows, channels, height, width] = shape;
    let mut out = Vec::with_capacity(rows * channels * h * w);
    for plane in 0..rows * channels {
        for line in y..y + h {
            let start = (plane * height + line) * width + x;
            out.extend_from_slice(&values[start..start + w]);
        }
    }
    out
}

/// Decodes tile by tile (`decode_tile(y, x, height, width)` in latents) and joins them.
pub(super) fn decode<E>(
    grid: &Grid,
    [rows, height, width]: [usize; 3],
    mut decode_tile: impl FnMut(usize, usize, usize, usize) -> Result<Vec<f32>, E>,
) -> Result<Vec<f32>, E> {
    let (full_height, full_width) = (height * grid.scale, width * grid.scale);
    let mut out = vec![0f32; rows * 3 * full_height * full_width];
    let mut above: Vec<Tile> = Vec::new();
    for (i, y) in (0..height).step_by(grid.stride).enumerate() {
        let mut line: Vec<Tile> = Vec::new();
        for (j, x) in (0..width).step_by(grid.stride).enumerate() {
            let (h, w) = (grid.tile.min(height - y), grid.tile.min(width - x));
            let values = decode_tile(y, x, h, w)?;
            let mut tile = Tile { values, height: h * grid.scale, width: w * grid.scale };
            if let Some(above) = above.get(j) {
                tile.blend_above(above, grid.blend());
            }
            if let Some(left) = line.last() {
                tile.blend_left(left, grid.blend());
            }
            paste(&mut out, [full_height, full_width], &tile, [i * grid.limit(), j * grid.limit()], grid.limit());
            line.push(tile);
        }
        above = line;
    }
    Ok(out)
}

/// Writes a tile's part that no later tile owns.
fn paste(out: &mut [f32], [height, width]: [usize; 2], tile: &Tile, [top, left]: [usize; 2], limit: usize) {
    if top >= height || left >= width {
        return;
    }
    let (h, w) = (tile.height.min(limit).min(height - top), tile.width.min(limit).min(width - left));
    for plane in 0..tile.planes() {
        for y in 0..h {
            let from = (plane * tile.height + y) * tile.width;
            let to = (plane * height + top + y) * width + left;
            out[to..to + w].copy_from_slice(&tile.values[from..from + w]);
        }
    }
}
