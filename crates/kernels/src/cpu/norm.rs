//! Group normalisation of channels-last maps (Wu & He 2018), with the activation, and layer normalisation of tokens (Ba et al. 2016).
//!
//! Sums of squares are taken around the mean of a piece of the map that fits the first-level cache, and pieces are joined in f64 (Chan,
//! Golub & LeVeque 1983): nothing is lost however large the mean is against the deviation.

#![allow(unsafe_code)]

use std::{cell::RefCell, ops::Range};

use super::{
    Activation, Isa,
    epilogue::{put, some},
    lanes::{Lanes, on_lanes},
    math,
    share::{Shared, each, with_scratch},
};

/// Numbers of a piece: half of a first-level cache.
const PIECE: usize = 4096;
/// Numbers below which other threads would cost more than they save.
const SMALL: usize = 1 << 14;

/// A group normalisation's numbers.
#[derive(Debug, Clone, Copy)]
pub struct GroupNorm<'a> {
    /// Groups of channels.
    pub groups: usize,
    /// Added to the variance.
    pub epsilon: f64,
    /// One factor per channel.
    pub scale: &'a [f32],
    /// One summand per channel.
    pub shift: &'a [f32],
}

/// Mean and sum of squares around it, of so many numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    pub count: f64,
    pub mean: f64,
    pub squares: f64,
}

impl Moments {
    /// From sums of `count` numbers. The squares are still to be added: they are taken around the mean rounded to f32, which this corrects.
    pub fn around(count: f64, sums: &[f32]) -> Self {
        let mean = sums.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
        Self { count, mean, squares: -count * (mean - f64::from(mean as f32)).powi(2) }
    }

    fn join(self, other: Self) -> Self {
        if self.count == 0.0 {
            return other;
        }
        let count = self.count + other.count;
        let apart = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + apart * other.count / count,
            squares: self.squares + other.squares + apart * apart * self.count * other.count / count,
        }
    }
}

/// `activation((x - mean) / deviation * scale + shift)` for `x` of (rows, pixels, channels), by rows and groups of channels.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn group_norm(isa: Isa, x: &[f32], rows: usize, norm: GroupNorm<'_>, activation: Activation, out: &mut [f32]) {
    let channels = norm.scale.len();
    let pixels = x.len() / (rows * channels).max(1);
    assert_eq!(x.len(), rows * pixels * channels, "a map has the length of its shape. This is a bug.");
    assert!(out.len() == x.len() && norm.shift.len() == channels, "equal shapes. This is a bug.");
    assert!(norm.groups > 0 && channels.is_multiple_of(norm.groups), "groups of equal size. This is a bug.");
    if x.is_empty() {
        return;
    }
    let pieces = Pieces { x, channels, pixels, piece: (PIECE / channels).max(1), worth_it: x.len() >= SMALL };
    with_moments(|moments| {
        pieces.measure(isa, rows, norm.groups, moments);
        let joined = join(rows, pieces.count(), norm, moments);
        pieces.apply(isa, rows, norm, joined, activation, Shared::new(out));
    });
}

/// Lends this thread's moments. Taken, not borrowed: while this thread waits for others it may be given another normalisation.
pub(super) fn with_moments(work: impl FnOnce(&mut Vec<Moments>)) {
    let mut moments = MOMENTS.take();
    work(&mut moments);
    MOMENTS.set(moments);
}

/// Means and inverse deviations of every row's groups, in the place of the first pieces' moments.
pub(super) fn join<'m>(rows: usize, pieces: usize, norm: GroupNorm<'_>, moments: &'m mut [Moments]) -> &'m [Moments] {
    for i in 0..rows * norm.groups {
        let (row, group) = (i / norm.groups, i % norm.groups);
        let parts = (0..pieces).map(|piece| moments[(row * pieces + piece) * norm.groups + group]);
        let joined = parts.fold(Moments::default(), Moments::join);
        moments[i] = Moments { squares: 1.0 / (joined.squares / joined.count + norm.epsilon).sqrt(), ..joined };
    }
    &moments[..rows * norm.groups]
}

thread_local! {
    static MOMENTS: RefCell<Vec<Moments>> = const { RefCell::new(Vec::new()) };
}

/// A map's cut into pieces of whole pixels.
struct Pieces<'a> {
    x: &'a [f32],
    channels: usize,
    pixels: usize,
    piece: usize,
    worth_it: bool,
}

impl Pieces<'_> {
    fn count(&self) -> usize {
        self.pixels.div_ceil(self.piece)
    }

    fn range(&self, task: usize) -> Range<usize> {
        let (row, index) = (task / self.count(), task % self.count());
        let (start, end) = (index * self.piece, ((index + 1) * self.piece).min(self.pixels));
        (row * self.pixels + start) * self.channels..(row * self.pixels + end) * self.channels
    }

    /// The moments of every piece and group.
    fn measure(&self, isa: Isa, rows: usize, groups: usize, moments: &mut Vec<Moments>) {
        moments.clear();
        moments.resize(rows * self.count() * groups, Moments::default());
        let place = Shared::new(moments);
        each(rows * self.count(), self.worth_it, |task| {
            // SAFETY: every task has its own groups' places.
            let moments = unsafe { std::slice::from_raw_parts_mut(place.start().add(task * groups), groups) };
            measure(isa, &self.x[self.range(task)], self.channels, moments);
        });
    }

    /// Normalises every piece.
    fn apply(&self, isa: Isa, rows: usize, norm: GroupNorm<'_>, joined: &[Moments], activation: Activation, out: Shared) {
        each(rows * self.count(), self.worth_it, |task| {
            let (row, range) = (task / self.count(), self.range(task));
            let factors = &joined[row * norm.groups..(row + 1) * norm.groups];
            // SAFETY: the parts of `out` do not overlap.
            let out = unsafe { std::slice::from_raw_parts_mut(out.start().add(range.start), range.len()) };
            apply(isa, &self.x[range], norm, factors, activation, out);
        });
    }
}

/// The moments of every group in a piece.
fn measure(isa: Isa, x: &[f32], channels: usize, moments: &mut [Moments]) {
    let group = channels / moments.len();
    let count = (x.len() / channels * group) as f64;
    with_scratch(2 * channels, 0, |numbers, _| {
        let (sums, means) = numbers.split_at_mut(channels);
        means.fill(0.0);
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
    x: &'a [f32],
    means: Option<*const f32>,
    sums: *mut f32,
    channels: usize,
}

on_lanes! {
    unsafe fn sum_columns(work: &Sum<'_>) = sum_columns_body
}

#[inline(always)]
unsafe fn sum_columns_body<L: Lanes>(work: &Sum<'_>) {
    let pixels = work.x.len() / work.channels;
    for channel in (0..work.channels).step_by(L::WIDTH) {
        let count = work.channels - channel;
        // SAFETY: `count` channels are left in every pixel, in the means and in the sums.
        unsafe {
            let from = work.x.as_ptr().add(channel);
            let mean = match work.means {
                Some(means) => some::<L>(means.add(channel), count),
                None => L::splat(0.0),
            };
            let mut sums = [L::splat(0.0); 4];
            for pixel in 0..pixels {
                let x = L::sub(some::<L>(from.add(pixel * work.channels), count), mean);
                let sum = &mut sums[pixel % 4];
                *sum = if work.means.is_some() { L::fma(x, x, *sum) } else { L::add(*sum, x) };
            }
            put::<L>(work.sums.add(channel), count, L::add(L::add(sums[0], sums[1]), L::add(sums[2], sums[3])));
        }
    }
}

/// Normalises a piece with its row's means and inverse deviations.
fn apply(isa: Isa, x: &[f32], norm: GroupNorm<'_>, factors: &[Moments], activation: Activation, out: &mut [f32]) {
    let channels = norm.scale.len();
    let group = channels / norm.groups;
    with_scratch(2 * channels, 0, |numbers, _| {
        let (means, scales) = numbers.split_at_mut(channels);
        for channel in 0..channels {
            let of_group = factors[channel / group];
            means[channel] = of_group.mean as f32;
            scales[channel] = of_group.squares as f32 * norm.scale[channel];
        }
        let work = Affine { x, means, scales, shifts: norm.shift, activation, out: out.as_mut_ptr() };
        // SAFETY: `out` is as long as `x`, the others as the channels.
        unsafe { affine(isa, &work) }
    });
}

/// `activation((x - mean) * scale + shift)` by channel.
struct Affine<'a> {
    x: &'a [f32],
    means: &'a [f32],
    scales: &'a [f32],
    shifts: &'a [f32],
    activation: Activation,
    out: *mut f32,
}

on_lanes! {
    unsafe fn affine(work: &Affine<'_>) = affine_body
}

#[inline(always)]
unsafe fn affine_body<L: Lanes>(work: &Affine<'_>) {
    // SAFETY: the caller's contract.
    unsafe {
        match work.activation {
            Activation::None => affine_by::<L>(work, |x| x),
            Activation::Silu => affine_by::<L>(work, |x| math::silu::<L>(x)),
            Activation::Gelu => affine_by::<L>(work, |x| math::gelu::<L>(x)),
            Activation::QuickGelu => affine_by::<L>(work, |x| math::quick_gelu::<L>(x)),
        }
    }
}

#[inline(always)]
unsafe fn affine_by<L: Lanes>(work: &Affine<'_>, activate: impl Fn(L::V) -> L::V + Copy) {
    let channels = work.means.len();
    for pixel in (0..work.x.len()).step_by(channels) {
        for channel in (0..channels).step_by(L::WIDTH) {
            let count = channels - channel;
            // SAFETY: `count` channels are left in all of them.
            unsafe {
                let x = some::<L>(work.x.as_ptr().add(pixel + channel), count);
                let mean = some::<L>(work.means.as_ptr().add(channel), count);
                let scale = some::<L>(work.scales.as_ptr().add(channel), count);
                let shift = some::<L>(work.shifts.as_ptr().add(channel), count);
                put::<L>(work.out.add(pixel + channel), count, activate(L::fma(L::sub(x, mean), scale, shift)));
            }
        }
    }
}

/// `(x - mean) / deviation * scale + shift` for each line of `scale.len()` numbers.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn layer_norm(isa: Isa, x: &[f32], epsilon: f64, scale: &[f32], shift: &[f32], out: &mut [f32]) {
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
    x: &'a [f32],
    epsilon: f64,
    scale: &'a [f32],
    shift: &'a [f32],
    out: *mut f32,
}

on_lanes! {
    unsafe fn normalise_line(line: &Line<'_>) = normalise_line_body
}

#[inline(always)]
unsafe fn normalise_line_body<L: Lanes>(line: &Line<'_>) {
    let width = line.x.len();
    // SAFETY: `count` numbers are left in all of them.
    unsafe {
        let x = |i: usize| some::<L>(line.x.as_ptr().add(i), width - i);
        let mut sum = L::splat(0.0);
        for i in (0..width).step_by(L::WIDTH) {
            sum = L::add(sum, x(i));
        }
        let mean = L::splat(L::sum(sum) / width as f32);
        let mut squares = L::splat(0.0);
        for i in (0..width / L::WIDTH * L::WIDTH).step_by(L::WIDTH) {
            let apart = L::sub(x(i), mean);
            squares = L::fma(apart, apart, squares);
        }
        let mut squares = f64::from(L::sum(squares));
        // Of the last, partial vector one by one: its missing numbers are zeros, which are not at the mean.
        let mut first = [0f32; 16];
        L::store(first.as_mut_ptr(), mean);
        for x in &line.x[width / L::WIDTH * L::WIDTH..] {
            squares += f64::from((x - first[0]) * (x - first[0]));
        }
        let inverse = L::splat((1.0 / (squares / width as f64 + line.epsilon).sqrt()) as f32);
        for i in (0..width).step_by(L::WIDTH) {
            let scale = some::<L>(line.scale.as_ptr().add(i), width - i);
            let shift = some::<L>(line.shift.as_ptr().add(i), width - i);
            put::<L>(line.out.add(i), width - i, L::fma(L::mul(L::sub(x(i), mean), inverse), scale, shift));
        }
    }
}
