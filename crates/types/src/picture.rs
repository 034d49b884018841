//! Decoded pictures as plain bytes, rows from top to bottom.

use thiserror::Error;

/// Why bytes are not a picture of the stated size.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a {width}x{height} picture needs {expected} bytes, got {got}")]
pub struct PictureError {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Bytes such a picture has.
    pub expected: usize,
    /// Bytes given.
    pub got: usize,
}

macro_rules! picture {
    ($name:ident, $channels:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            width: u32,
            height: u32,
            pixels: Vec<u8>,
        }

        impl $name {
            /// Bytes per pixel.
            pub const CHANNELS: usize = $channels;

            /// Takes `width * height * CHANNELS` bytes.
            pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Result<Self, PictureError> {
                let expected = width as usize * height as usize * Self::CHANNELS;
                if pixels.len() != expected {
                    return Err(PictureError { width, height, expected, got: pixels.len() });
                }
                Ok(Self { width, height, pixels })
            }

            /// Width in pixels.
            pub fn width(&self) -> u32 {
                self.width
            }

            /// Height in pixels.
            pub fn height(&self) -> u32 {
                self.height
            }

            /// The bytes, row by row.
            pub fn pixels(&self) -> &[u8] {
                &self.pixels
            }

            /// The bytes, by value.
            pub fn into_pixels(self) -> Vec<u8> {
                self.pixels
            }
        }
    };
}

picture!(Rgb8, 3, "An sRGB picture, three bytes a pixel.");
picture!(Gray8, 1, "A grey picture, one byte a pixel: masks, where white is repainted.");
