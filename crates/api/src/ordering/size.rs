//! How large a picture becomes, where a request gives a shape or a picture instead of numbers.

use std::str::FromStr;

/// A shape, such as 16:9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ratio {
    width: u32,
    height: u32,
}

impl Ratio {
    /// The largest side of a shape in parts of the other.
    const LONGEST: u32 = 4;

    /// Of a picture.
    pub(crate) fn of(width: u32, height: u32) -> Self {
        Self { width: width.max(1), height: height.max(1) }
    }

    /// The size of this shape with as many pixels as there are in `area`, in multiples of `multiple`.
    pub(crate) fn within(self, area: u64, multiple: u32) -> (u32, u32) {
        let multiple = multiple.max(8);
        let side = |part: u32, other: u32| {
            let exact = (area as f64 * f64::from(part) / f64::from(other)).sqrt();
            let multiples = (exact / f64::from(multiple)).round().max(1.0);
            multiples as u32 * multiple
        };
        (side(self.width, self.height), side(self.height, self.width))
    }
}

impl FromStr for Ratio {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (width, height) = text.split_once(':').ok_or(())?;
        let part = |text: &str| text.parse::<u32>().ok().filter(|part| (1..=100).contains(part)).ok_or(());
        let ratio = Self { width: part(width)?, height: part(height)? };
        let (long, short) = (ratio.width.max(ratio.height), ratio.width.min(ratio.height));
        if long > short * Self::LONGEST { Err(()) } else { Ok(ratio) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_keep_the_models_number_of_pixels() {
        let size = |text: &str, multiple| text.parse::<Ratio>().unwrap().within(1024 * 1024, multiple);
        // SDXL's own buckets for these shapes.
        assert_eq!(size("1:1", 64), (1024, 1024));
        assert_eq!(size("16:9", 64), (1344, 768));
        assert_eq!(size("9:16", 64), (768, 1344));
        assert_eq!(size("21:9", 64), (1536, 640));
        for bad in ["", "1", "1:", "0:1", "1:5", "101:100", "-1:1", "1:1:1", "a:b"] {
            assert!(bad.parse::<Ratio>().is_err(), "{bad}");
        }
    }
}
