//! Small pictures for lists, and the few characters that stand for one until it is there.

use easel_types::Rgb8;

use crate::{Finish, Finisher, ImagingError, Processor};

/// The long side of a thumbnail where nobody says otherwise.
pub const THUMBNAIL_SIDE: u32 = 512;

/// A blurhash holds a handful of waves, for which this many pixels a side are plenty.
const BLUR_SIDE: u32 = 64;
/// Waves along the long and the short side; 28 characters in all.
const BLUR_WAVES: (u32, u32) = (4, 3);

/// The picture within a square of `side` pixels; a smaller one stays as it is.
pub fn thumbnail(finisher: &Finisher, picture: &Rgb8, side: u32) -> Result<Rgb8, ImagingError> {
    let (width, height) = within(picture.width(), picture.height(), side)?;
    finisher.finish(picture, &Finish { width, height, sharpness: 0.0, mark: None })
}

/// The picture's [blurhash](https://blurha.sh): 28 characters that a page can draw at once.
pub fn blurhash(picture: &Rgb8) -> Result<String, ImagingError> {
    let small = thumbnail(&Finisher::new(Processor::Cpu), picture, BLUR_SIDE)?;
    let rgba: Vec<u8> = small.pixels().chunks_exact(Rgb8::CHANNELS).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
    let (long, short) = BLUR_WAVES;
    let (across, down) = if small.width() >= small.height() { (long, short) } else { (short, long) };
    blurhash::encode(across, down, small.width(), small.height(), &rgba).map_err(|_| ImagingError::Encode("blurhash"))
}

/// The largest size of the same shape within a square.
fn within(width: u32, height: u32, side: u32) -> Result<(u32, u32), ImagingError> {
    if width == 0 || height == 0 || side == 0 {
        return Err(ImagingError::Size);
    }
    let long = width.max(height);
    if long <= side {
        return Ok((width, height));
    }
    let scaled = |length: u32| {
        let (length, side, long) = (u64::from(length), u64::from(side), u64::from(long));
        u32::try_from((length * side + long / 2) / long).unwrap_or(u32::MAX).max(1)
    };
    Ok((scaled(width), scaled(height)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_kept_and_nothing_grows() {
        assert_eq!(within(1024, 768, 512), Ok((512, 384)));
        assert_eq!(within(768, 1024, 512), Ok((384, 512)));
        assert_eq!(within(300, 200, 512), Ok((300, 200)));
        assert_eq!(within(10_000, 1, 512), Ok((512, 1)));
        assert_eq!(within(0, 1, 512), Err(ImagingError::Size));
        assert_eq!(within(u32::MAX, u32::MAX, 512), Ok((512, 512)));
    }
}
