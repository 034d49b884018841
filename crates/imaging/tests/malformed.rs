//! Hundreds of broken, lying and hostile files: each is read or refused with a reason, none makes the reader panic, and none makes it take
//! more memory than it says. One test in a program of its own, because it counts every byte the program allocates.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod common;
mod corpus;

use std::collections::BTreeMap;

use corpus::{Case, Expect};
use easel_imaging::{DecodeLimits, ImagingError, ingest, read_png_text};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const LIMITS: DecodeLimits = DecodeLimits { bytes_max: 4 * 1024 * 1024, side_max: 2048, pixels_max: 1024 * 1024 };
/// What is refused by its header must cost nothing but the decoder's first buffers.
const REFUSED_MEMORY: u64 = 4 * 1024 * 1024;

/// The bytes taken above those in use, and what came of it.
fn measured<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = work();
    (MEMORY.peak_usage().saturating_sub(before) as u64, result)
}

/// Decoders may panic on what nobody has tried yet, and are caught then; on the files here they must not even do that.
fn count_panics() -> &'static std::sync::atomic::AtomicUsize {
    static PANICS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        print(info);
    }));
    &PANICS
}

#[test]
fn malformed_files_are_refused_within_bounds() {
    let panics = count_panics();
    let cases = corpus::all();
    assert!(cases.len() >= 500, "{} files", cases.len());
    let (mut read, mut refused, mut most, mut wrong) = (0, BTreeMap::<String, u32>::new(), 0, Vec::new());
    for Case { name, bytes, expect } in &cases {
        let (taken, result) = measured(|| easel_imaging::decode(bytes, &LIMITS).map(|_| ()));
        most = most.max(taken);
        if taken > LIMITS.memory_max() {
            wrong.push(format!("{name}: {taken} bytes"));
        }
        let as_expected = match (&result, expect) {
            (Ok(()), expect) => matches!(expect, Expect::Any | Expect::Read),
            (Err(_), Expect::Any | Expect::Refused) => true,
            (Err(error), Expect::RefusedAs(wanted)) => kind(error) == *wanted && taken <= REFUSED_MEMORY,
            (Err(_), Expect::Read) => false,
        };
        if !as_expected {
            wrong.push(format!("{name}: {result:?} with {taken} bytes where {expect:?} was expected"));
        }
        match result {
            Ok(()) => read += 1,
            Err(error) => *refused.entry(kind(&error)).or_default() += 1,
        }
        // The whole way of an upload, and the reader of PNG texts.
        let _ = ingest(bytes, &LIMITS);
        let (text, _) = measured(|| read_png_text(bytes, "parameters", &LIMITS));
        if text > LIMITS.memory_max() {
            wrong.push(format!("{name}: {text} bytes for its text"));
        }
    }
    println!(
        "{} files: {read} read, refused {refused:?}, at most {} KiB of {}",
        cases.len(),
        most / 1024,
        LIMITS.memory_max() / 1024
    );
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert_eq!(panics.load(std::sync::atomic::Ordering::Relaxed), 0, "no decoder panicked");

    for (name, bytes) in corpus::heaviest() {
        let (taken, result) = measured(|| easel_imaging::decode(&bytes, &LIMITS).map(|_| ()));
        assert_eq!(result, Ok(()), "{name}");
        println!("{name}: {} KiB", taken / 1024);
        assert!(taken <= LIMITS.memory_max(), "{name}: {taken} bytes");
    }

    // With the limits that a server has by default.
    let limits = DecodeLimits::default();
    for Case { name, bytes, .. } in corpus::bombs() {
        let (taken, result) = measured(|| easel_imaging::decode(&bytes, &limits).map(|_| ()));
        assert!(result.is_err(), "{name}");
        assert!(taken <= limits.memory_max() / 10, "{name}: {taken} bytes");
    }
}

fn kind(error: &ImagingError) -> String {
    format!("{error:?}").split([' ', '{', '(']).next().unwrap_or_default().to_owned()
}
