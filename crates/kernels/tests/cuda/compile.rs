//! Every kernel compiles to machine code for every generation of cards, without a card. Needs NVRTC: without it the tests fail.
#![allow(missing_docs)]

use easel_kernels::cuda::{Format, Kernel, compile};

/// Ampere, Ada, Hopper.
const ARCHES: [u32; 3] = [80, 89, 90];

fn compiles(format: Format) {
    for kernel in Kernel::all(format) {
        for arch in ARCHES {
            let code = compile(&kernel, arch).unwrap_or_else(|e| panic!("{e}"));
            // A cubin is an ELF file with the kernel's symbol in it.
            assert!(code.starts_with(b"\x7fELF"), "{} for sm_{arch}", kernel.expression);
            assert!(code.windows(6).any(|w| w == b"kernel"), "{} for sm_{arch}", kernel.expression);
        }
    }
}

#[test]
fn compiles_in_f32() {
    compiles(Format::F32);
}

#[test]
fn compiles_in_f16() {
    compiles(Format::F16);
}

#[test]
fn compiles_in_bf16() {
    compiles(Format::Bf16);
}
