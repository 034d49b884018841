//! Functions of vectors. Polynomials are Chebyshev interpolants; their errors are stated and tested against f64.
//!
//! What is not a number stays so.

use super::lanes::Lanes;

/// `e^x` to 2 units in the last place; below -87 it stays at `e^-87`, above 88 at `e^88`.
#[inline(always)]
pub(super) unsafe fn exp<L: Lanes>(x: L::V) -> L::V {
    // SAFETY: the caller's: the processor has the instructions. So everywhere in this file.
    unsafe {
        let x = L::min(L::splat(88.0), L::max(L::splat(-87.0), x));
        let n = L::round(L::mul(x, L::splat(std::f32::consts::LOG2_E)));
        // The logarithm of 2 in two parts, so that `x - n ln 2` loses nothing.
        let r = L::fma(n, L::splat(-0.693_359_4), x);
        let r = L::fma(n, L::splat(2.121_944_4e-4), r);
        let mut sum = L::splat(EXP[0]);
        for coefficient in &EXP[1..] {
            sum = L::fma(sum, r, L::splat(*coefficient));
        }
        L::scale(sum, n)
    }
}

/// `e^r` for |r| <= ln(2)/2, highest power first; relative error 4e-8 with the
/// coefficients rounded.
const EXP: [f32; 7] = [0.001_394_110_8, 0.008_375_126, 0.041_666_355, 0.166_664_16, 0.5, 1.0, 1.0];

/// `2^x` for x <= 0 to 2 units in the last place; below -126 it stays at `2^-126`.
#[inline(always)]
pub(super) unsafe fn exp2_of_negative<L: Lanes>(x: L::V) -> L::V {
    // SAFETY: see `exp`.
    unsafe {
        let x = L::max(L::splat(-126.0), x);
        let n = L::round(x);
        let r = L::sub(x, n);
        let mut sum = L::splat(EXP2[0]);
        for coefficient in &EXP2[1..] {
            sum = L::fma(sum, r, L::splat(*coefficient));
        }
        L::scale(sum, n)
    }
}

/// `2^r` for |r| <= 1/2, highest power first; relative error 4e-8 with the coefficients rounded.
const EXP2: [f32; 7] = [0.000_154_614_45, 0.001_340_042_8, 0.009_618_057, 0.055_503_27, 0.240_226_5, std::f32::consts::LN_2, 1.0];

/// `x / (1 + e^-x)`.
#[inline(always)]
pub(super) unsafe fn silu<L: Lanes>(x: L::V) -> L::V {
    // SAFETY: see `exp`.
    unsafe { L::div(x, L::add(L::splat(1.0), exp::<L>(L::sub(L::splat(0.0), x)))) }
}

/// `x / (1 + e^(-1.702 x))`.
#[inline(always)]
pub(super) unsafe fn quick_gelu<L: Lanes>(x: L::V) -> L::V {
    // SAFETY: see `exp`.
    unsafe { L::div(x, L::add(L::splat(1.0), exp::<L>(L::mul(x, L::splat(-1.702))))) }
}

/// `x (1 + erf(x / sqrt 2)) / 2`, as `max(x, 0) - |x| h` with `h = erfc(|x| / sqrt 2) / 2`: so it keeps its relative accuracy where it is small.
#[inline(always)]
pub(super) unsafe fn gelu<L: Lanes>(x: L::V) -> L::V {
    // SAFETY: see `exp`.
    unsafe {
        let size = L::abs(x);
        let t = L::div(L::splat(1.0), L::fma(size, L::splat(0.27), L::splat(1.0)));
        let mut sum = L::splat(TAIL[0]);
        for coefficient in &TAIL[1..] {
            sum = L::fma(sum, t, L::splat(*coefficient));
        }
        let tail = L::mul(L::mul(sum, t), exp::<L>(L::mul(L::mul(x, x), L::splat(-0.5))));
        L::sub(L::max(x, L::splat(0.0)), L::mul(size, tail))
    }
}

/// `erfc(x / sqrt 2) e^(x^2 / 2) / 2 = t P(t)` with `t = 1 / (1 + 0.27 x)` for 0 <= x <= 14, highest power first; relative error 3e-8.
const TAIL: [f32; 9] = [
    0.029_107_028,
    -0.127_242_12,
    0.171_444_69,
    -0.071_213_92,
    0.109_277_21,
    0.071_406_06,
    0.101_980_37,
    0.107_518_6,
    0.107_722_09,
];

#[cfg(test)]
mod tests {
    use super::{
        super::{
            Isa,
            lanes::{Lanes, on_lanes},
        },
        exp, gelu, quick_gelu, silu,
    };

    on_lanes! {
        unsafe fn all(x: &[f32], out: &mut [Vec<f32>; 4]) = all_body
    }

    #[inline(always)]
    unsafe fn all_body<L: Lanes>(x: &[f32], out: &mut [Vec<f32>; 4]) {
        for x in x.chunks_exact(L::WIDTH) {
            // SAFETY: a whole vector; the instructions are there.
            #[allow(unsafe_code)]
            unsafe {
                let x = L::load(x.as_ptr());
                for (y, out) in [exp::<L>(x), silu::<L>(x), gelu::<L>(x), quick_gelu::<L>(x)].into_iter().zip(out.iter_mut()) {
                    let mut place = [0f32; 16];
                    L::store(place.as_mut_ptr(), y);
                    out.extend(&place[..L::WIDTH]);
                }
            }
        }
    }

    /// erf by its series and its continued fraction, in f64.
    fn erfc(x: f64) -> f64 {
        if x < 2.0 {
            let (mut term, mut sum) = (x, x);
            for n in 1..80 {
                term *= -x * x / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            return 1.0 - sum * 2.0 / std::f64::consts::PI.sqrt();
        }
        let mut fraction = 0.0;
        for n in (1..200).rev() {
            fraction = f64::from(n) / 2.0 / (x + fraction);
        }
        (-x * x).exp() / std::f64::consts::PI.sqrt() / (x + fraction)
    }

    #[test]
    fn functions_are_those_of_f64() {
        let x: Vec<f32> = (0..160_000).map(|i| (i as f32 - 80_000.0) / 1000.0 * 1.000_1).collect();
        for isa in Isa::available() {
            let mut out: [Vec<f32>; 4] = Default::default();
            // SAFETY: whole vectors only.
            #[allow(unsafe_code)]
            unsafe {
                all(isa, &x, &mut out);
            }
            for (i, x) in x.iter().map(|x| f64::from(*x)).enumerate() {
                let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
                let phi = |x: f64| if x < 0.0 { erfc(-x / 2f64.sqrt()) / 2.0 } else { 1.0 - erfc(x / 2f64.sqrt()) / 2.0 };
                let expected = [x.exp(), x * sigmoid(x), x * phi(x), x * sigmoid(1.702 * x)];
                for (k, (expected, out)) in expected.into_iter().zip(&out).enumerate() {
                    let error = (f64::from(out[i]) - expected).abs();
                    // Where the exponent is large its own rounding counts; a result below 1e-30 counts as 0.
                    let relative = [2.5e-7, 3e-7, 1e-6 * (1.0 + x * x / 8.0), 3e-7 * (1.0 + x.abs())][k];
                    assert!(error <= relative * expected.abs() + 1e-30, "{isa}, function {k} of {x}: {} for {expected}", out[i]);
                }
            }
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        for isa in Isa::available() {
            let mut out: [Vec<f32>; 4] = Default::default();
            // SAFETY: a whole vector.
            #[allow(unsafe_code)]
            unsafe {
                all(isa, &[f32::NAN; 16], &mut out);
            }
            assert!(out.iter().flatten().all(|y| y.is_nan()), "{isa}");
        }
    }
}
