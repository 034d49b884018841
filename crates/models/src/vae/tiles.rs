//! Tiled decoding as diffusers does it (`AutoencoderKL.tiled_decode`): tiles of the trained size overlap by a quarter, and the overlap is
//! a linear blend, first with the tile above, then with the one to the left.

/// The geometry of the tiles.
struct Grid {
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
    fn new(tile: usize, scale: usize) -> Self {
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
fn crop(values: &[f32], shape: [usize; 4], [y, x, h, w]: [usize; 4]) -> Vec<f32> {
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

/// A tiled decoding in progress: hands out the tiles of the latents in order and joins the decoded ones.
pub struct Tiling {
    grid: Grid,
    latents: Vec<f32>,
    shape: [usize; 4],
    /// The tile that is next, as (line, column).
    at: [usize; 2],
    above: Vec<Tile>,
    line: Vec<Tile>,
    out: Vec<f32>,
}

impl Tiling {
    pub(super) fn new(tile: usize, scale: usize, latents: Vec<f32>, shape: [usize; 4]) -> Self {
        let [rows, _, height, width] = shape;
        let out = vec![0f32; rows * 3 * height * scale * width * scale];
        Self { grid: Grid::new(tile, scale), latents, shape, at: [0, 0], above: Vec::new(), line: Vec::new(), out }
    }

    /// The latents of the next tile, with their shape; `None` after the last.
    pub fn next_tile(&self) -> Option<(Vec<f32>, [usize; 4])> {
        let [rows, channels, _, _] = self.shape;
        let [y, x, h, w] = self.place()?;
        Some((crop(&self.latents, self.shape, [y, x, h, w]), [rows, channels, h, w]))
    }

    /// Joins the decoded tile that [`Tiling::next_tile`] gave, and goes on to the next.
    pub fn put(&mut self, values: Vec<f32>) {
        let Some([_, x, h, w]) = self.place() else { return };
        let (scale, limit, [i, j]) = (self.grid.scale, self.grid.limit(), self.at);
        let mut tile = Tile { values, height: h * scale, width: w * scale };
        if let Some(above) = self.above.get(j) {
            tile.blend_above(above, self.grid.blend());
        }
        if let Some(left) = self.line.last() {
            tile.blend_left(left, self.grid.blend());
        }
        let [_, _, height, width] = self.shape;
        paste(&mut self.out, [height * scale, width * scale], &tile, [i * limit, j * limit], limit);
        self.line.push(tile);
        self.at = match x + self.grid.stride < width {
            true => [i, j + 1],
            false => {
                self.above = std::mem::take(&mut self.line);
                [i + 1, 0]
            }
        };
    }

    /// The joined picture, (rows, 3, height, width).
    pub fn into_values(self) -> Vec<f32> {
        self.out
    }

    /// The joined picture in place.
    pub fn values_mut(&mut self) -> &mut Vec<f32> {
        &mut self.out
    }

    /// Numbers held on the host.
    pub fn numbers(&self) -> usize {
        let tiles = self.above.iter().chain(&self.line).map(|tile| tile.values.len()).sum::<usize>();
        self.latents.len() + self.out.len() + tiles
    }

    /// Where the next tile lies: [y, x, height, width] in latents.
    fn place(&self) -> Option<[usize; 4]> {
        let ([i, j], [_, _, height, width]) = (self.at, self.shape);
        let (y, x) = (i * self.grid.stride, j * self.grid.stride);
        (y < height).then(|| [y, x, self.grid.tile.min(height - y), self.grid.tile.min(width - x)])
    }
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
