//! Devices by the names users give them: `auto`, `cpu`, `cuda:N`, `metal`.

use std::{fmt, str::FromStr};

use easel_kernels::cpu::bf16::Bf16Isa;
use thiserror::Error;

use crate::Precision;

/// A device as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// The best this build and this host have.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA card by its index.
    Cuda(usize),
    /// Apple's GPU.
    Metal,
}

/// Why a device cannot be used.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum DeviceError {
    /// No such name.
    #[error("unknown device `{0}`: use auto, cpu, cuda:N or metal")]
    Unknown(String),
    /// The build leaves it out.
    #[error("this build has no support for {device}: build it with `--features {feature}`, or use --device cpu")]
    NotBuilt {
        /// What was asked for.
        device: Device,
        /// The cargo feature.
        feature: &'static str,
    },
    /// It computes in other formats.
    #[error("{device} does not compute in {precision}: use --precision {known}")]
    Precision {
        /// What was asked for.
        device: Device,
        /// The format.
        precision: Precision,
        /// What it does compute in.
        known: &'static str,
    },
    /// The host does not have it.
    #[error("{device} is not available on this host: {reason}; use --device cpu")]
    NotPresent {
        /// What was asked for.
        device: Device,
        /// What the driver says.
        reason: String,
    },
}

/// A device ready for use.
#[derive(Debug, Clone)]
pub struct OpenDevice {
    /// Never [`Device::Auto`].
    pub device: Device,
    /// The processor's or card's name, for people.
    pub detail: String,
    /// The format its networks compute in.
    pub precision: Precision,
    pub(crate) candle: candle_core::Device,
    #[cfg(feature = "cuda")]
    pub(crate) card: Option<easel_kernels::cuda::Machine>,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::Metal => f.write_str("metal"),
        }
    }
}

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "metal" => Ok(Self::Metal),
            "cuda" => Ok(Self::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|index| index.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| DeviceError::Unknown(text.chars().take(64).collect())),
        }
    }
}

impl Device {
    /// Opens the device, or says what is missing.
    pub fn open(self) -> Result<OpenDevice, DeviceError> {
        match self {
            Self::Auto => Ok(Self::Cuda(0)
                .open()
                .inspect_err(mention)
                .or_else(|_| Self::Metal.open())
                .unwrap_or_else(|_| OpenDevice::cpu())),
            Self::Cpu => Ok(OpenDevice::cpu()),
            Self::Cuda(index) => open_cuda(index),
            Self::Metal => open_metal(),
        }
    }
}

/// A card that cannot be used is worth a word: the processor is a slow surprise. A host without a driver has no card.
#[cfg(feature = "cuda")]
fn mention(error: &DeviceError) {
    if easel_kernels::cuda::driver_present() {
        tracing::warn!(%error, "the NVIDIA card is left out");
    }
}

#[cfg(not(feature = "cuda"))]
fn mention(_error: &DeviceError) {}

#[cfg(feature = "cuda")]
fn open_cuda(index: usize) -> Result<OpenDevice, DeviceError> {
    use easel_kernels::cuda::{Machine, describe};
    let device = Device::Cuda(index);
    let missing = |error: easel_kernels::cuda::CudaError| DeviceError::NotPresent { device, reason: error.to_string() };
    let detail = describe(index).map_err(missing)?.name;
    let card = Some(Machine::open(index).map_err(missing)?);
    Ok(OpenDevice { device, detail, precision: Precision::Bf16, candle: candle_core::Device::Cpu, card })
}

#[cfg(not(feature = "cuda"))]
fn open_cuda(index: usize) -> Result<OpenDevice, DeviceError> {
    Err(DeviceError::NotBuilt { device: Device::Cuda(index), feature: "cuda" })
}

#[cfg(feature = "metal")]
fn open_metal() -> Result<OpenDevice, DeviceError> {
    let candle = candle_core::Device::new_metal(0)
        .map_err(|e| DeviceError::NotPresent { device: Device::Metal, reason: e.to_string() })?;
    Ok(OpenDevice { device: Device::Metal, detail: "Apple GPU".into(), precision: Precision::F32, candle, ..OpenDevice::cpu() })
}

#[cfg(not(feature = "metal"))]
fn open_metal() -> Result<OpenDevice, DeviceError> {
    Err(DeviceError::NotBuilt { device: Device::Metal, feature: "metal" })
}

impl OpenDevice {
    fn cpu() -> Self {
        Self {
            device: Device::Cpu,
            detail: cpu_detail(),
            precision: if Bf16Isa::best().has_tiles() { Precision::Bf16 } else { Precision::F32 },
            candle: candle_core::Device::Cpu,
            #[cfg(feature = "cuda")]
            card: None,
        }
    }

    /// The same device computing in another format; `None` leaves the device's own.
    pub fn with_precision(self, precision: Option<Precision>) -> Result<Self, DeviceError> {
        let precision = precision.unwrap_or(self.precision);
        let known = match (self.device, precision) {
            (_, Precision::F32) | (Device::Cuda(_), _) | (Device::Cpu, Precision::Bf16) => return Ok(Self { precision, ..self }),
            (Device::Cpu, _) => "f32 or bf16",
            _ => "f32",
        };
        Err(DeviceError::Precision { device: self.device, precision, known })
    }

    /// Bytes there are for weights and pictures: the card's own memory, or the host's.
    pub fn memory(&self) -> Option<u64> {
        match self.device {
            Device::Cuda(index) => cuda_memory(index),
            // Apple's GPU shares the host's memory, but Metal caps what one process may have of it.
            Device::Metal => None,
            Device::Cpu | Device::Auto => host_memory(),
        }
    }
}

#[cfg(feature = "cuda")]
fn cuda_memory(index: usize) -> Option<u64> {
    easel_kernels::cuda::describe(index).ok().map(|card| card.memory)
}

#[cfg(not(feature = "cuda"))]
fn cuda_memory(_index: usize) -> Option<u64> {
    None
}

/// The host's memory; where the process may have less (a container), what it may have.
fn host_memory() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    Some((kib * 1024).min(limit.unwrap_or(u64::MAX)))
}

/// The processor's name and how many threads it runs.
fn cpu_detail() -> String {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let name = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    format!("{}, {threads} threads", name.as_deref().unwrap_or(std::env::consts::ARCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in ["auto", "cpu", "cuda:0", "cuda:7", "metal"] {
            assert_eq!(name.parse::<Device>().map(|d| d.to_string()), Ok(name.to_owned()));
        }
        assert_eq!("cuda".parse(), Ok(Device::Cuda(0)));
        for name in ["", "gpu", "cuda:", "cuda:-1", "cuda:x"] {
            assert_eq!(name.parse::<Device>(), Err(DeviceError::Unknown(name.into())));
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_device_the_build_lacks_is_named_with_its_feature() {
        let error = Device::Cuda(0).open().expect_err("built without cuda").to_string();
        assert!(error.contains("cuda:0") && error.contains("--features cuda"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_processor_has_the_hosts_memory() {
        let memory = Device::Cpu.open().expect("the processor").memory().expect("Linux tells");
        assert!((1 << 26..1 << 46).contains(&memory), "{memory}");
    }

    #[test]
    fn a_format_the_device_does_not_compute_in_is_an_error() {
        let cpu = || Device::Cpu.open().expect("the processor");
        for precision in [Precision::F32, Precision::Bf16] {
            assert_eq!(cpu().with_precision(Some(precision)).expect("its own").precision, precision);
        }
        let error = cpu().with_precision(Some(Precision::F16)).expect_err("not its own").to_string();
        assert!(error.contains("cpu") && error.contains("f16") && error.contains("f32 or bf16"), "{error}");
    }

    #[test]
    fn bf16_is_the_processors_own_where_it_has_tiles() {
        let own = Device::Cpu.open().expect("the processor").with_precision(None).expect("its own").precision;
        assert_eq!(own == Precision::Bf16, Bf16Isa::best().has_tiles());
    }

    #[test]
    fn auto_always_finds_something() {
        assert_ne!(Device::Auto.open().expect("at least the processor").device, Device::Auto);
    }
}
