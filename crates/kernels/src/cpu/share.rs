//! How work is shared among threads, and the memory each of them works in.

use std::cell::RefCell;

use rayon::prelude::*;

use super::{buffer::Block, microkernel::LINES};

/// Lines of a block: what they read of a convolution's input stays in the second-level cache while the panels go by.
const BLOCK_LINES: usize = 192;
/// Tasks for each thread, so that one that is held up does not hold up the rest.
const TASKS_PER_THREAD: usize = 4;
/// Multiplications below which other threads would cost more than they save.
const SMALL: usize = 1 << 17;

/// A product's cut into tasks: blocks of lines by groups of panels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shares {
    lines: usize,
    panels: usize,
    block: usize,
    group: usize,
}

/// One task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// The first line, and how many.
    pub line: usize,
    pub lines: usize,
    /// The first panel and the one behind the last.
    pub panels: (usize, usize),
}

impl Share {
    /// Lines that the microkernel works on.
    pub fn padded(&self) -> usize {
        self.lines.next_multiple_of(LINES)
    }
}

impl Shares {
    /// Of `lines` by `panels`.
    pub fn new(lines: usize, panels: usize) -> Self {
        let blocks = lines.div_ceil(BLOCK_LINES).max(1);
        let block = lines.div_ceil(blocks).next_multiple_of(LINES);
        let groups = (TASKS_PER_THREAD * rayon::current_num_threads()).div_ceil(blocks).clamp(1, panels.max(1));
        Self { lines, panels, block, group: panels.div_ceil(groups).max(1) }
    }

    /// Calls `work` once for every share, on all threads; `multiplications` says whether that is worth it.
    pub fn run(&self, multiplications: usize, work: impl Fn(Share) + Sync + Send) {
        let groups = self.panels.div_ceil(self.group);
        let share = |task: usize| {
            let (block, group) = (task / groups, task % groups);
            let line = block * self.block;
            let panels = (group * self.group, ((group + 1) * self.group).min(self.panels));
            work(Share { line, lines: self.block.min(self.lines - line), panels });
        };
        each(self.lines.div_ceil(self.block) * groups, multiplications >= SMALL, share);
    }
}

/// Calls `work` for every number below `count`, on all threads if that is worth it.
pub(super) fn each(count: usize, worth_it: bool, work: impl Fn(usize) + Sync + Send) {
    match worth_it && count > 1 {
        true => (0..count).into_par_iter().with_max_len(1).for_each(work),
        false => (0..count).for_each(work),
    }
}

/// Calls `work` for everything that is given, on all threads.
pub(super) fn each_of<T: Send>(given: Vec<T>, work: impl Fn(T) + Sync + Send) {
    match given.len() > 1 {
        true => given.into_par_iter().with_max_len(1).for_each(work),
        false => given.into_iter().for_each(work),
    }
}

/// A thread's own memory: numbers and pointers.
struct Scratch {
    numbers: Block,
    pointers: Vec<*const f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch { numbers: Block::new(0), pointers: Vec::new() });
}

/// Lends this thread's memory: unspecified numbers and pointers.
pub(super) fn with_scratch<R>(numbers: usize, pointers: usize, work: impl FnOnce(&mut [f32], &mut [*const f32]) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.numbers.len() < numbers {
            scratch.numbers = Block::new(numbers.next_power_of_two());
        }
        if scratch.pointers.len() < pointers {
            scratch.pointers.resize(pointers, std::ptr::null());
        }
        work(&mut scratch.numbers[..numbers], &mut scratch.pointers[..pointers])
    })
}

/// A result that several threads write, each its own part.
pub(super) struct Shared<T = f32>(*mut T);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<T> {}

// SAFETY: whoever takes the pointer promises to write only its own part.
#[allow(unsafe_code)]
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub fn new(numbers: &mut [T]) -> Self {
        Self(numbers.as_mut_ptr())
    }

    pub fn start(self) -> *mut T {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn every_line_meets_every_panel_once() {
        for (lines, panels) in [(1, 1), (2, 20), (77, 5), (191, 3), (192, 1), (193, 7), (4096, 5), (1000, 2)] {
            let met = Mutex::new(vec![0u8; lines * panels]);
            Shares::new(lines, panels).run(usize::MAX, |share| {
                let mut met = met.lock().unwrap();
                assert!(share.padded() <= BLOCK_LINES);
                for line in share.line..share.line + share.lines {
                    (share.panels.0..share.panels.1).for_each(|panel| met[line * panels + panel] += 1);
                }
            });
            assert!(met.into_inner().unwrap().iter().all(|times| *times == 1), "{lines} lines, {panels} panels");
        }
    }
}
