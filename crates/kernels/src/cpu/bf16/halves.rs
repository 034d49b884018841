//! Vectors of f32 that lie in memory as bf16.
//!
//! Every kernel but the products is written once over [`Halves`] and compiled once for each set of instructions by [`on_halves!`]. Rounding
//! is to the nearest, halves to the even one; what is not a number stays so.

#![allow(unsafe_op_in_unsafe_fn)] // As in `lanes`: every function is an instruction or a few.

use super::{
    super::lanes::{Lanes, Portable},
    Bf16,
};

/// Loads and stores of bf16 numbers as vectors of f32.
///
/// # Safety
/// All functions: the processor has the instructions of the implementation, and the pointer is valid for as many numbers as are named.
pub(super) trait Halves: Copy {
    /// The vectors.
    type L: Lanes;

    unsafe fn load(from: *const Bf16) -> <Self::L as Lanes>::V;
    /// The first `count` numbers, zeros behind them.
    unsafe fn load_some(from: *const Bf16, count: usize) -> <Self::L as Lanes>::V;
    unsafe fn store(to: *mut Bf16, x: <Self::L as Lanes>::V);
    /// Past the caches where the processor can, at a multiple of 32 bytes.
    #[inline(always)]
    unsafe fn stream(to: *mut Bf16, x: <Self::L as Lanes>::V) {
        Self::store(to, x);
    }
    /// The first `count` numbers.
    unsafe fn store_some(to: *mut Bf16, count: usize, x: <Self::L as Lanes>::V);
    /// The even and the odd numbers of twice as many as a vector has.
    unsafe fn pairs(from: *const Bf16) -> [<Self::L as Lanes>::V; 2];
}

/// A vector, or what there is of one.
#[inline(always)]
pub(super) unsafe fn some<H: Halves>(from: *const Bf16, count: usize) -> <H::L as Lanes>::V {
    if count >= H::L::WIDTH { H::load(from) } else { H::load_some(from, count) }
}

/// Writes a vector, or what there is room for.
#[inline(always)]
pub(super) unsafe fn put<H: Halves>(to: *mut Bf16, count: usize, x: <H::L as Lanes>::V) {
    if count >= H::L::WIDTH { H::store(to, x) } else { H::store_some(to, count, x) }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Half256, Half512, Native512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{
        super::{
            super::lanes::{Avx2, Avx512},
            Bf16,
        },
        Halves, through_memory,
    };

    /// Rounded by the instruction for it.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Native512;

    impl Halves for Native512 {
        type L = Avx512;

        #[inline(always)]
        unsafe fn load(from: *const Bf16) -> __m512 {
            widen(_mm256_loadu_si256(from.cast()))
        }
        #[inline(always)]
        unsafe fn load_some(from: *const Bf16, count: usize) -> __m512 {
            widen(_mm512_castsi512_si256(_mm512_maskz_loadu_epi16(mask(count), from.cast())))
        }
        #[inline(always)]
        unsafe fn store(to: *mut Bf16, x: __m512) {
            _mm256_storeu_si256(to.cast(), round(x));
        }
        #[inline(always)]
        unsafe fn stream(to: *mut Bf16, x: __m512) {
            _mm256_stream_si256(to.cast(), round(x));
        }
        #[inline(always)]
        unsafe fn store_some(to: *mut Bf16, count: usize, x: __m512) {
            _mm512_mask_storeu_epi16(to.cast(), mask(count), _mm512_castsi256_si512(round(x)));
        }
        #[inline(always)]
        unsafe fn pairs(from: *const Bf16) -> [__m512; 2] {
            split(_mm512_loadu_si512(from.cast()))
        }
    }

    #[inline(always)]
    unsafe fn mask(count: usize) -> u32 {
        (1u32 << count) - 1
    }

    #[inline(always)]
    unsafe fn round(x: __m512) -> __m256i {
        // SAFETY: both are 256 bits of any value.
        std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(x))
    }

    #[inline(always)]
    unsafe fn widen(x: __m256i) -> __m512 {
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(x)))
    }

    #[inline(always)]
    unsafe fn split(x: __m512i) -> [__m512; 2] {
        let odd = _mm512_and_si512(x, _mm512_set1_epi32(-65536));
        [_mm512_castsi512_ps(_mm512_slli_epi32::<16>(x)), _mm512_castsi512_ps(odd)]
    }

    /// Rounded by whole-number arithmetic.
    #[derive(Clone, Copy)]
    pub(in super::super) struct Half512;

    impl Halves for Half512 {
        type L = Avx512;

        #[inline(always)]
        unsafe fn load(from: *const Bf16) -> __m512 {
            widen(_mm256_loadu_si256(from.cast()))
        }
        #[inline(always)]
        unsafe fn load_some(from: *const Bf16, count: usize) -> __m512 {
            let mut line = [Bf16::ZERO; 16];
            std::ptr::copy_nonoverlapping(from, line.as_mut_ptr(), count);
            Self::load(line.as_ptr())
        }
        #[inline(always)]
        unsafe fn store(to: *mut Bf16, x: __m512) {
            let bits = _mm512_castps_si512(x);
            let even = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
            let rounded = _mm512_add_epi32(bits, _mm512_add_epi32(even, _mm512_set1_epi32(0x7fff)));
            // Adding could carry what is not a number over into zero: only its quiet bit is set.
            let other = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x);
            let quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x0040_0000));
            let rounded = _mm512_mask_mov_epi32(rounded, other, quiet);
            _mm256_storeu_si256(to.cast(), _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(rounded)));
        }
        #[inline(always)]
        unsafe fn store_some(to: *mut Bf16, count: usize, x: __m512) {
            through_memory::<Self>(to, count, x);
        }
        #[inline(always)]
        unsafe fn pairs(from: *const Bf16) -> [__m512; 2] {
            split(_mm512_loadu_si512(from.cast()))
        }
    }

    #[derive(Clone, Copy)]
    pub(in super::super) struct Half256;

    impl Halves for Half256 {
        type L = Avx2;

        #[inline(always)]
        unsafe fn load(from: *const Bf16) -> __m256 {
            let x = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()));
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(x))
        }
        #[inline(always)]
        unsafe fn load_some(from: *const Bf16, count: usize) -> __m256 {
            let mut line = [Bf16::ZERO; 8];
            std::ptr::copy_nonoverlapping(from, line.as_mut_ptr(), count);
            Self::load(line.as_ptr())
        }
        #[inline(always)]
        unsafe fn store(to: *mut Bf16, x: __m256) {
            let bits = _mm256_castps_si256(x);
            let even = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
            let rounded = _mm256_add_epi32(bits, _mm256_add_epi32(even, _mm256_set1_epi32(0x7fff)));
            let other = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(x, x));
            let quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x0040_0000));
            let rounded = _mm256_srli_epi32::<16>(_mm256_blendv_epi8(rounded, quiet, other));
            // Packs each half of the vector on its own; the quarters that matter are brought together.
            let packed = _mm256_permute4x64_epi64::<0b1000>(_mm256_packus_epi32(rounded, rounded));
            _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(packed));
        }
        #[inline(always)]
        unsafe fn store_some(to: *mut Bf16, count: usize, x: __m256) {
            through_memory::<Self>(to, count, x);
        }
        #[inline(always)]
        unsafe fn pairs(from: *const Bf16) -> [__m256; 2] {
            let x = _mm256_loadu_si256(from.cast());
            let odd = _mm256_and_si256(x, _mm256_set1_epi32(-65536));
            [_mm256_castsi256_ps(_mm256_slli_epi32::<16>(x)), _mm256_castsi256_ps(odd)]
        }
    }
}

/// The first `count` numbers by way of a whole vector beside them.
#[inline(always)]
unsafe fn through_memory<H: Halves>(to: *mut Bf16, count: usize, x: <H::L as Lanes>::V) {
    let mut line = [Bf16::ZERO; 16];
    H::store(line.as_mut_ptr(), x);
    std::ptr::copy_nonoverlapping(line.as_ptr(), to, count);
}

/// Number by number.
#[derive(Clone, Copy)]
pub(super) struct PortableHalf;

impl Halves for PortableHalf {
    type L = Portable;

    #[inline(always)]
    unsafe fn load(from: *const Bf16) -> [f32; 8] {
        from.cast::<[Bf16; 8]>().read_unaligned().map(|x| f32::from_bits(u32::from(x.to_bits()) << 16))
    }
    #[inline(always)]
    unsafe fn load_some(from: *const Bf16, count: usize) -> [f32; 8] {
        let mut line = [Bf16::ZERO; 8];
        std::ptr::copy_nonoverlapping(from, line.as_mut_ptr(), count);
        Self::load(line.as_ptr())
    }
    #[inline(always)]
    unsafe fn store(to: *mut Bf16, x: [f32; 8]) {
        to.cast::<[Bf16; 8]>().write_unaligned(x.map(Bf16::from_f32));
    }
    #[inline(always)]
    unsafe fn store_some(to: *mut Bf16, count: usize, x: [f32; 8]) {
        through_memory::<Self>(to, count, x);
    }
    #[inline(always)]
    unsafe fn pairs(from: *const Bf16) -> [[f32; 8]; 2] {
        let both = from.cast::<[Bf16; 16]>().read_unaligned();
        [0, 1].map(|first| std::array::from_fn(|i| both[2 * i + first].to_f32()))
    }
}

/// Compiles `$body::<H>(..)` once for each set of instructions, as `$name(isa, ..)`; see [`on_lanes!`](super::super::lanes).
macro_rules! on_halves {
    ($(#[$doc:meta])* $vis:vis unsafe fn $name:ident($($arg:ident : $ty:ty),* $(,)?) = $body:path) => {
        $(#[$doc])*
        $vis unsafe fn $name(isa: $crate::cpu::bf16::Bf16Isa, $($arg: $ty),*) {
            use $body as body;
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512bf16,avx2,fma")]
            unsafe fn native($($arg: $ty),*) {
                // SAFETY: the caller's contract; the instructions are enabled here.
                unsafe { body::<$crate::cpu::bf16::halves::Native512>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
            unsafe fn avx512($($arg: $ty),*) {
                // SAFETY: as above.
                unsafe { body::<$crate::cpu::bf16::halves::Half512>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($arg: $ty),*) {
                // SAFETY: as above.
                unsafe { body::<$crate::cpu::bf16::halves::Half256>($($arg),*) }
            }
            // SAFETY: a value of `Bf16Isa` is proof that the processor has the instructions; the rest is the caller's contract.
            unsafe {
                match (isa.dot, isa.lanes.0) {
                    #[cfg(target_arch = "x86_64")]
                    ($crate::cpu::bf16::isa::Dot::Plain, $crate::cpu::isa::Set::Avx512) => avx512($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    (_, $crate::cpu::isa::Set::Avx512) => native($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    (_, $crate::cpu::isa::Set::Avx2) => avx2($($arg),*),
                    (_, $crate::cpu::isa::Set::Portable) => body::<$crate::cpu::bf16::halves::PortableHalf>($($arg),*),
                }
            }
        }
    };
}
pub(super) use on_halves;
