//! Keys and values in the order in which tiles read them.

#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::{
    super::{Attention, Bf16},
    HALVES, Packed, head_start,
};

/// 32 keys and values of one head to be packed.
pub(super) struct Pack<'a> {
    pub work: &'a Attention<'a>,
    pub packed: Packed,
    pub head: usize,
    pub step: usize,
}

impl Pack<'_> {
    /// The numbers of key or value `index` of the step, if it exists.
    fn line<'x>(&self, x: &'x [Bf16], index: usize) -> Option<&'x [Bf16]> {
        let token = self.step * 32 + index;
        let start = head_start(self.work, self.head, self.work.keys) + token * self.work.width();
        (token < self.work.keys).then(|| &x[start..start + self.packed.size])
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    pub unsafe fn keys(&self, to: *mut Bf16) {
        let pairs = self.packed.inner * 16;
        for tile in 0..2 {
            // SAFETY: the caller's: there is room for two tiles of keys.
            unsafe {
                let to = to.add(tile * self.packed.inner * HALVES).cast::<u32>();
                for key in 0..16 {
                    let line = self.line(self.work.k, tile * 16 + key);
                    let from = line.map(<[Bf16]>::as_ptr);
                    let exist = line.map_or(0, |line| line.len() / 2);
                    for pair in 0..pairs {
                        let both = match from {
                            Some(from) if pair < exist => from.add(2 * pair).cast::<u32>().read_unaligned(),
                            _ => 0,
                        };
                        *to.add(pair * 16 + key) = both;
                    }
                }
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    pub unsafe fn values(&self, to: *mut Bf16) {
        const NOTHING: [Bf16; 16] = [Bf16::ZERO; 16];
        for pair in 0..16 {
            let lines = [0, 1].map(|i| self.line(self.work.v, 2 * pair + i));
            for tile in 0..self.packed.outer {
                let count = 16.min(self.packed.size - tile * 16);
                let mask = ((1u32 << count) - 1) as u16;
                // SAFETY: `count` numbers are there, and there is room for the tile's line.
                unsafe {
                    let [even, odd] = lines.map(|line| {
                        let from = line.map_or(NOTHING.as_ptr(), |line| line[tile * 16..].as_ptr());
                        let x = _mm512_castsi512_si256(_mm512_maskz_loadu_epi16(u32::from(mask), from.cast()));
                        _mm512_cvtepu16_epi32(x)
                    });
                    let both = _mm512_or_si512(even, _mm512_slli_epi32::<16>(odd));
                    _mm512_storeu_si512(to.add(tile * HALVES + pair * 32).cast(), both);
                }
            }
        }
    }
}
