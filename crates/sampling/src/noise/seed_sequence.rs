//! numpy's `SeedSequence` (after O'Neill's `seed_seq_fe`), which torchsde spreads one seed over a tree with.

/// Words of the pool; what torchsde's Brownian tree uses.
const POOL: usize = 24;

const INIT_A: u32 = 0x43b0_d7e5;
const MULT_A: u32 = 0x931e_8875;
const INIT_B: u32 = 0x8b51_f9dd;
const MULT_B: u32 = 0x58f3_8ded;
const MIX_LEFT: u32 = 0xca01_f9dd;
const MIX_RIGHT: u32 = 0x4973_f715;

/// Word 0 of `SeedSequence(entropy, spawn_key, pool_size=24).generate_state(…)`.
pub(super) fn first_word(entropy: u64, spawn_key: &[u64]) -> u32 {
    let pool = mixed_pool::<POOL>(entropy, spawn_key);
    state_word(&pool, 0)
}

fn push_words(words: &mut Vec<u32>, integer: u64) {
    words.push(integer as u32);
    if integer >> 32 != 0 {
        words.push((integer >> 32) as u32);
    }
}

fn mixed_pool<const SIZE: usize>(entropy: u64, spawn_key: &[u64]) -> [u32; SIZE] {
    let mut words = Vec::with_capacity(SIZE + 2 * spawn_key.len());
    push_words(&mut words, entropy);
    if !spawn_key.is_empty() {
        // Keys never fall into the entropy's place.
        words.resize(SIZE.max(words.len()), 0);
        spawn_key.iter().for_each(|&key| push_words(&mut words, key));
    }
    let mut constant = INIT_A;
    let mut hash = |value: u32| {
        let value = value ^ constant;
        constant = constant.wrapping_mul(MULT_A);
        let value = value.wrapping_mul(constant);
        value ^ (value >> 16)
    };
    let mix = |x: u32, y: u32| {
        let mixed = MIX_LEFT.wrapping_mul(x).wrapping_sub(MIX_RIGHT.wrapping_mul(y));
        mixed ^ (mixed >> 16)
    };
    let mut pool: [u32; SIZE] = std::array::from_fn(|i| hash(words.get(i).copied().unwrap_or(0)));
    for source in 0..SIZE {
        for target in (0..SIZE).filter(|&target| target != source) {
            pool[target] = mix(pool[target], hash(pool[source]));
        }
    }
    for &word in words.iter().skip(SIZE) {
        for slot in &mut pool {
            *slot = mix(*slot, hash(word));
        }
    }
    pool
}

fn state_word(pool: &[u32], index: usize) -> u32 {
    let mut constant = INIT_B;
    let mut word = 0;
    for i in 0..=index {
        let value = pool[i % pool.len()] ^ constant;
        constant = constant.wrapping_mul(MULT_B);
        let value = value.wrapping_mul(constant);
        word = value ^ (value >> 16);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(pool: &[u32], count: usize) -> Vec<u32> {
        (0..count).map(|index| state_word(pool, index)).collect()
    }

    #[test]
    fn numpys_values() {
        assert_eq!(state(&mixed_pool::<4>(0, &[]), 4), [2_968_811_710, 3_677_149_159, 745_650_761, 2_884_920_346]);
        assert_eq!(state(&mixed_pool::<24>(42, &[]), 3), [387_750_627, 2_536_650_517, 4_078_839_648]);
        assert_eq!(state(&mixed_pool::<24>(42, &[0, 0]), 4), [2_102_017_995, 2_891_809_698, 2_144_110_403, 379_559_146]);
    }
}
