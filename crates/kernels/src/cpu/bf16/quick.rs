//! Functions of vectors whose results are rounded to bf16: relative errors stay below a sixteenth of what the rounding costs, 2^-12.
//!
//! What is not a number stays so. Nothing in between becomes so small that the processor would have to take the slow way with it.

use super::super::{Activation, lanes::Lanes};

/// `1 / (1 + 2^-x)`; beyond 64 and -64 it stays as it is there.
#[inline(always)]
unsafe fn sigmoid2<L: Lanes>(x: L::V) -> L::V {
    // SAFETY: the caller's: the processor has the instructions. So everywhere in this file.
    unsafe {
        let x = L::min(L::splat(64.0), L::max(L::splat(-64.0), L::sub(L::splat(0.0), x)));
        let n = L::round(x);
        let rest = L::sub(x, n);
        let mut power = L::splat(EXP2[0]);
        for coefficient in &EXP2[1..] {
            power = L::fma(power, rest, L::splat(*coefficient));
        }
        L::reciprocal(L::add(L::splat(1.0), L::scale(power, n)))
    }
}

/// `2^r` for |r| <= 1/2, highest power first; relative error 2.6e-6.
const EXP2: [f32; 5] = [0.009_570_102, 0.055_917_863, 0.240_247_44, 0.693_121_8, 0.999_999_3];

/// `x / (1 + e^-x)`.
#[inline(always)]
pub(super) unsafe fn silu<L: Lanes>(x: L::V) -> L::V {
    // SAFETY: see `sigmoid2`.
    unsafe { L::mul(x, sigmoid2::<L>(L::mul(x, L::splat(std::f32::consts::LOG2_E)))) }
}

/// `x / (1 + e^(-1.702 x))`.
#[inline(always)]
pub(super) unsafe fn quick_gelu<L: Lanes>(x: L::V) -> L::V {
    // SAFETY: see `sigmoid2`.
    unsafe { L::mul(x, sigmoid2::<L>(L::mul(x, L::splat(1.702 * std::f32::consts::LOG2_E)))) }
}

/// `x (1 + erf(x / sqrt 2)) / 2`: the normal distribution's function as the logistic one of a polynomial.
#[inline(always)]
pub(super) unsafe fn gelu<L: Lanes>(x: L::V) -> L::V {
    // SAFETY: see `sigmoid2`.
    unsafe {
        // Beyond 6 either the result is x, or less than 1e-8 of it.
        let near = L::min(L::splat(6.0), L::max(L::splat(-6.0), x));
        let square = L::mul(near, near);
        let mut sum = L::splat(LOGIT[0]);
        for coefficient in &LOGIT[1..] {
            sum = L::fma(sum, square, L::splat(*coefficient));
        }
        L::mul(x, sigmoid2::<L>(L::mul(L::mul(near, sum), L::splat(std::f32::consts::LOG2_E))))
    }
}

/// `ln(p / (1 - p)) / x` in powers of x^2 for |x| <= 6, highest first, where p is the normal distribution's function; error of the logarithm
/// 1.5e-4.
const LOGIT: [f32; 8] =
    [-1.546_258_1e-11, 2.353_185_4e-9, -1.462_003e-7, 4.645_695e-6, -6.970_209_5e-5, -3.075_979_5e-4, 0.073_276_91, 1.595_331_7];

/// By name, for what is not in an innermost loop.
#[inline(always)]
pub(super) unsafe fn activate<L: Lanes>(activation: Activation, x: L::V) -> L::V {
    // SAFETY: see `sigmoid2`.
    unsafe {
        match activation {
            Activation::None => x,
            Activation::Silu => silu::<L>(x),
            Activation::Gelu => gelu::<L>(x),
            Activation::QuickGelu => quick_gelu::<L>(x),
        }
    }
}
