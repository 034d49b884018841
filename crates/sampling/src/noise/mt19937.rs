//! The Mersenne Twister MT19937 (Matsumoto & Nishimura 1998) with the uniform numbers torch's CPU generator makes of it.

const SIZE: usize = 624;
const SHIFT: usize = 397;

/// The generator's state.
#[derive(Debug, Clone)]
pub(super) struct Mt19937 {
    state: [u32; SIZE],
    next: usize,
}

impl Mt19937 {
    /// Seeds it; only the low 32 bits of the seed count, as in torch.
    pub(super) fn new(seed: u64) -> Self {
        let mut state = [0u32; SIZE];
        state[0] = seed as u32;
        for i in 1..SIZE {
            let previous = state[i - 1];
            state[i] = 1_812_433_253u32.wrapping_mul(previous ^ (previous >> 30)).wrapping_add(i as u32);
        }
        Self { state, next: SIZE }
    }

    /// 32 random bits.
    pub(super) fn bits(&mut self) -> u32 {
        if self.next == SIZE {
            self.regenerate();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// Uniform in [0, 1), 24 bits.
    pub(super) fn uniform_f32(&mut self) -> f32 {
        (self.bits() & 0xff_ffff) as f32 * (1.0 / 16_777_216.0)
    }

    /// Uniform in [0, 1), 53 bits.
    pub(super) fn uniform_f64(&mut self) -> f64 {
        let high = u64::from(self.bits());
        let bits = (high << 32) | u64::from(self.bits());
        (bits & ((1 << 53) - 1)) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    fn regenerate(&mut self) {
        for i in 0..SIZE {
            let following = self.state[(i + 1) % SIZE];
            let y = (self.state[i] & 0x8000_0000) | (following & 0x7fff_ffff);
            let twist = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + SHIFT) % SIZE] ^ (y >> 1) ^ twist;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ten_thousandth_number_is_the_standards() {
        // C++ [rand.predef]: the 10000th invocation of a default std::mt19937 (seed 5489).
        let mut generator = Mt19937::new(5489);
        let last = (0..10_000).map(|_| generator.bits()).last();
        assert_eq!(last, Some(4_123_659_995));
    }

    #[test]
    fn only_the_low_half_of_the_seed_counts() {
        assert_eq!(Mt19937::new(7).bits(), Mt19937::new((1 << 32) + 7).bits());
    }
}
