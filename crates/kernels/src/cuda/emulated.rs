//! The emulated machine: the host's memory, and thread blocks run by `emulator/`.

use std::{
    alloc::{Layout, alloc, dealloc},
    ffi::{CString, c_char, c_int, c_uint, c_void},
    ops::Range,
    sync::{Mutex, PoisonError},
};

use rayon::prelude::*;

use super::{
    CudaError, Machine, Result, bug,
    kernel::Launch,
    machine::{Driver, Tape},
};

unsafe extern "C" {
    fn easel_emulate(
        name: *const c_char,
        work: *const c_void,
        work_bytes: usize,
        grid: *const c_uint,
        first: usize,
        end: usize,
        threads: c_uint,
        shared_bytes: usize,
        backwards: c_int,
    ) -> c_int;
}

/// In which order a block's threads take turns between two barriers. A missing barrier shows in one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The first thread first.
    Forwards,
    /// The last thread first.
    Backwards,
}

/// As on a card.
const ALIGNMENT: usize = 256;
/// Bytes before and behind every allocation that nobody may write.
const GUARD: usize = ALIGNMENT;
const GUARD_BYTE: u8 = 0xa5;

struct Emulated {
    order: Order,
    recording: Mutex<Option<Vec<Deed>>>,
}

/// What a recording keeps.
enum Deed {
    Copy { from: u64, to: u64, bytes: usize },
    Launch { kernel: super::Kernel, grid: [u32; 3], shared: usize, work: Vec<u8> },
    Release { address: u64, bytes: usize },
}

impl Machine {
    /// A machine without a card.
    pub fn emulated(order: Order) -> Self {
        Self::over(Box::new(Emulated { order, recording: Mutex::default() }))
    }
}

fn layout(bytes: usize) -> Result<Layout> {
    Layout::from_size_align(bytes + 2 * GUARD, ALIGNMENT).map_err(|e| CudaError::OutOfMemory(e.to_string()))
}

/// # Safety
/// The address came from `allocate` with as many bytes.
unsafe fn free(address: u64, bytes: usize) {
    let start = (address as usize - GUARD) as *mut u8;
    // SAFETY: the guards are part of the allocation.
    let guards =
        unsafe { [std::slice::from_raw_parts(start, GUARD), std::slice::from_raw_parts(start.add(GUARD + bytes), GUARD)] };
    assert!(guards.iter().all(|guard| guard.iter().all(|b| *b == GUARD_BYTE)), "a kernel wrote beyond an array of {bytes} bytes");
    if let Ok(layout) = layout(bytes) {
        // SAFETY: allocated with this layout.
        unsafe { dealloc(start, layout) };
    }
}

impl Emulated {
    /// Keeps the deed if there is a recording, and gives it back otherwise.
    fn keep(&self, deed: Deed) -> Option<Deed> {
        match self.recording.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(tape) => {
                tape.push(deed);
                None
            }
            None => Some(deed),
        }
    }
}

/// # Safety
/// Every address in the deed is good.
unsafe fn perform(deed: &Deed, order: Order) -> Result<()> {
    match deed {
        Deed::Copy { from, to, bytes } => {
            // SAFETY: the caller's contract.
            unsafe { std::ptr::copy_nonoverlapping(*from as *const u8, *to as *mut u8, *bytes) };
            Ok(())
        }
        Deed::Launch { kernel, grid, shared, work } => {
            let name = CString::new(kernel.expression.as_str()).map_err(|e| CudaError::Bug(e.to_string()))?;
            let (backwards, work_len) = (c_int::from(order == Order::Backwards), work.len());
            let run = |blocks: Range<usize>| {
                let (name, work, Range { start, end }) = (name.as_ptr(), work.as_ptr().cast(), blocks);
                // SAFETY: the caller's contract; the emulator checks the kernel's name and the argument's size. Blocks share nothing.
                unsafe { easel_emulate(name, work, work_len, grid.as_ptr(), start, end, kernel.threads, *shared, backwards) }
            };
            let blocks = grid.iter().map(|n| *n as usize).product::<usize>();
            // Blocks take equally long, so that few pieces are enough; one block is not worth another thread's time.
            let piece = blocks.div_ceil(4 * rayon::current_num_threads()).max(1);
            let code = match blocks {
                1 => run(0..1),
                _ => {
                    let starts = (0..blocks.div_ceil(piece)).into_par_iter().map(|i| i * piece);
                    starts.map(|start| run(start..blocks.min(start + piece))).max().unwrap_or(0)
                }
            };
            match code {
                0 => Ok(()),
                1 => bug(format!("the emulator has no kernel {}", kernel.expression)),
                _ => bug(format!("{} takes another argument than one of {} bytes", kernel.expression, work.len())),
            }
        }
        // What a repetition would free, it would also have to allocate: the tape keeps it to the end.
        Deed::Release { .. } => Ok(()),
    }
}

// SAFETY: addresses are of the host's heap.
unsafe impl Driver for Emulated {
    fn shared_limit(&self) -> usize {
        99 << 10
    }

    fn warm_up(&self, _kernels: Vec<super::Kernel>) {}

    fn allocate(&self, bytes: usize) -> Result<u64> {
        let layout = layout(bytes)?;
        // SAFETY: the layout is not empty.
        let start = unsafe { alloc(layout) };
        if start.is_null() {
            return Err(CudaError::OutOfMemory(format!("{bytes} bytes")));
        }
        // SAFETY: all of it was just allocated. What nobody has written is NaN in every format.
        unsafe {
            std::ptr::write_bytes(start, GUARD_BYTE, layout.size());
            std::ptr::write_bytes(start.add(GUARD), 0xff, bytes);
        }
        Ok(start as u64 + GUARD as u64)
    }

    unsafe fn release(&self, address: u64, bytes: usize) {
        if self.keep(Deed::Release { address, bytes }).is_some() {
            // SAFETY: the caller's contract.
            unsafe { free(address, bytes) };
        }
    }

    unsafe fn write(&self, address: u64, bytes: &[u8]) -> Result<()> {
        // SAFETY: the caller's contract.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), address as *mut u8, bytes.len()) };
        Ok(())
    }

    unsafe fn read(&self, address: u64, bytes: &mut [u8]) -> Result<()> {
        // SAFETY: the caller's contract.
        unsafe { std::ptr::copy_nonoverlapping(address as *const u8, bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    unsafe fn copy(&self, from: u64, to: u64, bytes: usize) -> Result<()> {
        match self.keep(Deed::Copy { from, to, bytes }) {
            // SAFETY: the caller's contract.
            Some(deed) => unsafe { perform(&deed, self.order) },
            None => Ok(()),
        }
    }

    unsafe fn launch(&self, launch: &Launch<'_>) -> Result<()> {
        let Launch { kernel, grid, shared, work } = launch;
        let deed = Deed::Launch { kernel: (*kernel).clone(), grid: *grid, shared: *shared, work: work.to_vec() };
        match self.keep(deed) {
            // SAFETY: the caller's contract.
            Some(deed) => unsafe { perform(&deed, self.order) },
            None => Ok(()),
        }
    }

    fn begin_recording(&self) -> Result<()> {
        *self.recording.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
        Ok(())
    }

    fn end_recording(&self) -> Result<Box<dyn Tape>> {
        let deeds = self.recording.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
        Ok(Box::new(Reel { order: self.order, deeds }))
    }
}

struct Reel {
    order: Order,
    deeds: Vec<Deed>,
}

// SAFETY: what was allocated while recording is freed with the reel and not before.
unsafe impl Tape for Reel {
    unsafe fn play(&self) -> Result<()> {
        // SAFETY: the caller's contract.
        self.deeds.iter().try_for_each(|deed| unsafe { perform(deed, self.order) })
    }
}

impl Drop for Reel {
    fn drop(&mut self) {
        for deed in &self.deeds {
            if let Deed::Release { address, bytes } = deed {
                // SAFETY: the buffer that held the address let go of it while recording.
                unsafe { free(*address, *bytes) };
            }
        }
    }
}
