//! The backends there are, each for one kind of device.
//!
//! What is generic over [`Ops`](crate::ops::Ops) is compiled here for each of them: `open` and `on_card` need all of it, and whoever uses the
//! crate links to that instead of compiling the networks once more.

use std::sync::Arc;

use easel_backend::DenoiseBackend;

use super::{BackendOptions, ModelBackend};
#[cfg(any(feature = "cuda", feature = "emulator"))]
use crate::ops::cuda::CudaOps;
use crate::{
    Device, Precision,
    ops::{
        candle::CandleOps,
        cpu::{CpuOps, bf16::CpuBf16Ops},
    },
};

/// The backend of candle's devices.
pub type CandleBackend = ModelBackend<CandleOps>;
/// The processor's backend, in f32.
pub type CpuBackend = ModelBackend<CpuOps>;
/// The processor's backend, in bf16.
pub type CpuBf16Backend = ModelBackend<CpuBf16Ops>;

/// The backend of NVIDIA cards, or of their emulation.
#[cfg(any(feature = "cuda", feature = "emulator"))]
pub type CudaBackend = ModelBackend<CudaOps>;

/// The backend that is best for the device.
pub fn open(options: BackendOptions) -> Box<dyn DenoiseBackend> {
    #[cfg(feature = "cuda")]
    if let Some(card) = options.device.card.clone() {
        return on_card(card, options);
    }
    match (options.device.device, options.device.precision) {
        (Device::Cpu, Precision::Bf16) => Box::new(CpuBf16Backend::new(options)),
        (Device::Cpu, _) => Box::new(CpuBackend::new(options)),
        _ => Box::new(CandleBackend::new(options)),
    }
}

/// The backend on a card, or on its emulation.
#[cfg(any(feature = "cuda", feature = "emulator"))]
pub fn on_card(card: easel_kernels::cuda::Machine, options: BackendOptions) -> Box<dyn DenoiseBackend> {
    Box::new(CudaBackend::new(card, options))
}

impl CandleBackend {
    /// An empty backend; nothing is loaded.
    pub fn new(options: BackendOptions) -> Self {
        Self::with(Arc::new(CandleOps::on(&options.device)), options)
    }
}

impl CpuBackend {
    /// An empty backend; nothing is loaded.
    pub fn new(options: BackendOptions) -> Self {
        Self::with(Arc::new(CpuOps::default()), options)
    }
}

impl CpuBf16Backend {
    /// An empty backend; nothing is loaded.
    pub fn new(options: BackendOptions) -> Self {
        Self::with(Arc::new(CpuBf16Ops::default()), options)
    }
}

#[cfg(any(feature = "cuda", feature = "emulator"))]
impl CudaBackend {
    /// An empty backend; nothing is loaded.
    pub fn new(card: easel_kernels::cuda::Machine, options: BackendOptions) -> Self {
        Self::with(Arc::new(CudaOps::new(card, options.device.precision)), options)
    }
}
