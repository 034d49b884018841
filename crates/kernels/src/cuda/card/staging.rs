//! Page-locked memory that numbers pass through on their way to the card, so that sending them does not wait for the card.

use std::ffi::c_void;

use cudarc::driver::{result, sys};

use super::{Result, driver_error};

/// The smallest piece, and what all idle pieces together may have: weights pass through once and must not stay locked.
const PIECE: usize = 1 << 20;
const IDLE: usize = 64 << 20;

struct Piece {
    start: *mut c_void,
    bytes: usize,
    /// Reached when the card has read the piece.
    read: sys::CUevent,
}
// SAFETY: a piece is page-locked memory of this process and a handle of the thread-safe driver.
unsafe impl Send for Piece {}

/// Pieces, the longest unused first.
#[derive(Default)]
pub(super) struct Staging {
    pieces: Vec<Piece>,
}

impl Staging {
    /// # Safety
    /// The context is current; there are as many bytes at the address.
    pub unsafe fn send(&mut self, stream: sys::CUstream, address: u64, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        // SAFETY: the caller's contract. The piece has room for the bytes, and the card is done with what was in it.
        unsafe {
            let piece = self.piece(bytes.len())?;
            let start = piece.start.cast::<u8>();
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len());
            let sent = result::memcpy_htod_async(address, std::slice::from_raw_parts(start, bytes.len()), stream)
                .and_then(|()| result::event::record(piece.read, stream));
            self.pieces.push(piece);
            sent.map_err(driver_error("cuMemcpyHtoDAsync"))?;
            self.shrink()
        }
    }

    /// A piece the card is done with, or a new one.
    ///
    /// # Safety
    /// The context is current.
    unsafe fn piece(&mut self, bytes: usize) -> Result<Piece> {
        // SAFETY: every event in the list is one of ours.
        let free = |piece: &Piece| piece.bytes >= bytes && unsafe { result::event::query(piece.read) }.is_ok();
        if let Some(found) = self.pieces.iter().position(free) {
            return Ok(self.pieces.remove(found));
        }
        let bytes = bytes.next_multiple_of(PIECE);
        // SAFETY: freed by `free` or `shrink`.
        let start = unsafe { result::malloc_host(bytes, 0) }.map_err(driver_error("cuMemHostAlloc"))?;
        let event = result::event::create(sys::CUevent_flags::CU_EVENT_DISABLE_TIMING).map_err(driver_error("cuEventCreate"));
        match event {
            Ok(read) => Ok(Piece { start, bytes, read }),
            Err(error) => {
                // SAFETY: allocated above and used by nobody.
                let _ = unsafe { result::free_host(start) };
                Err(error)
            }
        }
    }

    /// Gives back what is beyond the limit. This waits for the card, and happens while weights are loaded, never in a step.
    ///
    /// # Safety
    /// The context is current.
    unsafe fn shrink(&mut self) -> Result<()> {
        while self.pieces.len() > 1 && self.pieces.iter().map(|piece| piece.bytes).sum::<usize>() > IDLE {
            let piece = self.pieces.remove(0);
            // SAFETY: ours, and out of the list.
            unsafe { discard(&piece) }.map_err(driver_error("cuEventSynchronize"))?;
        }
        Ok(())
    }

    /// # Safety
    /// The context is current, and no copy is under way.
    pub unsafe fn free(&mut self) {
        for piece in self.pieces.drain(..) {
            // SAFETY: ours, and out of the list.
            let _ = unsafe { discard(&piece) };
        }
    }
}

/// # Safety
/// The context is current; the piece is used no more.
unsafe fn discard(piece: &Piece) -> std::result::Result<(), result::DriverError> {
    // SAFETY: the caller's contract; the card has read the piece before its memory goes.
    unsafe {
        result::event::synchronize(piece.read)?;
        result::event::destroy(piece.read)?;
        result::free_host(piece.start)
    }
}
