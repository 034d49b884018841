//! Runs a check on the emulated machine in both orders of its threads, and on a card where the build has CUDA.
//!
//! `cargo test --features cuda -- cuda_` runs the checks on the card alone. Without a card they fail: nothing was checked.

#![allow(dead_code)] // Each test program uses its own part.

use easel_kernels::cuda::{Array, Format, Machine};

macro_rules! on_machines {
    ($($check:ident),* $(,)?) => {$(
        mod $check {
            use easel_kernels::cuda::{Machine, Order};

            #[test]
            fn emulated() {
                super::$check(&Machine::emulated(Order::Forwards));
            }

            #[test]
            fn emulated_backwards() {
                super::$check(&Machine::emulated(Order::Backwards));
            }

            #[cfg(feature = "cuda")]
            #[test]
            fn cuda_card() {
                super::$check(&Machine::open(0).expect("the tests of the CUDA kernels need an NVIDIA card and its driver"));
            }
        }
    )*};
}
pub(crate) use on_machines;

pub const FORMATS: [Format; 3] = [Format::F32, Format::F16, Format::Bf16];

/// Half the distance between neighbouring numbers (of 11 and 8 significant bits), relative, and what f32 sums lose on top.
pub fn rounding(format: Format) -> f64 {
    match format {
        Format::F32 => 3e-6,
        Format::F16 => 1.02 * 2f64.powi(-11) + 3e-6,
        Format::Bf16 => 1.02 * 2f64.powi(-8) + 3e-6,
    }
}

/// The numbers on the machine, and what they were rounded to.
pub fn rounded(machine: &Machine, values: &[f32], format: Format) -> (Array, Vec<f32>) {
    let array = machine.upload_as(values, format).expect("memory");
    let values = machine.download(&array).expect("what was uploaded");
    (array, values)
}
