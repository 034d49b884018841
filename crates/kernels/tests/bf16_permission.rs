//! Where the system refuses tiles, everything is computed without them, and nobody is killed.

#![allow(missing_docs)]
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::{
    ffi::{c_int, c_void},
    process::Command,
    ptr::null_mut,
};

use easel_kernels::cpu::{
    Pool,
    bf16::{Bf16, Bf16Isa, Epilogue, Matrix, Out, Product, product},
};

const CHILD: &str = "EASEL_TEST_SMALL_SIGNAL_STACK";

/// The C library's `stack_t`.
#[repr(C)]
struct SignalStack {
    start: *mut c_void,
    flags: c_int,
    bytes: usize,
}

#[allow(unsafe_code)]
unsafe extern "C" {
    fn sigaltstack(new: *const SignalStack, old: *mut SignalStack) -> c_int;
}

/// In a process of its own: the permission is asked for once, and holds for all threads.
#[test]
fn a_signal_stack_too_small_for_tiles_means_none() {
    if std::env::var_os(CHILD).is_some() {
        return compute_with_a_small_signal_stack();
    }
    let myself = std::env::current_exe().expect("this program");
    let status = Command::new(myself).args(["--exact", "a_signal_stack_too_small_for_tiles_means_none"]).env(CHILD, "1").status();
    assert!(status.expect("it starts").success());
}

fn compute_with_a_small_signal_stack() {
    // Enough for signals without tiles, not for the 8 KiB of theirs.
    let stack = SignalStack { start: vec![0u8; 8192].leak().as_mut_ptr().cast(), flags: 0, bytes: 8192 };
    // SAFETY: the memory is never freed.
    #[allow(unsafe_code)]
    let refused = unsafe { sigaltstack(&stack, null_mut()) };
    // A system that asks for more from the start cannot be brought into this state.
    if refused == 0 {
        assert!(!Bf16Isa::best().has_tiles(), "{} in spite of the stack", Bf16Isa::best());
    }
    let w = Matrix::new(32, 64, 1, &[0.5; 32 * 64], None);
    let mut out = [Bf16::NAN; 40 * 32];
    let work = Product { isa: Bf16Isa::best(), pool: &Pool::default(), x: &[Bf16::ONE; 40 * 64], rows: 1 };
    product(work, &w, Epilogue::default(), Out::Half(&mut out));
    assert!(out.iter().all(|x| x.to_f32() == 32.0));
}

/// Every thread of a pool, at once, whether it has multiplied before or not.
#[test]
fn threads_configure_tiles_for_themselves() {
    let w = Matrix::new(96, 320, 1, &[0.25; 96 * 320], None);
    let x = [Bf16::ONE; 64 * 320];
    for isa in Bf16Isa::available() {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let pool = Pool::default();
                    for _ in 0..20 {
                        let mut out = [Bf16::NAN; 64 * 96];
                        product(Product { isa, pool: &pool, x: &x, rows: 1 }, &w, Epilogue::default(), Out::Half(&mut out));
                        assert!(out.iter().all(|x| x.to_f32() == 80.0), "{isa}");
                    }
                });
            }
        });
    }
}
