//! Memory for activations: aligned to the widest vectors, kept and given out again, so that a step after the first allocates nothing.
//!
//! A buffer is as large as was asked for, rounded up to its size class; what lies behind the length is never read. Contents are whatever
//! the last user left (finite or not): whoever takes a buffer writes all of it before reading. A pool holds little more than what was ever
//! in use at once: when sizes change, blocks of sizes that nobody asks for go back to the system.

use std::{
    alloc::{Layout, handle_alloc_error},
    collections::BTreeMap,
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use memmap2::MmapMut;

/// A cache line and the widest vector; pages are aligned to more.
const ALIGNMENT: usize = 64;
/// What a pool may hold beyond a quarter more than what was ever in use at once.
const SLACK: u64 = 16 << 20;
/// Size classes are eighths of a power of two: at most an eighth is wasted.
const CLASSES: usize = 8;

/// Numbers in memory of their own, aligned to 64 bytes, zeros at first.
pub(super) struct Block {
    pages: MmapMut,
    capacity: usize,
}

impl Block {
    /// # Panics
    /// When the system has no memory to give.
    pub fn new(capacity: usize) -> Self {
        let bytes = (capacity * size_of::<f32>()).max(1);
        let pages = MmapMut::map_anon(bytes).unwrap_or_else(|_| handle_alloc_error(Layout::new::<f32>()));
        // Large pages are zeroed and found faster; where there are none, small ones do.
        #[cfg(target_os = "linux")]
        let _ = pages.advise(memmap2::Advice::HugePage);
        Self { pages, capacity }
    }
}

impl Deref for Block {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: pages are aligned, hold `capacity` numbers, and are zeros until they are written as numbers.
        #[allow(unsafe_code)]
        unsafe {
            std::slice::from_raw_parts(self.pages.as_ptr().cast(), self.capacity)
        }
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above, and the block is borrowed alone.
        #[allow(unsafe_code)]
        unsafe {
            std::slice::from_raw_parts_mut(self.pages.as_mut_ptr().cast(), self.capacity)
        }
    }
}

/// How a pool has been used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolCounts {
    /// Buffers that had to be allocated.
    pub allocated: u64,
    /// Buffers that were given out.
    pub taken: u64,
    /// Bytes held now, given out or not.
    pub bytes: u64,
    /// Bytes given out now.
    pub used_bytes: u64,
    /// The most bytes given out at once.
    pub peak_bytes: u64,
}

#[derive(Default)]
struct Free {
    by_class: BTreeMap<usize, Vec<Block>>,
    counts: PoolCounts,
}

impl Free {
    fn take(&mut self, capacity: usize) -> Block {
        let bytes = bytes_of(capacity);
        self.counts.taken += 1;
        self.counts.used_bytes += bytes;
        self.counts.peak_bytes = self.counts.peak_bytes.max(self.counts.used_bytes);
        if let Some(block) = self.by_class.get_mut(&capacity).and_then(Vec::pop) {
            return block;
        }
        self.shrink(self.limit().saturating_sub(bytes));
        self.counts.allocated += 1;
        self.counts.bytes += bytes;
        Block::new(capacity)
    }

    fn give(&mut self, block: Block) {
        self.counts.used_bytes -= bytes_of(block.capacity);
        self.by_class.entry(block.capacity).or_default().push(block);
    }

    fn limit(&self) -> u64 {
        self.counts.peak_bytes + self.counts.peak_bytes / 4 + SLACK
    }

    /// Gives back free blocks, the largest first, until no more than `limit` bytes are held.
    fn shrink(&mut self, limit: u64) {
        while self.counts.bytes > limit {
            let Some(mut largest) = self.by_class.last_entry() else { break };
            match largest.get_mut().pop() {
                Some(block) => self.counts.bytes -= bytes_of(block.capacity),
                None => drop(largest.remove()),
            }
        }
    }
}

fn bytes_of(capacity: usize) -> u64 {
    (capacity * size_of::<f32>()) as u64
}

/// Buffers that are kept for the next user. Cloning shares the pool.
#[derive(Clone, Default)]
pub struct Pool(Arc<Mutex<Free>>);

impl Pool {
    /// `len` numbers of unspecified value.
    pub fn take(&self, len: usize) -> Buffer {
        let block = self.lock().take(size_class(len));
        Buffer { block: Some(block), len, pool: self.clone() }
    }

    /// How it has been used.
    pub fn counts(&self) -> PoolCounts {
        self.lock().counts
    }

    /// Gives back to the system what nobody uses.
    pub fn trim(&self) {
        self.lock().shrink(0);
    }

    /// A panic between take and give leaves the lists whole, so the poison is of no interest.
    fn lock(&self) -> MutexGuard<'_, Free> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size_class(len: usize) -> usize {
    let line = ALIGNMENT / size_of::<f32>();
    let len = len.max(line);
    let step = (len.next_power_of_two() / (2 * CLASSES)).max(line);
    len.next_multiple_of(step)
}

/// Numbers that go back to their pool when they are dropped.
pub struct Buffer {
    block: Option<Block>,
    len: usize,
    pool: Pool,
}

const UNTIL_DROPPED: &str = "a buffer has its block until it is dropped. This is a bug.";

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.block.as_ref().expect(UNTIL_DROPPED)[..self.len]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.block.as_mut().expect(UNTIL_DROPPED)[..self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            self.pool.lock().give(block);
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} numbers)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_buffer_is_given_out_again() {
        let pool = Pool::default();
        let mut first = pool.take(1000);
        first.fill(1.0);
        let place = first.as_ptr();
        assert_eq!(place as usize % ALIGNMENT, 0);
        drop(first);
        let second = pool.take(990);
        assert_eq!((second.as_ptr(), second.len()), (place, 990));
        let third = pool.take(1000);
        assert_ne!(third.as_ptr(), place);
        let counts = pool.counts();
        assert_eq!((counts.allocated, counts.taken), (2, 3));
        assert_eq!(counts.bytes, 2 * 1024 * 4);
        drop((second, third));
        pool.trim();
        assert_eq!(pool.counts().bytes, 0);
        assert_eq!(pool.take(0).len(), 0);
    }

    #[test]
    fn sizes_that_nobody_asks_for_are_given_back() {
        let pool = Pool::default();
        for len in (0..40).map(|i| 20_000_000 + i * 3_000_000) {
            drop(pool.take(len));
        }
        let counts = pool.counts();
        assert_eq!(counts.used_bytes, 0);
        assert!(counts.bytes <= counts.peak_bytes + counts.peak_bytes / 4 + SLACK, "{counts:?}");
    }

    #[test]
    fn little_is_wasted() {
        for len in (1..20_000).chain([1 << 20, (1 << 20) + 1, 4096 * 320 * 2]) {
            let class = size_class(len);
            assert!(class >= len.max(16) && class.is_multiple_of(16));
            assert!(class <= len.max(16) + len / 8 + 16, "{len} becomes {class}");
            assert_eq!(size_class(class), class);
        }
    }
}
