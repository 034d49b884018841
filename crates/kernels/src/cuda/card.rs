//! An NVIDIA card by the driver's interface: one context, one stream, a pool of memory that is never trimmed, kernels loaded when first used.
//!
//! Nothing waits but [`Driver::read`]. Numbers go up through page-locked memory ([`Staging`]), because a copy from any other memory waits for
//! the card. Each public call makes the context current, so that any thread may call.

mod staging;

use std::{
    collections::HashMap,
    ffi::{CString, c_void},
    ptr,
    sync::{Arc, Mutex, PoisonError},
};

use cudarc::driver::{result, sys};

use super::{
    CudaError, Kernel, Machine, Result,
    compile::{compiled, compiler_present},
    kernel::Launch,
    machine::{Driver, Tape},
};
use staging::Staging;

/// Compute capability, times ten, from which on tensor cores know bf16 and tf32.
const OLDEST: u32 = 80;

const NO_DRIVER: &str = "the NVIDIA driver (libcuda) is not installed";
const NO_COMPILER: &str = "the NVIDIA driver is there, but not the run-time compiler (libnvrtc.so.13 or .12): install NVIDIA's package \
                           cuda-nvrtc-13-0, or use an image nvidia/cuda:*-runtime";

/// The driver's handles may be used from any thread that has made the context current.
#[derive(Clone, Copy)]
struct Handles {
    device: sys::CUdevice,
    context: sys::CUcontext,
    stream: sys::CUstream,
}
// SAFETY: the driver's interface is thread-safe; handles are plain addresses to it.
unsafe impl Send for Handles {}
// SAFETY: as above.
unsafe impl Sync for Handles {}

struct Function(sys::CUmodule, sys::CUfunction);
// SAFETY: as for `Handles`.
unsafe impl Send for Function {}

struct Card {
    handles: Handles,
    arch: u32,
    shared_limit: usize,
    functions: Mutex<HashMap<Kernel, Function>>,
    staging: Mutex<Staging>,
}

/// Threads that compile in the background.
const COMPILERS: usize = 4;

/// The next kernel to compile; the lock is let go of before that begins.
fn next(kernels: &Mutex<Vec<Kernel>>) -> Option<Kernel> {
    kernels.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

fn driver_error(call: &'static str) -> impl Fn(result::DriverError) -> CudaError {
    move |error| match error.0 {
        sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => CudaError::OutOfMemory(call.into()),
        code => CudaError::Driver { call, reason: format!("{code:?}") },
    }
}

/// What is known of a card without taking it into use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardDescription {
    /// The maker's name.
    pub name: String,
    /// Bytes of memory.
    pub memory: u64,
    /// Compute capability, times ten.
    pub arch: u32,
}

/// Whether the host has a driver at all.
pub fn driver_present() -> bool {
    // SAFETY: tries to load the driver's library and reports whether it could. Without it every other call would panic.
    unsafe { sys::is_culib_present() }
}

/// Looks for card `index`; says what is missing.
pub fn describe(index: usize) -> Result<CardDescription> {
    let (_, description) = find(index)?;
    Ok(description)
}

fn find(index: usize) -> Result<(sys::CUdevice, CardDescription)> {
    if !driver_present() {
        return Err(CudaError::Missing(NO_DRIVER));
    }
    result::init().map_err(driver_error("cuInit"))?;
    let count = result::device::get_count().map_err(driver_error("cuDeviceGetCount"))?;
    let ordinal = i32::try_from(index).ok().filter(|index| *index < count);
    let ordinal = ordinal.ok_or_else(|| CudaError::NoCard(format!("there are {count} NVIDIA cards, counted from 0")))?;
    let device = result::device::get(ordinal).map_err(driver_error("cuDeviceGet"))?;
    let name = result::device::get_name(device).map_err(driver_error("cuDeviceGetName"))?;
    use sys::CUdevice_attribute as Attribute;
    let major = attribute(device, Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?;
    let minor = attribute(device, Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
    // SAFETY: the device is one the driver gave.
    let memory = unsafe { result::device::total_mem(device) }.map_err(driver_error("cuDeviceTotalMem"))? as u64;
    let arch = major * 10 + minor;
    if arch < OLDEST {
        return Err(CudaError::NoCard(format!(
            "the {name} has compute capability {major}.{minor}; the kernels need 8.0 (Ampere) or later"
        )));
    }
    if !compiler_present() {
        return Err(CudaError::Missing(NO_COMPILER));
    }
    Ok((device, CardDescription { name, memory, arch }))
}

fn attribute(device: sys::CUdevice, which: sys::CUdevice_attribute) -> Result<u32> {
    // SAFETY: the device is one the driver gave.
    let value = unsafe { result::device::get_attribute(device, which) }.map_err(driver_error("cuDeviceGetAttribute"))?;
    Ok(u32::try_from(value).unwrap_or(0))
}

impl Machine {
    /// Takes card `index` into use.
    pub fn open(index: usize) -> Result<Self> {
        let (device, description) = find(index)?;
        // SAFETY: the device is one the driver gave; the context is released when the card is dropped.
        let context = unsafe { result::primary_ctx::retain(device) }.map_err(driver_error("cuDevicePrimaryCtxRetain"))?;
        // SAFETY: the context was just retained.
        unsafe { result::ctx::set_current(context) }.map_err(driver_error("cuCtxSetCurrent"))?;
        let stream = result::stream::create(result::stream::StreamKind::NonBlocking).map_err(driver_error("cuStreamCreate"))?;
        let handles = Handles { device, context, stream };
        keep_memory(device)?;
        use sys::CUdevice_attribute as Attribute;
        let shared_limit = attribute(device, Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)? as usize;
        Ok(Self::over(Box::new(Card {
            handles,
            arch: description.arch,
            shared_limit,
            functions: Mutex::default(),
            staging: Mutex::default(),
        })))
    }
}

/// Memory that is given back stays in the pool: by default the driver would return all of it at every wait.
fn keep_memory(device: sys::CUdevice) -> Result<()> {
    let mut threshold = u64::MAX;
    // SAFETY: the device is one the driver gave; the attribute is a 64-bit number.
    unsafe {
        let pool = result::device::get_default_mem_pool(device).map_err(driver_error("cuDeviceGetDefaultMemPool"))?;
        let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        result::mem_pool::set_attribute(pool, attribute, ptr::from_mut(&mut threshold).cast())
            .map_err(driver_error("cuMemPoolSetAttribute"))
    }
}

impl Card {
    fn enter(&self) -> Result<()> {
        // SAFETY: the context is retained until the card is dropped.
        unsafe { result::ctx::set_current(self.handles.context) }.map_err(driver_error("cuCtxSetCurrent"))
    }

    /// The kernel on this card, compiled and loaded at its first use.
    fn function(&self, kernel: &Kernel, shared: usize) -> Result<sys::CUfunction> {
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Function(_, function)) = functions.get(kernel) {
            return Ok(*function);
        }
        let code = compiled(kernel, self.arch)?;
        // SAFETY: the code is a whole cubin; the driver copies it. The name is that of the only function of every program.
        let (module, function) = unsafe {
            let module = result::module::load_data(code.as_ptr().cast()).map_err(driver_error("cuModuleLoadData"))?;
            let name = CString::from(c"kernel");
            (module, result::module::get_function(module, name).map_err(driver_error("cuModuleGetFunction"))?)
        };
        let attribute = sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
        // What a kernel needs follows from its shapes' limits, so the first launch may need less than a later one.
        let most = if shared > 48 << 10 { self.shared_limit } else { 48 << 10 };
        // SAFETY: the function is of a module that stays loaded.
        unsafe { result::function::set_function_attribute(function, attribute, most as i32) }
            .map_err(driver_error("cuFuncSetAttribute"))?;
        functions.insert(kernel.clone(), Function(module, function));
        Ok(function)
    }
}

// SAFETY: addresses are the driver's, of memory in the order of the only stream.
unsafe impl Driver for Card {
    fn shared_limit(&self) -> usize {
        self.shared_limit
    }

    fn warm_up(&self, kernels: Vec<Kernel>) {
        let (arch, kernels) = (self.arch, Arc::new(Mutex::new(kernels)));
        for _ in 0..COMPILERS {
            let kernels = kernels.clone();
            // What fails here fails again, and is reported, when the kernel is first used.
            std::thread::spawn(move || {
                while let Some(kernel) = next(&kernels) {
                    let _ = compiled(&kernel, arch);
                }
            });
        }
    }

    fn allocate(&self, bytes: usize) -> Result<u64> {
        self.enter()?;
        // SAFETY: the stream lives as long as the card.
        unsafe { result::malloc_async(self.handles.stream, bytes) }.map_err(driver_error("cuMemAllocAsync"))
    }

    unsafe fn release(&self, address: u64, _bytes: usize) {
        // An error here has been reported before, by what spoilt the context.
        if self.enter().is_ok() {
            // SAFETY: the caller's contract; work that uses the memory comes before in the stream.
            let _ = unsafe { result::free_async(address, self.handles.stream) };
        }
    }

    unsafe fn write(&self, address: u64, bytes: &[u8]) -> Result<()> {
        self.enter()?;
        let mut staging = self.staging.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the caller's contract.
        unsafe { staging.send(self.handles.stream, address, bytes) }
    }

    unsafe fn read(&self, address: u64, bytes: &mut [u8]) -> Result<()> {
        self.enter()?;
        // SAFETY: the caller's contract. The stream is waited for before the borrow ends.
        unsafe {
            result::memcpy_dtoh_async(bytes, address, self.handles.stream).map_err(driver_error("cuMemcpyDtoHAsync"))?;
            result::stream::synchronize(self.handles.stream).map_err(driver_error("cuStreamSynchronize"))
        }
    }

    unsafe fn copy(&self, from: u64, to: u64, bytes: usize) -> Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        self.enter()?;
        // SAFETY: the caller's contract.
        unsafe { result::memcpy_dtod_async(to, from, bytes, self.handles.stream) }.map_err(driver_error("cuMemcpyDtoDAsync"))
    }

    unsafe fn launch(&self, launch: &Launch<'_>) -> Result<()> {
        let Launch { kernel, grid: [x, y, z], shared, work } = launch;
        self.enter()?;
        let function = self.function(kernel, *shared)?;
        let mut arguments = [work.as_ptr().cast_mut().cast::<c_void>()];
        let grid = (*x, *y, *z);
        // SAFETY: the caller's contract; the driver copies the argument before it returns.
        unsafe {
            result::launch_kernel(function, grid, (kernel.threads, 1, 1), *shared as u32, self.handles.stream, &mut arguments)
        }
        .map_err(driver_error("cuLaunchKernel"))
    }

    fn begin_recording(&self) -> Result<()> {
        self.enter()?;
        let mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        // SAFETY: the stream lives as long as the card.
        unsafe { result::stream::begin_capture(self.handles.stream, mode) }.map_err(driver_error("cuStreamBeginCapture"))
    }

    fn end_recording(&self) -> Result<Box<dyn Tape>> {
        // SAFETY: the capture was begun by this thread.
        let graph = unsafe { result::stream::end_capture(self.handles.stream) }.map_err(driver_error("cuStreamEndCapture"))?;
        // What the graph allocates and a failed recording did not free is freed by the next launch.
        let flags = sys::CUgraphInstantiate_flags::CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH;
        // SAFETY: the graph was just made; once there is something to launch it is needed no more.
        let executable = unsafe {
            let executable = result::graph::instantiate(graph, flags);
            let _ = result::graph::destroy(graph);
            executable.map_err(driver_error("cuGraphInstantiate"))?
        };
        Ok(Box::new(Graph { handles: self.handles, executable }))
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        if self.enter().is_err() {
            return;
        }
        let functions = self.functions.get_mut().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: every buffer holds the machine, so nothing is left that could use any of this.
        unsafe {
            let _ = result::stream::synchronize(self.handles.stream);
            for Function(module, _) in functions.values() {
                let _ = result::module::unload(*module);
            }
            self.staging.get_mut().unwrap_or_else(PoisonError::into_inner).free();
            let _ = result::stream::destroy(self.handles.stream);
            let _ = result::primary_ctx::release(self.handles.device);
        }
    }
}

struct Graph {
    handles: Handles,
    executable: sys::CUgraphExec,
}
// SAFETY: as for `Handles`.
unsafe impl Send for Graph {}
// SAFETY: as for `Handles`.
unsafe impl Sync for Graph {}

// SAFETY: what the graph allocates, it frees.
unsafe impl Tape for Graph {
    unsafe fn play(&self) -> Result<()> {
        // SAFETY: the caller's contract.
        unsafe {
            result::ctx::set_current(self.handles.context).map_err(driver_error("cuCtxSetCurrent"))?;
            result::graph::launch(self.executable, self.handles.stream).map_err(driver_error("cuGraphLaunch"))
        }
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: made by `end_recording`, destroyed once; a launch under way is finished by the driver first.
        unsafe {
            if result::ctx::set_current(self.handles.context).is_ok() {
                let _ = result::graph::exec_destroy(self.executable);
            }
        }
    }
}
