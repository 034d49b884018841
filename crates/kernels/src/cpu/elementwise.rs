//! What moves or touches every number once: sums, activations, copies between layouts.

#![allow(unsafe_code)]

use super::{
    Activation, Isa,
    epilogue::{put, some},
    lanes::{Lanes, on_lanes},
    math,
    share::{Shared, each},
};

/// Numbers of a task.
const PIECE: usize = 1 << 14;

/// `a + b`.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn add(isa: Isa, a: &[f32], b: &[f32], out: &mut [f32]) {
    assert!(a.len() == b.len() && a.len() == out.len(), "equal shapes. This is a bug.");
    pieces(a.len(), out, |range, out| {
        // SAFETY: all three have the range's length.
        unsafe { pointwise(isa, &Pointwise { a: &a[range.clone()], b: Some(&b[range]), activation: Activation::None, out }) }
    });
}

/// `activation(x)`.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn activate(isa: Isa, x: &[f32], activation: Activation, out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "equal shapes. This is a bug.");
    pieces(x.len(), out, |range, out| {
        // SAFETY: both have the range's length.
        unsafe { pointwise(isa, &Pointwise { a: &x[range], b: None, activation, out }) }
    });
}

fn pieces(len: usize, out: &mut [f32], work: impl Fn(std::ops::Range<usize>, *mut f32) + Sync + Send) {
    let out = Shared::new(out);
    each(len.div_ceil(PIECE), len > PIECE, |task| {
        let start = task * PIECE;
        // SAFETY: the pieces do not overlap and lie in `out`.
        work(start..(start + PIECE).min(len), unsafe { out.start().add(start) });
    });
}

struct Pointwise<'a> {
    a: &'a [f32],
    b: Option<&'a [f32]>,
    activation: Activation,
    out: *mut f32,
}

on_lanes! {
    unsafe fn pointwise(work: &Pointwise<'_>) = pointwise_body
}

#[inline(always)]
unsafe fn pointwise_body<L: Lanes>(work: &Pointwise<'_>) {
    for i in (0..work.a.len()).step_by(L::WIDTH) {
        let count = work.a.len() - i;
        // SAFETY: `count` numbers are left in all of them.
        unsafe {
            let x = some::<L>(work.a.as_ptr().add(i), count);
            let x = match work.b {
                Some(b) => L::add(x, some::<L>(b.as_ptr().add(i), count)),
                None => x,
            };
            let x = match work.activation {
                Activation::None => x,
                Activation::Silu => math::silu::<L>(x),
                Activation::Gelu => math::gelu::<L>(x),
                Activation::QuickGelu => math::quick_gelu::<L>(x),
            };
            put::<L>(work.out.add(i), count, x);
        }
    }
}

/// Nearest-neighbour resizing of a (rows, height, width, channels) map to `to`, as torch picks the neighbour: `floor(place * from / to)`.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn upsample<T: Copy + Default + Send + Sync>(
    x: &[T],
    rows: usize,
    channels: usize,
    from: [usize; 2],
    to: [usize; 2],
    out: &mut [T],
) {
    assert_eq!(x.len(), rows * from[0] * from[1] * channels, "a map has the length of its shape. This is a bug.");
    assert_eq!(out.len(), rows * to[0] * to[1] * channels, "a result has the length of its shape. This is a bug.");
    lines(rows * to[0], to[1] * channels, out, |line, out| {
        let (row, y) = (line / to[0], line % to[0] * from[0] / to[0]);
        let line = &x[(row * from[0] + y) * from[1] * channels..][..from[1] * channels];
        for (place, out) in out.chunks_exact_mut(channels).enumerate() {
            out.copy_from_slice(&line[place * from[1] / to[1] * channels..][..channels]);
        }
    });
}

/// Appends zeros at the right and at the bottom of a (rows, height, width, channels) map.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn pad_bottom_right<T: Copy + Default + Send + Sync>(
    x: &[T],
    rows: usize,
    channels: usize,
    [height, width]: [usize; 2],
    pixels: usize,
    out: &mut [T],
) {
    let (tall, wide) = (height + pixels, width + pixels);
    assert_eq!(x.len(), rows * height * width * channels, "a map has the length of its shape. This is a bug.");
    assert_eq!(out.len(), rows * tall * wide * channels, "a result has the length of its shape. This is a bug.");
    lines(rows * tall, wide * channels, out, |line, out| {
        let (row, y) = (line / tall, line % tall);
        let kept = if y < height { width * channels } else { 0 };
        let start = (row * height + y.min(height - 1)) * width * channels;
        out[..kept].copy_from_slice(&x[start..start + kept]);
        out[kept..].fill(T::default());
    });
}

/// Joins maps of as many pixels along their channels.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn concat_channels<T: Copy + Default + Send + Sync>(parts: &[(&[T], usize)], pixels: usize, out: &mut [T]) {
    let channels: usize = parts.iter().map(|(_, channels)| channels).sum();
    assert!(
        parts.iter().all(|(x, channels)| x.len() == pixels * channels),
        "maps have the length of their shape. This is a bug."
    );
    assert_eq!(out.len(), pixels * channels, "a result has the length of its shape. This is a bug.");
    lines(pixels, channels, out, |pixel, mut out| {
        for (x, channels) in parts {
            let (here, rest) = out.split_at_mut(*channels);
            here.copy_from_slice(&x[pixel * channels..(pixel + 1) * channels]);
            out = rest;
        }
    });
}

/// (rows, channels, pixels) as (rows, pixels, channels).
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn planar_to_channels_last<T: Copy + Default + Send + Sync>(x: &[T], rows: usize, channels: usize, out: &mut [T]) {
    transpose(x, rows, channels, out);
}

/// (rows, pixels, channels) as (rows, channels, pixels).
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn channels_last_to_planar<T: Copy + Default + Send + Sync>(x: &[T], rows: usize, channels: usize, out: &mut [T]) {
    transpose(x, rows, x.len() / (rows * channels).max(1), out);
}

/// (rows, a, b) as (rows, b, a).
fn transpose<T: Copy + Default + Send + Sync>(x: &[T], rows: usize, a: usize, out: &mut [T]) {
    let b = x.len() / (rows * a).max(1);
    assert!(x.len() == rows * a * b && out.len() == x.len(), "a map has the length of its shape. This is a bug.");
    lines(rows * b, a, out, |line, out| {
        let (row, j) = (line / b, line % b);
        for (i, out) in out.iter_mut().enumerate() {
            *out = x[(row * a + i) * b + j];
        }
    });
}

/// Calls `work` with every line of `out`, in pieces of many lines.
fn lines<T: Send>(count: usize, length: usize, out: &mut [T], work: impl Fn(usize, &mut [T]) + Sync + Send) {
    debug_assert_eq!(out.len(), count * length);
    let piece = (PIECE / length.max(1)).max(1);
    let out = Shared::new(out);
    each(count.div_ceil(piece), count * length > PIECE, |task| {
        for line in task * piece..((task + 1) * piece).min(count) {
            // SAFETY: every line belongs to one task, and lies in `out`.
            work(line, unsafe { std::slice::from_raw_parts_mut(out.start().add(line * length), length) });
        }
    });
}
