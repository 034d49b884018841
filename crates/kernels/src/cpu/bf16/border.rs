//! Maps with zeros around them, as convolutions read them.
//!
//! A tile's lines are neighbouring pixels, and its taps the pixels around them: with the border in memory no tap needs a question. Behind the
//! last row there is room that tiles may read, and whose contents never matter.

#![allow(unsafe_code)]

use super::{
    super::share::{Shared, each},
    Bf16,
    pack::STEP,
};

/// Pixels behind the last row that tiles may read.
const BEHIND: usize = 32;
/// Numbers below which other threads would cost more than they save.
const SMALL: usize = 1 << 15;

/// How a map lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Border {
    /// Rows of the batch.
    pub rows: usize,
    /// Height and width without the border.
    pub side: [usize; 2],
    /// Channels that exist.
    pub channels: usize,
    /// Pixels of zeros on every side.
    pub pixels: usize,
}

impl Border {
    /// Numbers of a pixel: channels, as whole steps.
    pub(super) fn pixel(&self) -> usize {
        self.channels.next_multiple_of(STEP)
    }

    /// Height and width with the border.
    pub(super) fn outer(&self) -> [usize; 2] {
        self.side.map(|side| side + 2 * self.pixels)
    }

    /// Whether it can be written as it is computed: channels are whole steps, so that nothing lies between two pixels.
    pub fn can_be_written(&self) -> bool {
        self.channels.is_multiple_of(STEP)
    }

    /// Numbers it takes, with the room behind it.
    pub fn numbers(&self) -> usize {
        let [height, width] = self.outer();
        (self.rows * height * width + BEHIND) * self.pixel()
    }

    /// Where the pixels of an image's line begin.
    pub(super) fn line(&self, row: usize, y: usize) -> usize {
        let [height, width] = self.outer();
        ((row * height + y + self.pixels) * width + self.pixels) * self.pixel()
    }

    /// Writes the zeros around every row's map.
    pub(super) fn clear(&self, out: &mut [Bf16]) {
        assert_eq!(out.len(), self.numbers(), "a map has the length of its shape. This is a bug.");
        let ([height, width], pixel) = (self.outer(), self.pixel());
        for line in 0..self.rows * height {
            let y = line % height;
            let line = &mut out[line * width * pixel..(line + 1) * width * pixel];
            match y < self.pixels || y >= height - self.pixels {
                true => line.fill(Bf16::ZERO),
                false => {
                    line[..self.pixels * pixel].fill(Bf16::ZERO);
                    line[(width - self.pixels) * pixel..].fill(Bf16::ZERO);
                }
            }
        }
    }
}

/// A map with its border.
#[derive(Clone, Copy)]
pub struct Bordered<'a> {
    /// [`Border::numbers`] of them.
    pub numbers: &'a [Bf16],
    /// How they lie.
    pub border: Border,
}

/// Puts zeros around the pixels that `line` gives: it writes line `y` of a row, (width, channels) without the zeros behind the channels.
fn write_lines(border: Border, out: &mut [Bf16], line: impl Fn(usize, usize, &mut [Bf16]) + Sync + Send) {
    border.clear(out);
    let ([height, width], pixel) = (border.side, border.pixel());
    let shared = Shared::new(out);
    each(border.rows * height, border.numbers() > SMALL, |task| {
        let (row, y) = (task / height, task % height);
        // SAFETY: every line is written by one task, and lies in `out`.
        let to = unsafe { std::slice::from_raw_parts_mut(shared.start().add(border.line(row, y)), width * pixel) };
        line(row, y, to);
    });
}

/// Copies a dense (rows, height, width, channels) map of `from` into one with a border; where the sizes differ, each pixel is its nearest
/// neighbour as torch picks it: `floor(place * from / to)`.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn border(x: &[Bf16], from: [usize; 2], to: Border, out: &mut [Bf16]) {
    let (channels, pixel) = (to.channels, to.pixel());
    assert_eq!(x.len(), to.rows * from[0] * from[1] * channels, "a map has the length of its shape. This is a bug.");
    write_lines(to, out, |row, y, line| {
        let y = y * from[0] / to.side[0];
        let source = &x[(row * from[0] + y) * from[1] * channels..][..from[1] * channels];
        if from == to.side && pixel == channels {
            return line.copy_from_slice(source);
        }
        for (place, line) in line.chunks_exact_mut(pixel).enumerate() {
            line[..channels].copy_from_slice(&source[place * from[1] / to.side[1] * channels..][..channels]);
            line[channels..].fill(Bf16::ZERO);
        }
    });
}

impl Bordered<'_> {
    /// The pixels without what is around them.
    ///
    /// # Panics
    /// When the lengths disagree, which would be a bug of the caller.
    pub fn dense(&self, out: &mut [Bf16]) {
        let border = self.border;
        let (channels, pixel) = (border.channels, border.pixel());
        let length = border.side[1] * channels;
        assert_eq!(out.len(), border.rows * border.side[0] * length, "a map has the length of its shape. This is a bug.");
        for (i, to) in out.chunks_exact_mut(length.max(1)).enumerate() {
            let line = &self.numbers[border.line(i / border.side[0], i % border.side[0])..];
            for (to, from) in to.chunks_exact_mut(channels).zip(line.chunks_exact(pixel)) {
                to.copy_from_slice(&from[..channels]);
            }
        }
    }
}
