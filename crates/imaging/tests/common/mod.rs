//! Known pictures and the files that Pillow made of them (`tests/data/make.py`).

#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::Path;

use easel_types::Rgb8;

/// The same bytes as `noise` in `make.py`.
pub fn noise(count: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..count).map(|_| next()).collect()
}

pub fn noise_picture(width: u32, height: u32) -> Rgb8 {
    Rgb8::new(width, height, noise((width * height * 3) as usize)).expect("the bytes fit")
}

pub fn file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
