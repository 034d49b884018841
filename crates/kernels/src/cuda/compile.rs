//! Device programs by NVRTC, NVIDIA's run-time compiler: a library of the driver's generation, no toolkit.

use std::{
    collections::HashMap,
    ffi::{CStr, CString, c_char},
    ptr,
    sync::{Mutex, PoisonError},
};

use cudarc::nvrtc::{result, sys};

use super::{CudaError, Kernel, Result, kernel::HEADERS};

const MISSING: &str = "NVIDIA's run-time compiler (libnvrtc.so.13 or .12) is not installed: \
                       Debian and Ubuntu have it in NVIDIA's package cuda-nvrtc-13-0, containers in nvidia/cuda:*-runtime, \
                       Python in nvidia-cuda-nvrtc; its folder must be in LD_LIBRARY_PATH or known to ldconfig";

/// Whether NVRTC is there. Without it every call of it would panic.
pub fn compiler_present() -> bool {
    // SAFETY: tries to load the library and reports whether it could; it touches nothing of ours.
    unsafe { sys::is_culib_present() }
}

/// A kernel's machine code for cards of compute capability `arch` / 10.
pub fn compile(kernel: &Kernel, arch: u32) -> Result<Vec<u8>> {
    if !compiler_present() {
        return Err(CudaError::Missing(MISSING));
    }
    let failed = |log: String| CudaError::Compile { kernel: kernel.expression.clone(), arch, log };
    let text = |text: &str| CString::new(text).map_err(|e| failed(e.to_string()));
    let source = text(&kernel.program())?;
    let headers = HEADERS.iter().map(|(_, source)| text(source)).collect::<Result<Vec<_>>>()?;
    let names = HEADERS.iter().map(|(name, _)| text(name)).collect::<Result<Vec<_>>>()?;
    let program = Program::new(&source, &headers, &names).map_err(|e| failed(e.to_string()))?;
    // No fast-math: the results must be what the formulas say, and none of these kernels waits for its arithmetic.
    let options = [format!("--gpu-architecture=sm_{arch}"), "--std=c++17".into()];
    // SAFETY: the program was created above and is destroyed after this.
    match unsafe { result::compile_program(program.0, &options) } {
        Ok(()) => program.code().map_err(|e| failed(e.to_string())),
        Err(error) => Err(failed(format!("{error}\n{}", program.log()))),
    }
}

struct Program(sys::nvrtcProgram);

impl Program {
    fn new(source: &CStr, headers: &[CString], names: &[CString]) -> std::result::Result<Self, result::NvrtcError> {
        let headers: Vec<*const c_char> = headers.iter().map(|text| text.as_ptr()).collect();
        let names: Vec<*const c_char> = names.iter().map(|text| text.as_ptr()).collect();
        let mut program = ptr::null_mut();
        // SAFETY: every pointer is to a string that ends with 0 and outlives the call, which copies them.
        unsafe {
            sys::nvrtcCreateProgram(
                &mut program,
                source.as_ptr(),
                c"kernel.cu".as_ptr(),
                headers.len() as i32,
                headers.as_ptr(),
                names.as_ptr(),
            )
            .result()?;
        }
        Ok(Self(program))
    }

    fn code(&self) -> std::result::Result<Vec<u8>, result::NvrtcError> {
        let mut size = 0;
        // SAFETY: the program has been compiled; the buffer has the size the library gave.
        unsafe {
            sys::nvrtcGetCUBINSize(self.0, &mut size).result()?;
            let mut code = vec![0u8; size];
            sys::nvrtcGetCUBIN(self.0, code.as_mut_ptr().cast()).result()?;
            Ok(code)
        }
    }

    fn log(&self) -> String {
        // SAFETY: the program has been compiled.
        let log = unsafe { result::get_program_log(self.0) }.unwrap_or_default();
        log.iter().map(|c| *c as u8 as char).filter(|c| *c != '\0').collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: created by `new`, destroyed once.
        let _ = unsafe { result::destroy_program(self.0) };
    }
}

/// Compiled code of this process by kernel and card: a second card of one kind compiles nothing.
pub(super) fn compiled(kernel: &Kernel, arch: u32) -> Result<std::sync::Arc<Vec<u8>>> {
    type Cache = HashMap<(Kernel, u32), std::sync::Arc<Vec<u8>>>;
    static CACHE: Mutex<Option<Cache>> = Mutex::new(None);
    let key = (kernel.clone(), arch);
    let known = |cache: &mut Option<Cache>| cache.get_or_insert_default().get(&key).cloned();
    if let Some(code) = known(&mut CACHE.lock().unwrap_or_else(PoisonError::into_inner)) {
        return Ok(code);
    }
    let code = std::sync::Arc::new(compile(kernel, arch)?);
    CACHE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(key, code.clone());
    Ok(code)
}
