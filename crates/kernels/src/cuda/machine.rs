//! A card, or its emulation: memory, copies, launches.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::{
    Array, Format, Kernel, Result,
    array::Buffer,
    bug,
    kernel::{Launch, Work},
};

/// What a card and its emulation do differently. Work is in order: each call happens after the ones before it.
///
/// # Safety
/// An address given out by `allocate` is good for as many bytes as were asked for, until it is released.
pub(super) unsafe trait Driver: Send + Sync {
    /// The most shared memory of a block, in bytes.
    fn shared_limit(&self) -> usize;
    /// Begins to make these kernels ready, and does not wait for it.
    fn warm_up(&self, kernels: Vec<Kernel>);
    fn allocate(&self, bytes: usize) -> Result<u64>;
    /// # Safety
    /// The address came from `allocate` with as many bytes and is used no more.
    unsafe fn release(&self, address: u64, bytes: usize);
    /// # Safety
    /// There are as many bytes at the address.
    unsafe fn write(&self, address: u64, bytes: &[u8]) -> Result<()>;
    /// # Safety
    /// There are as many bytes at the address.
    unsafe fn read(&self, address: u64, bytes: &mut [u8]) -> Result<()>;
    /// # Safety
    /// There are as many bytes at both addresses, and they do not overlap.
    unsafe fn copy(&self, from: u64, to: u64, bytes: usize) -> Result<()>;
    /// # Safety
    /// The argument is the kernel's, and every address in it good for what the kernel does with it.
    unsafe fn launch(&self, launch: &Launch<'_>) -> Result<()>;
    fn begin_recording(&self) -> Result<()>;
    fn end_recording(&self) -> Result<Box<dyn Tape>>;
}

/// Recorded work.
///
/// # Safety
/// As for [`Driver`].
pub(super) unsafe trait Tape: Send + Sync {
    /// # Safety
    /// Every buffer that was used while recording, and not allocated then, is still there: [`Recorded`] holds them.
    unsafe fn play(&self) -> Result<()>;
}

struct Inner {
    driver: Box<dyn Driver>,
    /// The recording under way, 0 for none; and how many there have been.
    recording: AtomicU64,
    recordings: AtomicU64,
    /// What was let go of during a recording and does not belong to it.
    deferred: Mutex<Vec<(u64, usize)>>,
    /// What the recording under way uses and does not own.
    used: Mutex<Vec<Arc<Buffer>>>,
    /// One recording at a time.
    turn: Mutex<()>,
}

/// Recorded work with all it uses.
pub(super) struct Recorded {
    tape: Box<dyn Tape>,
    _used: Vec<Arc<Buffer>>,
}

impl Recorded {
    pub fn play(&self) -> Result<()> {
        // SAFETY: what it uses is held next to it.
        unsafe { self.tape.play() }
    }
}

/// A card or its emulation. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct Machine(Arc<Inner>);

impl Machine {
    pub(super) fn over(driver: Box<dyn Driver>) -> Self {
        Self(Arc::new(Inner {
            driver,
            recording: AtomicU64::new(0),
            recordings: AtomicU64::new(0),
            deferred: Mutex::default(),
            used: Mutex::default(),
            turn: Mutex::default(),
        }))
    }

    pub(super) fn driver(&self) -> &dyn Driver {
        self.0.driver.as_ref()
    }

    /// Begins to compile what networks in `format` will need, in the background: weights take longer to read.
    pub fn warm_up(&self, format: Format) {
        self.driver().warm_up(Kernel::all(format));
    }

    /// Brings numbers to the machine as f32.
    pub fn upload(&self, values: &[f32]) -> Result<Array> {
        self.upload_as(values, Format::F32)
    }

    /// Brings numbers to the machine, rounded on the way.
    pub fn upload_as(&self, values: &[f32], format: Format) -> Result<Array> {
        let mut bytes = vec![0; values.len() * format.bytes()];
        format.encode(values, &mut bytes);
        self.upload_encoded(&bytes, format)
    }

    /// Brings numbers to the machine that are in their format already.
    pub(super) fn upload_encoded(&self, bytes: &[u8], format: Format) -> Result<Array> {
        if self.is_recording() {
            return bug("numbers are uploaded while work is being recorded, and would be the same at every repetition");
        }
        let array = Array::unwritten(self, format, bytes.len() / format.bytes())?;
        // SAFETY: the array has just been made for these numbers.
        unsafe { self.driver().write(array.address(), bytes)? };
        Ok(array)
    }

    /// Waits for all work that was issued, and brings numbers back.
    pub fn download(&self, array: &Array) -> Result<Vec<f32>> {
        if self.is_recording() {
            return bug("numbers are downloaded while work is being recorded");
        }
        let mut bytes = vec![0; array.bytes()];
        // SAFETY: the array has as many bytes.
        unsafe { self.driver().read(array.address(), &mut bytes)? };
        Ok(array.format().decode(&bytes))
    }

    /// Joins arrays of one format.
    pub fn join(&self, parts: &[&Array]) -> Result<Array> {
        let format = parts.first().map_or(Format::F32, |part| part.format());
        if parts.iter().any(|part| part.format() != format) {
            return bug("arrays of different formats are joined");
        }
        let out = Array::unwritten(self, format, parts.iter().map(|part| part.len()).sum())?;
        let mut at = 0;
        for part in parts {
            // SAFETY: the parts' lengths add up to the length of the new array.
            unsafe { self.driver().copy(part.address(), out.address_of(at), part.bytes())? };
            at += part.len();
        }
        Ok(out)
    }

    /// `len` numbers from `start` on.
    pub fn slice(&self, x: &Array, start: usize, len: usize) -> Result<Array> {
        if start + len > x.len() {
            return bug(format!("{len} numbers from {start} on are taken of {}", x.len()));
        }
        let out = Array::unwritten(self, x.format(), len)?;
        // SAFETY: checked above.
        unsafe { self.driver().copy(x.address_of(start), out.address(), out.bytes())? };
        Ok(out)
    }

    /// Overwrites `to`, which every holder of it will see.
    pub(super) fn overwrite(&self, to: &Array, from: &Array) -> Result<()> {
        if (to.len(), to.format()) != (from.len(), from.format()) {
            return bug(format!("{from:?} are written over {to:?}"));
        }
        // SAFETY: both have as many bytes, and are different buffers: records write to buffers of their own alone.
        unsafe { self.driver().copy(from.address(), to.address(), to.bytes()) }
    }

    /// # Safety
    /// The grid, the shared memory and the addresses in `work` fit the kernel.
    pub(super) unsafe fn launch(&self, kernel: &Kernel, grid: [u32; 3], shared: usize, work: &impl Work) -> Result<()> {
        if grid.contains(&0) {
            return Ok(());
        }
        if grid[1] > 65535 || grid[2] > 65535 {
            return bug(format!("a grid of {grid:?} blocks is launched"));
        }
        // SAFETY: the caller's contract.
        unsafe { self.driver().launch(&Launch { kernel, grid, shared, work: work.bytes() }) }
    }

    pub(super) fn allocate(&self, bytes: usize) -> Result<Buffer> {
        let bytes = bytes.max(1);
        let address = self.driver().allocate(bytes)?;
        Ok(Buffer { machine: self.clone(), address, bytes, recording: self.0.recording.load(Ordering::SeqCst) })
    }

    /// Gives memory back. What belongs to a recording is its own to free; what does not, must not be freed in one.
    pub(super) fn release(&self, address: u64, bytes: usize, recording: u64) {
        let current = self.0.recording.load(Ordering::SeqCst);
        if recording == current {
            // SAFETY: called once, by the buffer that held the address.
            unsafe { self.driver().release(address, bytes) };
        } else if recording == 0 {
            lock(&self.0.deferred).push((address, bytes));
        }
    }

    fn is_recording(&self) -> bool {
        self.0.recording.load(Ordering::SeqCst) != 0
    }

    /// Notes that a buffer is used by what comes next.
    pub(super) fn used(&self, buffer: &Arc<Buffer>) {
        if buffer.recording == 0 && self.is_recording() {
            lock(&self.0.used).push(buffer.clone());
        }
    }

    /// Issues nothing of what `work` does, but keeps it.
    pub(super) fn recorded(&self, work: impl FnOnce() -> Result<()>) -> Result<Recorded> {
        let _turn = lock(&self.0.turn);
        self.driver().begin_recording()?;
        self.0.recording.store(self.0.recordings.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let done = work();
        self.0.recording.store(0, Ordering::SeqCst);
        // The recording is ended even when it failed, or the stream would never take work again.
        let tape = self.driver().end_recording();
        let used = std::mem::take(&mut *lock(&self.0.used));
        let deferred = std::mem::take(&mut *lock(&self.0.deferred));
        for (address, bytes) in deferred {
            // SAFETY: put there by the buffer that held the address.
            unsafe { self.driver().release(address, bytes) };
        }
        done?;
        Ok(Recorded { tape: tape?, _used: used })
    }
}

/// A panic elsewhere leaves none of these half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a CUDA machine")
    }
}
