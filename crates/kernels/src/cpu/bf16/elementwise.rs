//! What touches every number once: sums, activations, and the way from f32 and back.

#![allow(unsafe_code)]

use std::ops::Range;

use super::{
    super::{
        Activation,
        epilogue::{put as put_single, some as some_single},
        lanes::Lanes,
        share::{Shared, each},
    },
    Bf16, Bf16Isa,
    halves::{Halves, on_halves, put, some},
    quick,
};

/// Numbers of a task.
const PIECE: usize = 1 << 14;

/// `a + b`.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn add(isa: Bf16Isa, a: &[Bf16], b: &[Bf16], out: &mut [Bf16]) {
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
pub fn activate(isa: Bf16Isa, x: &[Bf16], activation: Activation, out: &mut [Bf16]) {
    assert_eq!(x.len(), out.len(), "equal shapes. This is a bug.");
    pieces(x.len(), out, |range, out| {
        // SAFETY: both have the range's length.
        unsafe { pointwise(isa, &Pointwise { a: &x[range], b: None, activation, out }) }
    });
}

/// Rounds f32 numbers.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn narrow(isa: Bf16Isa, x: &[f32], out: &mut [Bf16]) {
    assert_eq!(x.len(), out.len(), "equal shapes. This is a bug.");
    pieces(x.len(), out, |range, out| {
        // SAFETY: both have the range's length.
        unsafe { narrow_piece(isa, &x[range], out) }
    });
}

/// The same numbers as f32.
///
/// # Panics
/// When the lengths disagree, which would be a bug of the caller.
pub fn widen(isa: Bf16Isa, x: &[Bf16], out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "equal shapes. This is a bug.");
    pieces(x.len(), out, |range, out| {
        // SAFETY: both have the range's length.
        unsafe { widen_piece(isa, &x[range], out) }
    });
}

fn pieces<T: Send>(len: usize, out: &mut [T], work: impl Fn(Range<usize>, *mut T) + Sync + Send) {
    let out = Shared::new(out);
    each(len.div_ceil(PIECE), len > PIECE, |task| {
        let start = task * PIECE;
        // SAFETY: the pieces do not overlap and lie in `out`.
        work(start..(start + PIECE).min(len), unsafe { out.start().add(start) });
    });
}

struct Pointwise<'a> {
    a: &'a [Bf16],
    b: Option<&'a [Bf16]>,
    activation: Activation,
    out: *mut Bf16,
}

on_halves! {
    unsafe fn pointwise(work: &Pointwise<'_>) = pointwise_body
}

#[inline(always)]
unsafe fn pointwise_body<H: Halves>(work: &Pointwise<'_>) {
    for i in (0..work.a.len()).step_by(H::L::WIDTH) {
        let count = work.a.len() - i;
        // SAFETY: `count` numbers are left in all of them.
        unsafe {
            let x = some::<H>(work.a.as_ptr().add(i), count);
            let x = match work.b {
                Some(b) => H::L::add(x, some::<H>(b.as_ptr().add(i), count)),
                None => x,
            };
            let x = quick::activate::<H::L>(work.activation, x);
            put::<H>(work.out.add(i), count, x);
        }
    }
}

on_halves! {
    unsafe fn narrow_piece(x: &[f32], out: *mut Bf16) = narrow_body
}

#[inline(always)]
unsafe fn narrow_body<H: Halves>(x: &[f32], out: *mut Bf16) {
    for i in (0..x.len()).step_by(H::L::WIDTH) {
        // SAFETY: as many numbers are left in both.
        unsafe { put::<H>(out.add(i), x.len() - i, some_single::<H::L>(x.as_ptr().add(i), x.len() - i)) }
    }
}

on_halves! {
    unsafe fn widen_piece(x: &[Bf16], out: *mut f32) = widen_body
}

#[inline(always)]
unsafe fn widen_body<H: Halves>(x: &[Bf16], out: *mut f32) {
    for i in (0..x.len()).step_by(H::L::WIDTH) {
        // SAFETY: as many numbers are left in both.
        unsafe { put_single::<H::L>(out.add(i), x.len() - i, some::<H>(x.as_ptr().add(i), x.len() - i)) }
    }
}
