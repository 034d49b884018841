//! Choices by a seed that stay the same in every version and on every machine.

use sha2::{Digest, Sha256};

/// One of `count` for a seed and what is chosen: choices by other labels do not move it.
pub(crate) fn choose(seed: u64, label: &str, count: usize) -> usize {
    let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(label).finalize();
    let number = digest.iter().take(8).fold(0u64, |number, &byte| number << 8 | u64::from(byte));
    usize::try_from(number % count.max(1) as u64).expect("less than a usize. This is a bug.")
}
