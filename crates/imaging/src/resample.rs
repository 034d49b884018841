//! Enlarging by the plain kernels that programs offer by name, beside Lanczos, which is in `resize.rs`.

use easel_types::Rgb8;
use image::{RgbImage, imageops, imageops::FilterType};

use crate::{ImagingError, resize_rgb};

/// A resampling kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// The nearest pixel.
    Nearest,
    /// Linear between neighbours.
    Bilinear,
    /// Catmull–Rom cubics.
    Bicubic,
    /// A windowed sinc, as Pillow does it.
    Lanczos,
}

/// Brings a picture to a size.
pub fn resample(picture: &Rgb8, width: u32, height: u32, kernel: Kernel) -> Result<Rgb8, ImagingError> {
    let filter = match kernel {
        Kernel::Lanczos => return resize_rgb(picture, width, height),
        Kernel::Nearest => FilterType::Nearest,
        Kernel::Bilinear => FilterType::Triangle,
        Kernel::Bicubic => FilterType::CatmullRom,
    };
    if width == 0 || height == 0 || picture.width() == 0 || picture.height() == 0 {
        return Err(ImagingError::Size);
    }
    let source = RgbImage::from_raw(picture.width(), picture.height(), picture.pixels().to_vec()).ok_or(ImagingError::Size)?;
    let resized = imageops::resize(&source, width, height, filter);
    Ok(Rgb8::new(width, height, resized.into_raw())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Rgb8 {
        let pixels = (0..4u8).flat_map(|x| [x * 60; 3]).collect();
        Rgb8::new(4, 1, pixels).expect("four pixels")
    }

    #[test]
    fn nearest_repeats_and_the_others_stay_between_their_neighbours() {
        let nearest = resample(&ramp(), 8, 2, Kernel::Nearest).expect("a size");
        let row: Vec<u8> = nearest.pixels().chunks(3).take(8).map(|pixel| pixel[0]).collect();
        assert_eq!(row, [0, 0, 60, 60, 120, 120, 180, 180]);
        let linear = resample(&ramp(), 8, 1, Kernel::Bilinear).expect("a size");
        let row: Vec<u8> = linear.pixels().chunks(3).map(|pixel| pixel[0]).collect();
        assert!(row.windows(2).all(|pair| pair[0] <= pair[1]) && row[2] > 0 && row[2] < 60, "{row:?}");
        assert_ne!(resample(&ramp(), 8, 1, Kernel::Bicubic), resample(&ramp(), 8, 1, Kernel::Bilinear));
        assert_eq!(resample(&ramp(), 8, 1, Kernel::Lanczos), resize_rgb(&ramp(), 8, 1));
    }

    #[test]
    fn a_side_of_nothing_is_an_error() {
        for kernel in [Kernel::Nearest, Kernel::Bilinear, Kernel::Bicubic, Kernel::Lanczos] {
            assert_eq!(resample(&ramp(), 0, 4, kernel), Err(ImagingError::Size));
        }
    }
}
