//! Half-precision noise: pipelines that run in float16 or bfloat16 ask torch for noise in that type.

use half::{bf16, f16};

/// A half-precision type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// IEEE binary16.
    F16,
    /// bfloat16.
    Bf16,
}

impl Half {
    /// Rounds to this type.
    pub(super) fn round(self, value: f32) -> f32 {
        match self {
            Half::F16 => f16::from_f32(value).to_f32(),
            Half::Bf16 => bf16::from_f32(value).to_f32(),
        }
    }

    /// Bits of a uniform number of this type.
    pub(super) fn digits(self) -> u32 {
        match self {
            Half::F16 => 11,
            Half::Bf16 => 8,
        }
    }
}

/// In which type torch's CPU generator makes its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NoisePrecision {
    /// float32: ComfyUI, A1111, and diffusers in float32.
    #[default]
    F32,
    /// Made in the half type throughout (older releases of torch): coarse, and unlike the float32 noise of the same seed.
    HalfLegacy(Half),
    /// Made in float32 and rounded at the end (current torch).
    F32ThenCast(Half),
}
