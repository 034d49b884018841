//! What can be wrong with picture bytes. Decoder internals stay out of the messages: they go to clients.

use easel_types::PictureError;
use thiserror::Error;

/// Why picture bytes cannot be read or written.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum ImagingError {
    /// More bytes than allowed.
    #[error("the image file has {got} bytes, at most {max} are allowed")]
    TooManyBytes {
        /// Its bytes.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// None of the formats that are read.
    #[error("the image is not a PNG, JPEG or WebP file")]
    UnknownFormat,
    /// Larger than allowed.
    #[error("the image is {width}x{height}, at most {side_max} pixels a side and {pixels_max} in all are allowed")]
    TooManyPixels {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// The limit of a side.
        side_max: u32,
        /// The limit of both together.
        pixels_max: u64,
    },
    /// Damaged, or of a kind the decoder does not know.
    #[error("the image file is damaged or of an unusual kind and cannot be read")]
    Unreadable,
    /// A size of zero or one that does not fit the bytes.
    #[error("the image has no usable size")]
    Size,
    /// The encoder refused.
    #[error("the image cannot be written as {0}")]
    Encode(&'static str),
    /// A watermark that is empty or too long.
    #[error("the watermark text must have 1 to 64 characters")]
    MarkLength,
    /// A watermark the built-in font cannot draw.
    #[error("the watermark text contains `{0}`, which the built-in font lacks: use Latin, Greek or Cyrillic letters")]
    MarkLetter(char),
}

impl From<PictureError> for ImagingError {
    fn from(_: PictureError) -> Self {
        Self::Size
    }
}
