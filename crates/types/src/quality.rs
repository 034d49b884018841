//! The quality tiers of a picture: as the model draws it, or enlarged to 2K or 4K.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::UnknownName;

/// How large a finished picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Quality {
    /// As the model drew it.
    #[default]
    #[serde(rename = "normal")]
    Normal,
    /// Its long side is 2048 pixels.
    #[serde(rename = "2k")]
    TwoK,
    /// Its long side is 4096 pixels.
    #[serde(rename = "4k")]
    FourK,
}

impl Quality {
    /// Every value, from the smallest.
    pub const ALL: &'static [Self] = &[Self::Normal, Self::TwoK, Self::FourK];

    /// The name users write.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::TwoK => "2k",
            Self::FourK => "4k",
        }
    }

    /// The pixels of the long side; `None` for as drawn.
    pub fn long_side(self) -> Option<u32> {
        match self {
            Self::Normal => None,
            Self::TwoK => Some(2048),
            Self::FourK => Some(4096),
        }
    }

    /// The size a picture of `width` x `height` pixels gets: its shape is kept, and nothing is made smaller.
    pub fn size(self, width: u32, height: u32) -> (u32, u32) {
        let long = width.max(height);
        let Some(side) = self.long_side().filter(|&side| side > long && long > 0) else { return (width, height) };
        // Rounded to the nearest pixel; at least one is left of a line.
        let scaled = |length: u32| {
            let (length, side, long) = (u64::from(length), u64::from(side), u64::from(long));
            u32::try_from((length * side + long / 2) / long).unwrap_or(u32::MAX).max(1)
        };
        (scaled(width), scaled(height))
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Quality {
    type Err = UnknownName;

    /// A name in any case.
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL.iter().copied().find(|quality| quality.name().eq_ignore_ascii_case(name)).ok_or_else(|| UnknownName {
            what: "quality",
            name: name.chars().take(64).collect(),
            known: Self::ALL.iter().map(|quality| quality.name()).collect::<Vec<_>>().join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_side_is_met_and_the_shape_kept() {
        assert_eq!(Quality::Normal.size(512, 768), (512, 768));
        assert_eq!(Quality::TwoK.size(512, 512), (2048, 2048));
        assert_eq!(Quality::FourK.size(832, 1216), (2803, 4096));
        assert_eq!(Quality::TwoK.size(1344, 768), (2048, 1170));
        assert_eq!(Quality::TwoK.size(1, 8000), (1, 8000), "nothing is made smaller");
        assert_eq!(Quality::FourK.size(4000, 1), (4096, 1), "a line stays a line");
        assert_eq!(Quality::FourK.size(0, 0), (0, 0));
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for &quality in Quality::ALL {
            assert_eq!(quality.name().to_uppercase().parse(), Ok(quality));
            assert_eq!(serde_json::to_string(&quality).unwrap(), format!("\"{quality}\""));
        }
        assert_eq!("8k".parse::<Quality>().unwrap_err().to_string(), "unknown quality `8k`; known: normal, 2k, 4k");
    }
}
