//! Which instructions this processor has for bf16, found once when the process starts to compute.

use std::{fmt, sync::OnceLock};

use super::super::Isa;

/// How products and everything else are computed. A value is proof that the processor has the instructions and that the system lets this
/// process use them: there is no other way to come by one than asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bf16Isa {
    pub(super) dot: Dot,
    pub(super) lanes: Isa,
}

/// What multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dot {
    /// Tiles of 16 lines by 32 numbers.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    Amx,
    /// Sums of two products in every place of a vector.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// The arithmetic of f32.
    Plain,
}

impl Bf16Isa {
    /// All that this processor has, the fastest first.
    pub fn available() -> Vec<Self> {
        static FOUND: OnceLock<Vec<Bf16Isa>> = OnceLock::new();
        FOUND.get_or_init(find).clone()
    }

    /// The fastest.
    pub fn best() -> Self {
        Self::available()[0]
    }

    /// Whether products run on tiles: then bf16 is many times as fast as f32.
    pub fn has_tiles(self) -> bool {
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        return self.dot == Dot::Amx;
        #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
        false
    }

    /// The name users see.
    pub fn name(self) -> &'static str {
        match self.dot {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Dot::Amx => "amx-bf16",
            #[cfg(target_arch = "x86_64")]
            Dot::Avx512 => "avx512-bf16",
            Dot::Plain => self.lanes.name(),
        }
    }
}

fn find() -> Vec<Bf16Isa> {
    let mut found = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        let lanes = Isa::best();
        let wide = lanes.width() == 16 && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512bf16");
        #[cfg(target_os = "linux")]
        if wide && super::permission::tiles_allowed() {
            found.push(Bf16Isa { dot: Dot::Amx, lanes });
        }
        if wide {
            found.push(Bf16Isa { dot: Dot::Avx512, lanes });
        }
    }
    found.extend(Isa::available().into_iter().map(|lanes| Bf16Isa { dot: Dot::Plain, lanes }));
    found
}

impl fmt::Display for Bf16Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
