//! Loading and unloading models over and over, with a picture drawn on each, takes no more memory with time.

#![allow(missing_docs)]

mod common;

use common::{Failure, backend, draw_alone, text_plan};
use easel_backend::{DenoiseBackend, MemoryUse};
use easel_types::ModelId;

const SWAPS: usize = 200;
/// Until then allocators and thread pools grow to their working size.
const WARM_UP: usize = 40;
/// What the process may have gained after that (1 MiB was measured). A model's weights are 2.8 MB, so that six lost ones show.
const GROWTH_BYTES: u64 = 16 << 20;

/// Bytes of the process in main memory.
#[cfg(target_os = "linux")]
fn resident() -> Result<u64, Failure> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split_whitespace().nth(1).ok_or("statm has no second field")?.parse()?;
    Ok(pages * 4096)
}

#[cfg(target_os = "linux")]
#[test]
fn two_hundred_swaps_leave_memory_flat() -> Result<(), Failure> {
    let mut backend = backend()?;
    let models = ["sd1", "sd2", "sdxl"];
    let mut plans = Vec::new();
    for model in models {
        plans.push(text_plan(&mut backend, model, "a red circle", 1, 32)?);
    }
    let first: Vec<_> = plans.iter().map(|plan| draw_alone(&mut backend, plan)).collect::<Result<_, _>>()?;
    let (mut before, mut highest) = (0, 0);
    for swap in 0..SWAPS {
        let i = swap % models.len();
        models.iter().for_each(|model| backend.unload(&ModelId::from(*model)));
        assert_eq!(backend.memory(), MemoryUse::default(), "swap {swap}");
        assert!(draw_alone(&mut backend, &plans[i])? == first[i], "swap {swap}: the picture has changed");
        if swap == WARM_UP {
            before = resident()?;
        }
        highest = highest.max(resident()?);
    }
    let growth = highest.saturating_sub(before);
    println!("{} MiB after {WARM_UP} swaps, {} MiB at most after {SWAPS}", before >> 20, highest >> 20);
    assert!(growth <= GROWTH_BYTES, "resident memory grew by {growth} bytes");
    Ok(())
}
