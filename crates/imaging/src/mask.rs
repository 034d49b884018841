//! Masks in Easel are grey pictures in which white is repainted and black is kept, as in A1111 and diffusers.
//!
//! OpenAI's clients send the opposite in another channel: there the transparent part is repainted.

use easel_types::{Gray8, Rgb8};

use crate::Decoded;

/// The mask that a file is: where something is transparent, that is what is repainted, as OpenAI's clients mean it; else white is.
pub fn of(file: &Decoded) -> Gray8 {
    let transparent = file.alpha.as_ref().filter(|alpha| alpha.pixels().iter().any(|&value| value < 255));
    transparent.map_or_else(|| from_picture(&file.rgb), from_alpha)
}

/// A picture's lightness as a mask, by the weights of ITU-R 601 in the fixed-point form Pillow's `convert("L")` uses.
pub fn from_picture(picture: &Rgb8) -> Gray8 {
    let gray = picture.pixels().chunks_exact(Rgb8::CHANNELS).map(|pixel| {
        let [r, g, b] = [u32::from(pixel[0]), u32::from(pixel[1]), u32::from(pixel[2])];
        ((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16) as u8
    });
    gray8(picture.width(), picture.height(), gray.collect())
}

/// A mask from a picture's transparency: what is fully transparent is repainted, everything else is kept.
pub fn from_alpha(alpha: &Gray8) -> Gray8 {
    map(alpha, |value| if value == 0 { 255 } else { 0 })
}

/// Repaints what would have been kept, and the other way round.
pub fn invert(mask: &Gray8) -> Gray8 {
    map(mask, |value| 255 - value)
}

/// Black and white alone, as diffusers' pipelines see a mask: half and more is white.
pub fn binarize(mask: &Gray8) -> Gray8 {
    map(mask, |value| if value >= 128 { 255 } else { 0 })
}

fn map(mask: &Gray8, change: impl Fn(u8) -> u8) -> Gray8 {
    gray8(mask.width(), mask.height(), mask.pixels().iter().map(|&value| change(value)).collect())
}

fn gray8(width: u32, height: u32, pixels: Vec<u8>) -> Gray8 {
    Gray8::new(width, height, pixels).expect("one byte for every pixel of the original; this is a bug")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparent_is_repainted_and_half_transparent_is_kept() {
        let alpha = Gray8::new(4, 1, vec![0, 1, 128, 255]).expect("four pixels");
        assert_eq!(from_alpha(&alpha).pixels(), [255, 0, 0, 0]);
        assert_eq!(invert(&from_alpha(&alpha)).pixels(), [0, 255, 255, 255]);
    }

    #[test]
    fn lightness_is_pillows() {
        // Image.new("RGB", …).convert("L") of Pillow 13.
        let picture = Rgb8::new(4, 1, vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]).expect("four pixels");
        assert_eq!(from_picture(&picture).pixels(), [76, 150, 29, 255]);
    }

    #[test]
    fn half_is_white() {
        let mask = Gray8::new(4, 1, vec![0, 127, 128, 255]).expect("four pixels");
        assert_eq!(binarize(&mask).pixels(), [0, 0, 255, 255]);
    }
}
