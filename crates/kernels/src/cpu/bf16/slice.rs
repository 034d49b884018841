//! bf16 numbers in the memory that f32 numbers use.

#![allow(unsafe_code)]

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use super::{
    super::{
        Pool,
        buffer::{Block, Buffer},
    },
    Bf16,
};

/// bf16 numbers that go back to their pool when they are dropped; contents as of every [`Buffer`].
pub struct HalfBuffer {
    words: Buffer,
    len: usize,
}

impl Pool {
    /// `len` bf16 numbers of unspecified value.
    pub fn take_halves(&self, len: usize) -> HalfBuffer {
        HalfBuffer { words: self.take(len.div_ceil(2)), len }
    }
}

impl Deref for HalfBuffer {
    type Target = [Bf16];

    fn deref(&self) -> &[Bf16] {
        // SAFETY: two numbers fit a word, any bits are a number, and words are aligned to more.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for HalfBuffer {
    fn deref_mut(&mut self) -> &mut [Bf16] {
        // SAFETY: as above, and the words are borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.words.as_mut_ptr().cast(), self.len) }
    }
}

impl fmt::Debug for HalfBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HalfBuffer({} numbers)", self.len)
    }
}

/// bf16 numbers in pages of their own, zeros at first.
pub(super) struct HalfBlock(Block, usize);

impl HalfBlock {
    pub fn new(len: usize) -> Self {
        Self(Block::new(len.div_ceil(2)), len)
    }
}

impl Deref for HalfBlock {
    type Target = [Bf16];

    fn deref(&self) -> &[Bf16] {
        // SAFETY: as for `HalfBuffer`.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.1) }
    }
}

impl DerefMut for HalfBlock {
    fn deref_mut(&mut self) -> &mut [Bf16] {
        // SAFETY: as for `HalfBuffer`.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.1) }
    }
}
