//! Bytes from anywhere to an upright RGB picture, within limits that are checked before pixels are allocated.
//!
//! EXIF orientation is applied; of an animation the first frame is taken; grey, palette and 16-bit pictures become RGB8. Transparency is
//! kept apart, not blended: what a transparent pixel means (a mask, mostly) is the caller's to say.

use std::io::Cursor;

use easel_types::{Gray8, Rgb8};
use image::{
    DynamicImage, ImageDecoder, ImageFormat, Limits,
    codecs::{jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder},
};

use crate::{Format, ImagingError};

/// The largest picture that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Bytes of the file.
    pub bytes_max: usize,
    /// Width, and height.
    pub side_max: u32,
    /// Width times height.
    pub pixels_max: u64,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { bytes_max: 50 * 1024 * 1024, side_max: 8192, pixels_max: 40_000_000 }
    }
}

/// A picture that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Its colours.
    pub rgb: Rgb8,
    /// Its transparency (0 = fully transparent), if the file has any.
    pub alpha: Option<Gray8>,
    /// What the file was.
    pub format: Format,
}

/// Reads a PNG, JPEG or WebP file; its name or declared type is not asked for.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Decoded, ImagingError> {
    if bytes.len() > limits.bytes_max {
        return Err(ImagingError::TooManyBytes { got: bytes.len(), max: limits.bytes_max });
    }
    let cursor = Cursor::new(bytes);
    let (format, image) = match image::guess_format(bytes) {
        Ok(ImageFormat::Png) => {
            // Bounds what text and colour profiles may unpack to; the size is checked below, with its own message.
            let decoder = PngDecoder::with_limits(cursor, allocation_limit(limits)).map_err(unreadable)?;
            (Format::Png, upright(decoder, limits)?)
        }
        Ok(ImageFormat::Jpeg) => (Format::Jpeg, upright(JpegDecoder::new(cursor).map_err(unreadable)?, limits)?),
        Ok(ImageFormat::WebP) => (Format::Webp, upright(WebPDecoder::new(cursor).map_err(unreadable)?, limits)?),
        _ => return Err(ImagingError::UnknownFormat),
    };
    let (width, height) = (image.width(), image.height());
    let alpha = if image.color().has_alpha() { Some(alpha(&image)?) } else { None };
    let rgb = Rgb8::new(width, height, image.into_rgb8().into_raw())?;
    Ok(Decoded { rgb, alpha, format })
}

fn upright(mut decoder: impl ImageDecoder, limits: &DecodeLimits) -> Result<DynamicImage, ImagingError> {
    let (width, height) = decoder.dimensions();
    let too_long = width > limits.side_max || height > limits.side_max;
    if too_long || u64::from(width) * u64::from(height) > limits.pixels_max {
        let DecodeLimits { side_max, pixels_max, .. } = *limits;
        return Err(ImagingError::TooManyPixels { width, height, side_max, pixels_max });
    }
    if width == 0 || height == 0 {
        return Err(ImagingError::Size);
    }
    decoder.set_limits(allocation_limit(limits)).map_err(unreadable)?;
    // Damaged EXIF is no reason to refuse a picture.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    image.apply_orientation(orientation);
    Ok(image)
}

fn allocation_limit(limits: &DecodeLimits) -> Limits {
    let mut decoder_limits = Limits::no_limits();
    // Eight bytes a pixel is 16-bit RGBA, the widest there is; the rest is for the decoder's own buffers.
    decoder_limits.max_alloc = Some(limits.pixels_max.saturating_mul(8).saturating_add(16 * 1024 * 1024));
    decoder_limits
}

fn alpha(image: &DynamicImage) -> Result<Gray8, ImagingError> {
    let rgba = image.to_rgba8();
    let alpha = rgba.pixels().map(|pixel| pixel.0[3]).collect();
    Ok(Gray8::new(rgba.width(), rgba.height(), alpha)?)
}

fn unreadable(_: image::ImageError) -> ImagingError {
    ImagingError::Unreadable
}
