//! Canny's edges (Canny 1986) as OpenCV's `cv2.Canny` finds them with its defaults, to the bit: what ControlNets for edges were trained on.
//!
//! Whole numbers only: 3x3 Sobel differences with the border repeated, of three channels the one with the largest sum; the magnitude is
//! `|dx| + |dy|`; a pixel counts where it is the largest across its edge, in four directions told apart by tan 22.5 in 15 binary places; what
//! is above `high` is an edge, and so is what is above `low` and touches one, diagonally too.

use easel_types::{Gray8, Rgb8};

/// tan 22.5 times 2^15.
const TAN_22: i64 = 13573;
const SHIFT: u32 = 15;

/// Differences of one pixel.
#[derive(Clone, Copy, Default)]
struct Slope {
    dx: i32,
    dy: i32,
}

impl Slope {
    fn magnitude(self) -> i32 {
        self.dx.abs() + self.dy.abs()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Nothing,
    Maybe,
    Edge,
}

/// The edges of a picture, white on black.
pub fn canny(picture: &Rgb8, low: u32, high: u32) -> Gray8 {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let slopes = slopes(picture.pixels(), width, height);
    let (low, high) = (low.min(high) as i32, low.max(high) as i32);
    let mut marks = thinned(&slopes, [width, height], [low, high]);
    follow(&mut marks, width, height);
    let pixels = marks.into_iter().map(|mark| if mark == Mark::Edge { 255 } else { 0 }).collect();
    Gray8::new(picture.width(), picture.height(), pixels).expect("one byte for every pixel of the original; this is a bug")
}

/// A grey picture in three equal channels, as models take it.
pub fn in_rgb(gray: &Gray8) -> Rgb8 {
    let pixels = gray.pixels().iter().flat_map(|&value| [value; Rgb8::CHANNELS]).collect();
    Rgb8::new(gray.width(), gray.height(), pixels).expect("three bytes for every pixel of the original; this is a bug")
}

/// The steepest channel's Sobel differences.
fn slopes(pixels: &[u8], width: usize, height: usize) -> Vec<Slope> {
    let mut slopes = Vec::with_capacity(width * height);
    for y in 0..height {
        let rows = [y.saturating_sub(1), y, (y + 1).min(height - 1)];
        for x in 0..width {
            let columns = [x.saturating_sub(1), x, (x + 1).min(width - 1)];
            let mut steepest = Slope::default();
            for channel in 0..Rgb8::CHANNELS {
                let at = |i: usize, j: usize| i32::from(pixels[(rows[i] * width + columns[j]) * Rgb8::CHANNELS + channel]);
                let across = |j: usize| at(0, j) + 2 * at(1, j) + at(2, j);
                let along = |i: usize| at(i, 0) + 2 * at(i, 1) + at(i, 2);
                let slope = Slope { dx: across(2) - across(0), dy: along(2) - along(0) };
                if channel == 0 || slope.magnitude() > steepest.magnitude() {
                    steepest = slope;
                }
            }
            slopes.push(steepest);
        }
    }
    slopes
}

/// Pixels that are the largest across their edge.
fn thinned(slopes: &[Slope], [width, height]: [usize; 2], [low, high]: [i32; 2]) -> Vec<Mark> {
    let magnitude = |x: i64, y: i64| match (usize::try_from(x), usize::try_from(y)) {
        (Ok(x), Ok(y)) if x < width && y < height => slopes[y * width + x].magnitude(),
        _ => 0,
    };
    let mark = |(place, slope): (usize, &Slope)| {
        let (x, y, m) = ((place % width) as i64, (place / width) as i64, slope.magnitude());
        if m <= low || !is_largest(*slope, &|dx, dy| magnitude(x + dx, y + dy)) {
            return Mark::Nothing;
        }
        if m > high { Mark::Edge } else { Mark::Maybe }
    };
    slopes.iter().enumerate().map(mark).collect()
}

/// Of two equal neighbours in a straight direction the later one counts.
fn is_largest(slope: Slope, beside: &dyn Fn(i64, i64) -> i32) -> bool {
    let (m, steep, flat) = (slope.magnitude(), i64::from(slope.dy.abs()) << SHIFT, i64::from(slope.dx.abs()) * TAN_22);
    if steep < flat {
        return m > beside(-1, 0) && m >= beside(1, 0);
    }
    if steep > flat + (i64::from(slope.dx.abs()) << (SHIFT + 1)) {
        return m > beside(0, -1) && m >= beside(0, 1);
    }
    let side = if (slope.dx ^ slope.dy) < 0 { -1 } else { 1 };
    m > beside(-side, -1) && m > beside(side, 1)
}

/// What touches an edge becomes one.
fn follow(marks: &mut [Mark], width: usize, height: usize) {
    let mut open: Vec<usize> = (0..marks.len()).filter(|&place| marks[place] == Mark::Edge).collect();
    while let Some(place) = open.pop() {
        let (x, y) = (place % width, place / width);
        for near_y in y.saturating_sub(1)..=(y + 1).min(height - 1) {
            for near_x in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                let near = near_y * width + near_x;
                if marks[near] == Mark::Maybe {
                    marks[near] = Mark::Edge;
                    open.push(near);
                }
            }
        }
    }
}
