//! NVIDIA cards' kernels: bf16, f16 or f32, channels last, in one stream.
//!
//! The kernels are C++ templates in `source/`. A card's program is compiled by NVRTC, NVIDIA's run-time compiler, when a kernel is first used:
//! so a build needs no toolkit, one binary fits every card from compute capability 8.0 on, and a host needs the driver and one library. All
//! of CUDA is loaded dynamically; without it opening a card is an error that says what to install.
//!
//! The same templates are compiled for the host (`emulator/`, feature `emulator`), where threads of a block are fibers and the instructions of
//! the tensor cores are emulated warp by warp. Everything here but [`Machine::open`] works on both: tests need no card.
//!
//! **Rows never mix.** Every sum over an inner dimension runs in one order whatever the size of the batch, so a row's result is the same bit for
//! bit alone and in company. Work is issued and not waited for; only [`Machine::download`] waits.
//!
//! Deliberately absent: `wgmma` and TMA (compute capability 9.0 alone), splitting of sums over blocks, several cards at once.

mod array;
mod attention;
#[cfg(feature = "cuda")]
mod card;
#[cfg(feature = "cuda")]
mod compile;
mod elementwise;
#[cfg(feature = "emulator")]
mod emulated;
mod kernel;
mod low_rank;
mod machine;
mod norm;
mod product;
mod record;
mod step;

use thiserror::Error;

pub use array::{Array, Format};
pub use attention::Attention;
#[cfg(feature = "cuda")]
pub use card::{CardDescription, describe, driver_present};
#[cfg(feature = "cuda")]
pub use compile::{compile, compiler_present};
#[cfg(feature = "emulator")]
pub use emulated::Order;
pub use kernel::Kernel;
pub use machine::Machine;
pub use norm::{GroupNorm, NormWeights};
pub use product::{Epilogue, Product, ProductWeights, Window};
pub use record::Record;
pub use step::{Blend, Input, Update, Updated};

/// Why a card did not do what it was told.
#[derive(Debug, Error)]
pub enum CudaError {
    /// The card's memory is used up.
    #[error("out of memory: {0}")]
    OutOfMemory(String),
    /// A library of CUDA is missing.
    #[error("{0}")]
    Missing(&'static str),
    /// No such card, or one that is too old.
    #[error("{0}")]
    NoCard(String),
    /// The driver reports an error.
    #[error("{call}: {reason}")]
    Driver {
        /// What was called.
        call: &'static str,
        /// What came back.
        reason: String,
    },
    /// A kernel does not compile.
    #[error("the kernel {kernel} does not compile for sm_{arch}: {log}")]
    Compile {
        /// Its expression.
        kernel: String,
        /// The compute capability, times ten.
        arch: u32,
        /// What the compiler says.
        log: String,
    },
    /// The caller's mistake.
    #[error("{0}. This is a bug.")]
    Bug(String),
}

/// Result of an operation.
pub type Result<T> = std::result::Result<T, CudaError>;

fn bug<T>(text: impl Into<String>) -> Result<T> {
    Err(CudaError::Bug(text.into()))
}

/// A kernel takes 32-bit sizes.
fn int(x: usize) -> Result<i32> {
    i32::try_from(x).map_err(|_| CudaError::Bug(format!("a size of {x} is beyond what a kernel takes")))
}
