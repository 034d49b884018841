//! Group normalisation of channels-last maps with the activation, and layer normalisation of tokens. Statistics are those of the f32 kernels:
//! squares around the mean of a piece of the map, pieces joined in f64.

#![allow(unsafe_code)]

use std::ops::Range;

use super::{
    super::{
        Activation, GroupNorm,
        epilogue::{put as put_single, some as some_single},
        lanes::Lanes,
        norm::{Moments, join, with_moments},
        share::{Shared, each, with_scratch},
    },
    Bf16, Bf16Isa, Border,
    halves::{Halves, on_halves, put, some},
    quick,
};

/// Numbers of a piece: a quarter of a first-level cache.
const PIECE: usize = 1 << 13;
/// Numbers below which other threads would cost more than they save.
const SMALL: usize = 1 << 14;

/// `activation((x - mean) / deviation * scale + shift)` for dense `x` of `shape`, by rows and groups of channels; `out` has the border that
/// `shape` says, for the convolution behind.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn group_norm(isa: Bf16Isa, x: &[Bf16], shape: Border, norm: GroupNorm<'_>, activation: Activation, out: &mut [Bf16]) {
    let channels = norm.scale.len();
    let pixels = shape.side[0] * shape.side[1];
    assert!(
        shape.channels == channels && x.len() == shape.rows * pixels * channels,
        "a map has the length of its shape. This is a bug."
    );
    assert_eq!(norm.shift.len(), channels, "equal shapes. This is a bug.");
    assert!(norm.groups > 0 && channels.is_multiple_of(norm.groups), "groups of equal size. This is a bug.");
    match shape.pixels {
        0 => assert_eq!(out.len(), x.len(), "equal shapes. This is a bug."),
        _ => {
            assert_eq!(shape.pixel(), channels, "a border around whole steps of channels. This is a bug.");
            shape.clear(out);
        }
    }
    if x.is_empty() {
        return;
    }
    let pieces = Pieces { x, shape, pixels, piece: (PIECE / channels).max(1), worth_it: x.len() >= SMALL };
    with_moments(|moments| {
        pieces.measure(isa, norm.groups, moments);
        let joined = join(shape.rows, pieces.count(), norm, moments);
        pieces.apply(isa, norm, joined, activation, Shared::new(out));
    });
}

/// A map's cut into pieces of whole pixels.
struct Pieces<'a> {
    x: &'a [Bf16],
    shape: Border,
    pixels: usize,
    piece: usize,
    worth_it: bool,
}

impl Pieces<'_> {
    fn count(&self) -> usize {
        self.pixels.div_ceil(self.piece)
    }

    /// A task's row, and its pixels of it.
    fn pixels(&self, task: usize) -> (usize, Range<usize>) {
        let (row, start) = (task / self.count(), task % self.count() * self.piece);
        (row, start..(start + self.piece).min(self.pixels))
    }

    fn numbers(&self, row: usize, pixels: Range<usize>) -> &[Bf16] {
        let (start, channels) = (row * self.pixels, self.shape.channels);
        &self.x[(start + pixels.start) * channels..(start + pixels.end) * channels]
    }

    /// The moments of every piece and group.
    fn measure(&self, isa: Bf16Isa, groups: usize, moments: &mut Vec<Moments>) {
        let tasks = self.shape.rows * self.count();
        moments.clear();
        moments.resize(tasks * groups, Moments::default());
        let place = Shared::new(moments);
        each(tasks, self.worth_it, |task| {
            // SAFETY: every task has its own groups' places.
            let moments = unsafe { std::slice::from_raw_parts_mut(place.start().add(task * groups), groups) };
            let (row, pixels) = self.pixels(task);
            measure(isa, self.numbers(row, pixels), self.shape.channels, moments);
        });
    }

    /// Normalises every piece.
    fn apply(&self, isa: Bf16Isa, norm: GroupNorm<'_>, joined: &[Moments], activation: Activation, out: Shared<Bf16>) {
        let channels = self.shape.channels;
        let group = channels / norm.groups;
        each(self.shape.rows * self.count(), self.worth_it, |task| {
            let (row, pixels) = self.pixels(task);
            with_scratch(2 * channels, 0, |numbers, _| {
                let (means, scales) = numbers.split_at_mut(channels);
                for channel in 0..channels {
                    let of_group = joined[row * norm.groups + channel / group];
                    means[channel] = of_group.mean as f32;
                    scales[channel] = of_group.squares as f32 * norm.scale[channel];
                }
                let mut start = pixels.start;
                while start < pixels.end {
                    // With a border the result is written line by line.
                    let (width, y) = (self.shape.side[1], start / self.shape.side[1]);
                    let (end, place) = match self.shape.pixels {
                        0 => (pixels.end, (row * self.pixels + start) * channels),
                        _ => (pixels.end.min((y + 1) * width), self.shape.line(row, y) + start % width * channels),
                    };
                    let x = self.numbers(row, start..end);
                    // SAFETY: no two tasks have a pixel in common, and all lie in `out`.
                    let out = unsafe { out.start().add(place) };
                    // SAFETY: there is room for as many numbers as `x` has; the others are as long as the channels.
                    unsafe { affine(isa, &Affine { x, means, scales, shifts: norm.shift, activation, out }) }
                    start = end;
                }
            });
        });
    }
}

/// The moments of every group in a piece.
fn measure(isa: Bf16Isa, x: &[Bf16], channels: usize, moments: &mut [Moments]) {
    let group = channels / moments.len();
    let count = (x.len() / channels * group) as f64;
    with_scratch(2 * channels, 0, |numbers, _| {
        let (sums, means) = numbers.split_at_mut(channels);
        // SAFETY: the slices have the lengths that `Sum` names.
        unsafe { sum_columns(isa, &Sum { x, means: None, sums: sums.as_mut_ptr(), channels }) }
        for (i, moments) in moments.iter_mut().enumerate() {
            *moments = Moments::around(count, &sums[i * group..(i + 1) * group]);
            means[i * group..(i + 1) * group].fill(moments.mean as f32);
        }
        // SAFETY: as above.
        unsafe { sum_columns(isa, &Sum { x, means: Some(means.as_ptr()), sums: sums.as_mut_ptr(), channels }) }
        for (i, moments) in moments.iter_mut().enumerate() {
            moments.squares += sums[i * group..(i + 1) * group].iter().map(|v| f64::from(*v)).sum::<f64>();
        }
    });
}

/// Sums of every channel over the pixels: of the numbers, or of the squares around means.
struct Sum<'a> {
    x: &'a [Bf16],
    means: Option<*const f32>,
    sums: *mut f32,
    channels: usize,
}

on_halves! {
    unsafe fn sum_columns(work: &Sum<'_>) = sum_columns_body
}

#[inline(always)]
unsafe fn sum_columns_body<H: Halves>(work: &Sum<'_>) {
    let pixels = work.x.len() / work.channels;
    for channel in (0..work.channels).step_by(H::L::WIDTH) {
        let count = work.channels - channel;
        // SAFETY: `count` channels are left in every pixel, in the means and in the sums.
        unsafe {
            let from = work.x.as_ptr().add(channel);
            let mean = match work.means {
                Some(means) => some_single::<H::L>(means.add(channel), count),
                None => H::L::splat(0.0),
            };
            let mut sums = [H::L::splat(0.0); 4];
            for pixel in 0..pixels {
                let x = H::L::sub(some::<H>(from.add(pixel * work.channels), count), mean);
                let sum = &mut sums[pixel % 4];
                *sum = if work.means.is_some() { H::L::fma(x, x, *sum) } else { H::L::add(*sum, x) };
            }
            let sum = H::L::add(H::L::add(sums[0], sums[1]), H::L::add(sums[2], sums[3]));
            put_single::<H::L>(work.sums.add(channel), count, sum);
        }
    }
}

/// `activation((x - mean) * scale + shift)` by channel.
struct Affine<'a> {
    x: &'a [Bf16],
    means: &'a [f32],
    scales: &'a [f32],
    shifts: &'a [f32],
    activation: Activation,
    out: *mut Bf16,
}

on_halves! {
    unsafe fn affine(work: &Affine<'_>) = affine_body
}

#[inline(always)]
unsafe fn affine_body<H: Halves>(work: &Affine<'_>) {
    // SAFETY: the caller's contract.
    unsafe {
        match work.activation {
            Activation::None => affine_by::<H>(work, |x| x),
            Activation::Silu => affine_by::<H>(work, |x| quick::silu::<H::L>(x)),
            Activation::Gelu => affine_by::<H>(work, |x| quick::gelu::<H::L>(x)),
            Activation::QuickGelu => affine_by::<H>(work, |x| quick::quick_gelu::<H::L>(x)),
        }
    }
}

type V<H> = <<H as Halves>::L as Lanes>::V;

#[inline(always)]
unsafe fn affine_by<H: Halves>(work: &Affine<'_>, activate: impl Fn(V<H>) -> V<H> + Copy) {
    let channels = work.means.len();
    for pixel in (0..work.x.len()).step_by(channels) {
        for channel in (0..channels).step_by(H::L::WIDTH) {
            let count = channels - channel;
            // SAFETY: `count` channels are left in all of them.
            unsafe {
                let x = some::<H>(work.x.as_ptr().add(pixel + channel), count);
                let mean = some_single::<H::L>(work.means.as_ptr().add(channel), count);
                let scale = some_single::<H::L>(work.scales.as_ptr().add(channel), count);
                let shift = some_single::<H::L>(work.shifts.as_ptr().add(channel), count);
                put::<H>(work.out.add(pixel + channel), count, activate(H::L::fma(H::L::sub(x, mean), scale, shift)));
            }
        }
    }
}

/// `(x - mean) / deviation * scale + shift` for each line of `scale.len()` numbers.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn layer_norm(isa: Bf16Isa, x: &[Bf16], epsilon: f64, scale: &[f32], shift: &[f32], out: &mut [Bf16]) {
    let width = scale.len();
    assert!(width > 0 && x.len().is_multiple_of(width), "whole lines. This is a bug.");
    assert!(out.len() == x.len() && shift.len() == width, "equal shapes. This is a bug.");
    let (lines, out) = (x.len() / width, Shared::new(out));
    let piece = (PIECE / width).max(1);
    each(lines.div_ceil(piece), x.len() >= SMALL, |task| {
        for line in task * piece..((task + 1) * piece).min(lines) {
            let x = &x[line * width..(line + 1) * width];
            // SAFETY: every line of `out` belongs to one task.
            unsafe { normalise_line(isa, &Line { x, epsilon, scale, shift, out: out.start().add(line * width) }) }
        }
    });
}

struct Line<'a> {
    x: &'a [Bf16],
    epsilon: f64,
    scale: &'a [f32],
    shift: &'a [f32],
    out: *mut Bf16,
}

on_halves! {
    unsafe fn normalise_line(line: &Line<'_>) = normalise_line_body
}

#[inline(always)]
unsafe fn normalise_line_body<H: Halves>(line: &Line<'_>) {
    let width = line.x.len();
    let whole = width / H::L::WIDTH * H::L::WIDTH;
    // SAFETY: `count` numbers are left in all of them.
    unsafe {
        let x = |i: usize| some::<H>(line.x.as_ptr().add(i), width - i);
        let mut sum = H::L::splat(0.0);
        for i in (0..width).step_by(H::L::WIDTH) {
            sum = H::L::add(sum, x(i));
        }
        let middle = H::L::sum(sum) / width as f32;
        let mean = H::L::splat(middle);
        let mut squares = H::L::splat(0.0);
        for i in (0..whole).step_by(H::L::WIDTH) {
            let apart = H::L::sub(x(i), mean);
            squares = H::L::fma(apart, apart, squares);
        }
        let mut squares = f64::from(H::L::sum(squares));
        // Of the last, partial vector one by one: its missing numbers are zeros, which are not at the mean.
        for x in &line.x[whole..] {
            squares += f64::from((x.to_f32() - middle) * (x.to_f32() - middle));
        }
        let inverse = H::L::splat((1.0 / (squares / width as f64 + line.epsilon).sqrt()) as f32);
        for i in (0..width).step_by(H::L::WIDTH) {
            let scale = some_single::<H::L>(line.scale.as_ptr().add(i), width - i);
            let shift = some_single::<H::L>(line.shift.as_ptr().add(i), width - i);
            put::<H>(line.out.add(i), width - i, H::L::fma(H::L::mul(H::L::sub(x(i), mean), inverse), scale, shift));
        }
    }
}
