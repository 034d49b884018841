//! 3x3 convolutions with a quarter of the multiplications (Winograd 1980; Lavin & Gray 2016: F(4x4, 3x3)).
//!
//! Input tiles of 6x6 pixels and filters are evaluated as polynomials at six points, multiplied point by point (36 products of matrices, over
//! tiles and channels), and interpolated to 4x4 output pixels. The points are 0, +-1/sqrt(2), +-sqrt(2) and infinity: with the usual 0, +-1,
//! +-2 the error is twice as large (Barabasz et al. 2020 on the choice of points); with these it is 2.3 times a direct convolution's.
//!
//! Filters take four times the memory of the weights, so it is used where there are few channels and many pixels ([`is_worth_it`]). A thread
//! takes a block of tiles through all three phases, in memory of its own.

#![allow(unsafe_code)]

use super::{
    Activation, Isa,
    conv::ConvGeometry,
    epilogue::{put, some},
    lanes::{Lanes, on_lanes},
    math,
    microkernel::{LINES, Work, multiply},
    pack::Panels,
    product::{Place, inner_part},
    share::{Shared, each, with_scratch},
};

/// Pixels of an output tile's side, and of an input tile's.
const OUT: usize = 4;
const IN: usize = 6;
/// Evaluation points of a tile.
const POINTS: usize = IN * IN;
/// The finite points' magnitudes.
const A: f64 = std::f64::consts::FRAC_1_SQRT_2;
const B: f64 = std::f64::consts::SQRT_2;
/// The most tiles of a task: their values at the points stay near, and still the filters are read for many tiles at once.
const MOST_TILES: usize = 2 * LINES;
/// The most weights whose filters are kept four times as large: 960 -> 640 channels, 79 MiB.
const MOST_WEIGHTS: usize = 960 * 640;
/// Fewer channels than these are not worth the transformations.
const LEAST_CHANNELS: usize = 32;

/// Whether a convolution is faster this way, memory considered.
pub(super) fn is_worth_it(geometry: &ConvGeometry) -> bool {
    let ConvGeometry { outputs, inputs, kernel, stride, padding } = *geometry;
    (kernel, stride, padding) == (3, 1, 1) && inputs.min(outputs) >= LEAST_CHANNELS && inputs * outputs <= MOST_WEIGHTS
}

/// Filters at all points.
pub(super) struct Filters {
    points: Vec<Panels>,
    inputs: usize,
    outputs: usize,
}

impl Filters {
    /// From (outputs, inputs, 3, 3) weights.
    pub fn new(isa: Isa, geometry: &ConvGeometry, weight: &[f32]) -> Self {
        let ConvGeometry { outputs, inputs, .. } = *geometry;
        let mut points: Vec<Panels> = (0..POINTS).map(|_| Panels::zeros(isa, inputs, outputs)).collect();
        let (panels, panel, at) = (points[0].count(), isa.panel(), evaluation());
        let to: Vec<Shared> = points.iter_mut().map(|point| Shared::new(point.data_mut())).collect();
        each(panels * inputs, true, |task| {
            let (index, input) = (task / inputs, task % inputs);
            let (range, line) = points[0].place(index);
            for place in 0..line.min(outputs - index * panel) {
                let filter = &weight[((index * panel + place) * inputs + input) * 9..][..9];
                for (to, value) in to.iter().zip(evaluate_filter(&at, filter)) {
                    // SAFETY: the place is in the panel; every place is written by one task.
                    unsafe { *to.start().add(range.start + input * line + place) = value }
                }
            }
        });
        Self { points, inputs, outputs }
    }
}

/// One filter at all points: first its rows, then its columns.
fn evaluate_filter(at: &[[f64; 3]; IN], filter: &[f32]) -> [f32; POINTS] {
    let mut half = [[0.0; 3]; IN];
    for (half, at) in half.iter_mut().zip(at) {
        for (x, half) in half.iter_mut().enumerate() {
            *half = (0..3).map(|y| at[y] * f64::from(filter[3 * y + x])).sum();
        }
    }
    std::array::from_fn(|point| {
        let (line, at) = (half[point / IN], at[point % IN]);
        (line[0] * at[0] + line[1] * at[1] + line[2] * at[2]) as f32
    })
}

/// A filter's values at the points, by its three coefficients, divided by what the interpolation would have to divide by.
fn evaluation() -> [[f64; 3]; IN] {
    let (a2, b2) = (A * A, B * B);
    let (near, far) = (2.0 * a2 * (a2 - b2), 2.0 * b2 * (b2 - a2));
    let at = |x: f64, by: f64| [1.0 / by, x / by, x * x / by];
    [at(0.0, a2 * b2), at(A, near), at(-A, near), at(B, far), at(-B, far), [0.0, 0.0, 1.0]]
}

/// The map and what it is cut into.
struct Grid<'a> {
    x: &'a [f32],
    zeros: &'a [f32],
    side: [usize; 2],
    tiles: [usize; 2],
}

impl<'a> Grid<'a> {
    fn new(x: &'a [f32], zeros: &'a [f32], side: [usize; 2]) -> Self {
        Self { x, zeros, side, tiles: side.map(|side| side.div_ceil(OUT)) }
    }

    /// The row and the first output pixel of a tile.
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let of_row = self.tiles[0] * self.tiles[1];
        (tile / of_row, tile % of_row / self.tiles[1] * OUT, tile % self.tiles[1] * OUT)
    }

    /// Pointers to the channels of a tile's input pixels.
    fn pixels(&self, tile: usize, channels: usize) -> [*const f32; POINTS] {
        let (row, y, x) = self.place(tile);
        std::array::from_fn(|i| {
            // What is above or left of the map wraps around to a number that is beyond its other side.
            let (y, x) = ((y + i / IN).wrapping_sub(1), (x + i % IN).wrapping_sub(1));
            match y < self.side[0] && x < self.side[1] {
                true => self.x[((row * self.side[0] + y) * self.side[1] + x) * channels..][..channels].as_ptr(),
                false => self.zeros.as_ptr(),
            }
        })
    }
}

/// The convolution of `rows` maps; lengths have been checked by the caller.
pub(super) fn convolve(isa: Isa, x: &[f32], rows: usize, side: [usize; 2], filters: &Filters, zeros: &[f32], place: &Place) {
    let grid = Grid::new(x, zeros, side);
    let tiles = rows * grid.tiles[0] * grid.tiles[1];
    let block = block_tiles(tiles, rayon::current_num_threads());
    let multiplications = tiles * POINTS * filters.inputs * filters.outputs;
    each(tiles.div_ceil(block), multiplications >= 1 << 17, |task| {
        let first = task * block;
        block_of_tiles(isa, &grid, first, block.min(tiles - first), filters, place);
    });
}

/// Tiles of a task, so that every thread has as many.
fn block_tiles(tiles: usize, threads: usize) -> usize {
    let tasks = threads * tiles.div_ceil(threads * MOST_TILES);
    tiles.div_ceil(tasks.max(1)).next_multiple_of(LINES)
}

/// The tiles `first..first + count`.
fn block_of_tiles(isa: Isa, grid: &Grid<'_>, first: usize, count: usize, filters: &Filters, place: &Place) {
    let (inputs, columns) = (filters.inputs, filters.outputs.next_multiple_of(isa.width()));
    let lines = count.next_multiple_of(LINES);
    with_scratch(POINTS * lines * (inputs + columns), lines, |numbers, table| {
        let (values, products) = numbers.split_at_mut(POINTS * lines * inputs);
        for i in 0..count {
            let work = Evaluate {
                pixels: grid.pixels(first + i, inputs),
                channels: inputs,
                to: values[i * inputs..].as_mut_ptr(),
                step: lines * inputs,
            };
            // SAFETY: every pixel has `inputs` channels; the last point's line is within `values`.
            unsafe { evaluate(isa, &work) }
        }
        for (point, panels) in filters.points.iter().enumerate() {
            let values = &values[point * lines * inputs..][..lines * inputs];
            for (i, to) in table.iter_mut().enumerate() {
                *to = values[i.min(count - 1) * inputs..][..inputs].as_ptr();
            }
            let products = &mut products[point * lines * columns..][..lines * columns];
            multiply_point(isa, panels, count, table, products);
        }
        for i in 0..count {
            let (row, y, x) = grid.place(first + i);
            let work = Interpolate {
                from: products.as_ptr(),
                step: lines * columns,
                lines,
                line: i,
                panel: isa.panel(),
                columns,
                row,
                y,
                x,
                side: grid.side,
                place,
            };
            // SAFETY: `products` has every point's lines; the pixels of a tile belong to this task.
            unsafe { interpolate(isa, &work) }
        }
    });
}

/// One point's product, panel after panel: (panel, line, column of the panel).
fn multiply_point(isa: Isa, panels: &Panels, lines: usize, table: &[*const f32], products: &mut [f32]) {
    let part = inner_part(panels.inner);
    for index in 0..panels.count() {
        let panel = panels.panel(index);
        let width = panel.vectors * isa.width();
        let sums = &mut products[panel.column * table.len()..][..width * table.len()];
        for from in (0..panels.inner).step_by(part) {
            let work = Work {
                table: table.as_ptr(),
                lines,
                room: table.len(),
                segment: panels.inner,
                from,
                to: (from + part).min(panels.inner),
                panel: panel.data[from * width..].as_ptr(),
                vectors: panel.vectors,
                sums: sums.as_mut_ptr(),
                fresh: from == 0,
            };
            // SAFETY: a pointer to `inner` numbers for every line; panel and sums were sliced to what is read and written.
            unsafe { multiply(isa, &work) }
        }
    }
}

/// One tile's input, to its line at every point.
struct Evaluate {
    pixels: [*const f32; POINTS],
    channels: usize,
    to: *mut f32,
    /// Numbers from one point to the next.
    step: usize,
}

on_lanes! {
    unsafe fn evaluate(work: &Evaluate) = evaluate_body
}

#[inline(always)]
unsafe fn evaluate_body<L: Lanes>(work: &Evaluate) {
    for channel in (0..work.channels).step_by(L::WIDTH) {
        let count = work.channels - channel;
        // SAFETY: the caller's contract; `count` channels are left.
        unsafe {
            // By columns first, then by lines.
            // In loops, because the compiler does not take large closures into a function with instructions of its own.
            let mut half = [[L::splat(0.0); IN]; IN];
            for (x, half) in half.iter_mut().enumerate() {
                *half = at_points::<L>(std::array::from_fn(|y| some::<L>(work.pixels[y * IN + x].add(channel), count)));
            }
            for (y, line) in turned(&half).into_iter().enumerate() {
                for (x, value) in at_points::<L>(line).into_iter().enumerate() {
                    put::<L>(work.to.add((y * IN + x) * work.step + channel), count, value);
                }
            }
        }
    }
}

/// Columns as lines.
#[inline(always)]
fn turned<V: Copy, const N: usize, const M: usize>(columns: &[[V; N]; M]) -> [[V; M]; N] {
    std::array::from_fn(|y| std::array::from_fn(|x| columns[x][y]))
}

/// Six numbers as a polynomial, in the form that the products are made of: divided by one point's factor at a time.
#[inline(always)]
unsafe fn at_points<L: Lanes>(d: [L::V; IN]) -> [L::V; IN] {
    let (a, b) = (A as f32, B as f32);
    let (a2, b2) = ((A * A) as f32, (B * B) as f32);
    // SAFETY: the caller's: the instructions are there.
    unsafe {
        let less = |x: L::V, by: f32, y: L::V| L::fma(L::splat(-by), x, y);
        // d4 - b^2 d2 and a (d3 - b^2 d1); d4 - a^2 d2 and b (d3 - a^2 d1).
        let (near_even, near_odd) = (less(d[2], b2, d[4]), L::mul(L::splat(a), less(d[1], b2, d[3])));
        let (far_even, far_odd) = (less(d[2], a2, d[4]), L::mul(L::splat(b), less(d[1], a2, d[3])));
        [
            L::add(d[0], less(d[2], a2 + b2, d[4])),
            L::add(near_even, near_odd),
            L::sub(near_even, near_odd),
            L::add(far_even, far_odd),
            L::sub(far_even, far_odd),
            L::add(d[1], less(d[3], a2 + b2, d[5])),
        ]
    }
}

/// One tile's products, to its output pixels.
struct Interpolate<'a> {
    from: *const f32,
    /// Numbers from one point to the next.
    step: usize,
    lines: usize,
    line: usize,
    /// Columns of a full panel, and of all of them.
    panel: usize,
    columns: usize,
    row: usize,
    y: usize,
    x: usize,
    side: [usize; 2],
    place: &'a Place,
}

on_lanes! {
    unsafe fn interpolate(work: &Interpolate<'_>) = interpolate_body
}

#[inline(always)]
unsafe fn interpolate_body<L: Lanes>(work: &Interpolate<'_>) {
    // SAFETY: the caller's contract.
    unsafe {
        match work.place.activation {
            Activation::None => pixels::<L>(work, |x| x),
            Activation::Silu => pixels::<L>(work, |x| math::silu::<L>(x)),
            Activation::Gelu => pixels::<L>(work, |x| math::gelu::<L>(x)),
            Activation::QuickGelu => pixels::<L>(work, |x| math::quick_gelu::<L>(x)),
        }
    }
}

#[inline(always)]
unsafe fn pixels<L: Lanes>(work: &Interpolate<'_>, activate: impl Fn(L::V) -> L::V + Copy) {
    let place = work.place;
    for column in (0..work.columns).step_by(L::WIDTH) {
        let panel = column / work.panel * work.panel;
        let width = work.panel.min(work.columns - panel);
        let count = place.line_length - column;
        // SAFETY: the caller's contract; `count` columns are left.
        unsafe {
            let from = work.from.add(panel * work.lines + work.line * width + column - panel);
            let mut half = [[L::splat(0.0); OUT]; IN];
            for (x, half) in half.iter_mut().enumerate() {
                *half = between_points::<L>(std::array::from_fn(|y| L::load(from.add((y * IN + x) * work.step))));
            }
            let mut shift = L::splat(0.0);
            if !place.bias.is_null() {
                shift = some::<L>(place.bias.add(column), count);
            }
            if !place.row_bias.is_null() {
                shift = L::add(shift, some::<L>(place.row_bias.add(work.row * place.line_length + column), count));
            }
            for (y, line) in turned(&half).into_iter().enumerate().take(work.side[0] - work.y) {
                for (x, value) in between_points::<L>(line).into_iter().enumerate().take(work.side[1] - work.x) {
                    let pixel = (work.row * work.side[0] + work.y + y) * work.side[1] + work.x + x;
                    let at = pixel * place.line_length + column;
                    let mut value = activate(L::add(value, shift));
                    if !place.residual.is_null() {
                        value = L::add(value, some::<L>(place.residual.add(at), count));
                    }
                    put::<L>(place.out.start().add(at), count, value);
                }
            }
        }
    }
}

/// Four numbers from the products at the points.
#[inline(always)]
unsafe fn between_points<L: Lanes>(m: [L::V; IN]) -> [L::V; OUT] {
    let (a, b) = (A as f32, B as f32);
    let (a2, b2) = ((A * A) as f32, (B * B) as f32);
    // SAFETY: the caller's: the instructions are there.
    unsafe {
        let (near_even, near_odd) = (L::add(m[1], m[2]), L::sub(m[1], m[2]));
        let (far_even, far_odd) = (L::add(m[3], m[4]), L::sub(m[3], m[4]));
        let sum = |near: f32, x: L::V, far: f32, y: L::V| L::fma(L::splat(near), x, L::mul(L::splat(far), y));
        [
            L::add(m[0], L::add(near_even, far_even)),
            sum(a, near_odd, b, far_odd),
            sum(a2, near_even, b2, far_even),
            L::add(sum(a * a2, near_odd, b * b2, far_odd), m[5]),
        ]
    }
}
