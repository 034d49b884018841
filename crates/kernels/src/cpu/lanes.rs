//! Vectors of f32, one implementation for each set of instructions, and the functions that are built from them.
//!
//! Every kernel is written once over [`Lanes`] and compiled once for each set by [`on_lanes!`].

#![allow(unsafe_op_in_unsafe_fn)] // Every function here is one instruction or two; a block around each would only repeat the contract.

/// A vector of [`Lanes::WIDTH`] numbers and its arithmetic.
///
/// # Safety
/// All functions: the processor has the instructions of the implementation. Loads and stores: the pointer is valid for as many numbers
/// as are named, with no alignment asked for.
pub(super) trait Lanes: Copy {
    /// Numbers in a vector.
    const WIDTH: usize;
    /// The vector.
    type V: Copy;

    unsafe fn splat(x: f32) -> Self::V;
    unsafe fn load(from: *const f32) -> Self::V;
    unsafe fn store(to: *mut f32, x: Self::V);
    /// The first `count` numbers, zeros behind them.
    unsafe fn load_some(from: *const f32, count: usize) -> Self::V;
    /// The first `count` numbers.
    unsafe fn store_some(to: *mut f32, count: usize, x: Self::V);
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// `1 / x` to 2^-22, for numbers whose inverse is a normal one.
    unsafe fn reciprocal(x: Self::V) -> Self::V;
    /// `a * b + c`.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The larger one; `b` where either is not a number.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// The smaller one; `b` where either is not a number.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn abs(x: Self::V) -> Self::V;
    /// To the nearest whole number, halves to the even one.
    unsafe fn round(x: Self::V) -> Self::V;
    /// `x * 2^n` for whole `n` in -126..=127.
    unsafe fn scale(x: Self::V, n: Self::V) -> Self::V;
    /// The sum, in an order of the implementation's own.
    unsafe fn sum(x: Self::V) -> f32;
    /// The largest.
    unsafe fn largest(x: Self::V) -> f32;
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::Lanes;

    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx512;

    impl Lanes for Avx512 {
        const WIDTH: usize = 16;
        type V = __m512;

        #[inline(always)]
        unsafe fn splat(x: f32) -> __m512 {
            _mm512_set1_ps(x)
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> __m512 {
            _mm512_loadu_ps(from)
        }
        #[inline(always)]
        unsafe fn store(to: *mut f32, x: __m512) {
            _mm512_storeu_ps(to, x);
        }
        #[inline(always)]
        unsafe fn load_some(from: *const f32, count: usize) -> __m512 {
            _mm512_maskz_loadu_ps(mask(count), from)
        }
        #[inline(always)]
        unsafe fn store_some(to: *mut f32, count: usize, x: __m512) {
            _mm512_mask_storeu_ps(to, mask(count), x);
        }
        #[inline(always)]
        unsafe fn add(a: __m512, b: __m512) -> __m512 {
            _mm512_add_ps(a, b)
        }
        #[inline(always)]
        unsafe fn sub(a: __m512, b: __m512) -> __m512 {
            _mm512_sub_ps(a, b)
        }
        #[inline(always)]
        unsafe fn mul(a: __m512, b: __m512) -> __m512 {
            _mm512_mul_ps(a, b)
        }
        #[inline(always)]
        unsafe fn div(a: __m512, b: __m512) -> __m512 {
            _mm512_div_ps(a, b)
        }
        #[inline(always)]
        unsafe fn reciprocal(x: __m512) -> __m512 {
            let near = _mm512_rcp14_ps(x);
            // Newton's step doubles the bits that are right.
            _mm512_mul_ps(near, _mm512_fnmadd_ps(x, near, _mm512_set1_ps(2.0)))
        }
        #[inline(always)]
        unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
            _mm512_fmadd_ps(a, b, c)
        }
        #[inline(always)]
        unsafe fn max(a: __m512, b: __m512) -> __m512 {
            _mm512_max_ps(a, b)
        }
        #[inline(always)]
        unsafe fn min(a: __m512, b: __m512) -> __m512 {
            _mm512_min_ps(a, b)
        }
        #[inline(always)]
        unsafe fn abs(x: __m512) -> __m512 {
            _mm512_abs_ps(x)
        }
        #[inline(always)]
        unsafe fn round(x: __m512) -> __m512 {
            _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x)
        }
        #[inline(always)]
        unsafe fn scale(x: __m512, n: __m512) -> __m512 {
            _mm512_scalef_ps(x, n)
        }
        #[inline(always)]
        unsafe fn sum(x: __m512) -> f32 {
            _mm512_reduce_add_ps(x)
        }
        #[inline(always)]
        unsafe fn largest(x: __m512) -> f32 {
            _mm512_reduce_max_ps(x)
        }
    }

    #[inline(always)]
    fn mask(count: usize) -> u16 {
        ((1u32 << count) - 1) as u16
    }

    #[derive(Clone, Copy)]
    pub(in super::super) struct Avx2;

    impl Lanes for Avx2 {
        const WIDTH: usize = 8;
        type V = __m256;

        #[inline(always)]
        unsafe fn splat(x: f32) -> __m256 {
            _mm256_set1_ps(x)
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> __m256 {
            _mm256_loadu_ps(from)
        }
        #[inline(always)]
        unsafe fn store(to: *mut f32, x: __m256) {
            _mm256_storeu_ps(to, x);
        }
        #[inline(always)]
        unsafe fn load_some(from: *const f32, count: usize) -> __m256 {
            _mm256_maskload_ps(from, mask8(count))
        }
        #[inline(always)]
        unsafe fn store_some(to: *mut f32, count: usize, x: __m256) {
            _mm256_maskstore_ps(to, mask8(count), x);
        }
        #[inline(always)]
        unsafe fn add(a: __m256, b: __m256) -> __m256 {
            _mm256_add_ps(a, b)
        }
        #[inline(always)]
        unsafe fn sub(a: __m256, b: __m256) -> __m256 {
            _mm256_sub_ps(a, b)
        }
        #[inline(always)]
        unsafe fn mul(a: __m256, b: __m256) -> __m256 {
            _mm256_mul_ps(a, b)
        }
        #[inline(always)]
        unsafe fn div(a: __m256, b: __m256) -> __m256 {
            _mm256_div_ps(a, b)
        }
        #[inline(always)]
        unsafe fn reciprocal(x: __m256) -> __m256 {
            let near = _mm256_rcp_ps(x);
            // Newton's step doubles the bits that are right.
            _mm256_mul_ps(near, _mm256_fnmadd_ps(x, near, _mm256_set1_ps(2.0)))
        }
        #[inline(always)]
        unsafe fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
            _mm256_fmadd_ps(a, b, c)
        }
        #[inline(always)]
        unsafe fn max(a: __m256, b: __m256) -> __m256 {
            _mm256_max_ps(a, b)
        }
        #[inline(always)]
        unsafe fn min(a: __m256, b: __m256) -> __m256 {
            _mm256_min_ps(a, b)
        }
        #[inline(always)]
        unsafe fn abs(x: __m256) -> __m256 {
            _mm256_andnot_ps(_mm256_set1_ps(-0.0), x)
        }
        #[inline(always)]
        unsafe fn round(x: __m256) -> __m256 {
            _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x)
        }
        #[inline(always)]
        unsafe fn scale(x: __m256, n: __m256) -> __m256 {
            let exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
            _mm256_mul_ps(x, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent)))
        }
        #[inline(always)]
        unsafe fn sum(x: __m256) -> f32 {
            let x = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            let x = _mm_add_ps(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)))
        }
        #[inline(always)]
        unsafe fn largest(x: __m256) -> f32 {
            let x = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            let x = _mm_max_ps(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)))
        }
    }

    #[inline(always)]
    unsafe fn mask8(count: usize) -> __m256i {
        let place = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), place)
    }
}

/// Plain loops over eight numbers.
#[derive(Clone, Copy)]
pub(super) struct Portable;

type Eight = [f32; 8];

#[inline(always)]
fn each(a: Eight, b: Eight, f: impl Fn(f32, f32) -> f32) -> Eight {
    std::array::from_fn(|i| f(a[i], b[i]))
}

impl Lanes for Portable {
    const WIDTH: usize = 8;
    type V = Eight;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Eight {
        [x; 8]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Eight {
        from.cast::<Eight>().read_unaligned()
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, x: Eight) {
        to.cast::<Eight>().write_unaligned(x);
    }
    #[inline(always)]
    unsafe fn load_some(from: *const f32, count: usize) -> Eight {
        let mut x = [0.0; 8];
        std::ptr::copy_nonoverlapping(from, x.as_mut_ptr(), count);
        x
    }
    #[inline(always)]
    unsafe fn store_some(to: *mut f32, count: usize, x: Eight) {
        std::ptr::copy_nonoverlapping(x.as_ptr(), to, count);
    }
    #[inline(always)]
    unsafe fn add(a: Eight, b: Eight) -> Eight {
        each(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(a: Eight, b: Eight) -> Eight {
        each(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(a: Eight, b: Eight) -> Eight {
        each(a, b, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(a: Eight, b: Eight) -> Eight {
        each(a, b, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn reciprocal(x: Eight) -> Eight {
        x.map(|x| 1.0 / x)
    }
    #[inline(always)]
    unsafe fn fma(a: Eight, b: Eight, c: Eight) -> Eight {
        // Rounded twice: without the instruction `mul_add` is a call into a library.
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    unsafe fn max(a: Eight, b: Eight) -> Eight {
        each(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn min(a: Eight, b: Eight) -> Eight {
        each(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn abs(x: Eight) -> Eight {
        x.map(f32::abs)
    }
    #[inline(always)]
    unsafe fn round(x: Eight) -> Eight {
        x.map(f32::round_ties_even)
    }
    #[inline(always)]
    unsafe fn scale(x: Eight, n: Eight) -> Eight {
        each(x, n, |x, n| x * f32::from_bits(((n as i32 + 127) as u32) << 23))
    }
    #[inline(always)]
    unsafe fn sum(x: Eight) -> f32 {
        ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]))
    }
    #[inline(always)]
    unsafe fn largest(x: Eight) -> f32 {
        x.into_iter().fold(x[0], |a, b| if a > b { a } else { b })
    }
}

/// Compiles `$body::<L>(..)` once for each set of instructions, as `$name(isa, ..)`.
///
/// The body must be `#[inline(always)]`, so that it is compiled inside of the function that enables the instructions.
macro_rules! on_lanes {
    ($(#[$doc:meta])* $vis:vis unsafe fn $name:ident($($arg:ident : $ty:ty),* $(,)?) = $body:path) => {
        $(#[$doc])*
        $vis unsafe fn $name(isa: $crate::cpu::Isa, $($arg: $ty),*) {
            use $body as body;
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
            unsafe fn avx512($($arg: $ty),*) {
                // SAFETY: the caller's contract; the instructions are enabled here.
                unsafe { body::<$crate::cpu::lanes::Avx512>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($arg: $ty),*) {
                // SAFETY: as above.
                unsafe { body::<$crate::cpu::lanes::Avx2>($($arg),*) }
            }
            // SAFETY: a value of `Isa` is proof that the processor has the instructions; the rest is the caller's contract.
            unsafe {
                match isa.0 {
                    #[cfg(target_arch = "x86_64")]
                    $crate::cpu::isa::Set::Avx512 => avx512($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::cpu::isa::Set::Avx2 => avx2($($arg),*),
                    $crate::cpu::isa::Set::Portable => body::<$crate::cpu::lanes::Portable>($($arg),*),
                }
            }
        }
    };
}
pub(super) use on_lanes;
