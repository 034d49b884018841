//! Numbers on the machine.

use std::sync::Arc;

use half::{bf16, f16, slice::HalfFloatSliceExt};

use super::{Machine, Result};

/// A number format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Single precision.
    F32,
    /// Half precision.
    F16,
    /// The upper half of single precision.
    Bf16,
}

impl Format {
    /// Bytes of a number.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Its name in the kernels.
    pub(super) fn cpp(self) -> &'static str {
        match self {
            Self::F32 => "float",
            Self::F16 => "Half",
            Self::Bf16 => "Bfloat",
        }
    }

    /// Writes the numbers' bytes in this format; there is exactly room for them.
    pub(super) fn encode(self, values: &[f32], to: &mut [u8]) {
        debug_assert_eq!(values.len() * self.bytes(), to.len());
        match self {
            Self::F32 => to.chunks_exact_mut(4).zip(values).for_each(|(to, x)| to.copy_from_slice(&x.to_le_bytes())),
            Self::F16 => {
                // By slices, because the conversion of one number asks anew what the processor can do.
                let mut halves = [f16::ZERO; 256];
                for (to, values) in to.chunks_mut(512).zip(values.chunks(256)) {
                    let halves = &mut halves[..values.len()];
                    halves.convert_from_f32_slice(values);
                    to.chunks_exact_mut(2).zip(halves).for_each(|(to, x)| to.copy_from_slice(&x.to_le_bytes()));
                }
            }
            Self::Bf16 => {
                to.chunks_exact_mut(2).zip(values).for_each(|(to, x)| to.copy_from_slice(&bf16::from_f32(*x).to_le_bytes()));
            }
        }
    }

    /// The numbers that are in the bytes.
    pub(super) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        let pair = |b: &[u8]| [b[0], b[1]];
        match self {
            Self::F32 => bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
            Self::F16 => bytes.chunks_exact(2).map(|b| f16::from_le_bytes(pair(b)).to_f32()).collect(),
            Self::Bf16 => bytes.chunks_exact(2).map(|b| bf16::from_le_bytes(pair(b)).to_f32()).collect(),
        }
    }
}

/// Memory of the machine; given back when the last holder lets go.
pub(super) struct Buffer {
    pub machine: Machine,
    pub address: u64,
    pub bytes: usize,
    /// The recording it was allocated in, 0 outside of any.
    pub recording: u64,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.machine.release(self.address, self.bytes, self.recording);
    }
}

/// Dense numbers in one format. Cloning shares them; they are written once, by the operation that makes them.
#[derive(Clone)]
pub struct Array {
    buffer: Arc<Buffer>,
    format: Format,
    len: usize,
}

impl Array {
    /// Room for `len` numbers that are yet to be written.
    pub(super) fn unwritten(machine: &Machine, format: Format, len: usize) -> Result<Self> {
        Ok(Self { buffer: Arc::new(machine.allocate(len * format.bytes())?), format, len })
    }

    /// The format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// How many numbers.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes in use.
    pub fn bytes(&self) -> usize {
        self.len * self.format.bytes()
    }

    /// The only way to it, so that a recording knows what it must keep.
    pub(super) fn address(&self) -> u64 {
        self.buffer.machine.used(&self.buffer);
        self.buffer.address
    }

    /// The address of number `at`.
    pub(super) fn address_of(&self, at: usize) -> u64 {
        self.address() + (at * self.format.bytes()) as u64
    }
}

impl std::fmt::Debug for Array {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} numbers of {:?}", self.len, self.format)
    }
}
