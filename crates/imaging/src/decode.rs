//! Bytes from anywhere to an upright RGB picture, within limits that are checked before pixels are allocated.
//!
//! EXIF orientation is applied and an embedded colour profile turned into sRGB; of an animation the first frame is taken; grey, palette
//! and 16-bit pictures become RGB8. Transparency is kept apart, not blended: what a transparent pixel means (a mask, mostly) is the
//! caller's to say.
//!
//! The decoders are pure Rust and other people's: should one panic, that is a damaged file and nothing more.

use std::{
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
};

use easel_types::{Gray8, Rgb8};
use image::{
    DynamicImage, ImageDecoder, Limits,
    codecs::{jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder},
};

use crate::{Format, ImagingError, colour, jpeg};

/// Bytes a pixel at the worst: 16-bit RGBA is 8, and is turned (8 more) or becomes RGB8 and a mask.
const PIXEL_MEMORY: u64 = 16;
/// The decoders' own buffers, text and colour profiles.
const OTHER_MEMORY: u64 = 16 * 1024 * 1024;
/// What texts and colour profiles may unpack to, each; they are copied once or twice.
const METADATA_MEMORY: u64 = 4 * 1024 * 1024;

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

impl DecodeLimits {
    /// The most bytes that reading one picture takes, that of the file not counted.
    pub fn memory_max(&self) -> u64 {
        self.pixels_max.saturating_mul(PIXEL_MEMORY).saturating_add(self.bytes_max as u64).saturating_add(OTHER_MEMORY)
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

/// Reads a PNG, JPEG or WebP file; its name or declared type is not asked for. Needs at most [`DecodeLimits::memory_max`] bytes.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Decoded, ImagingError> {
    if bytes.len() > limits.bytes_max {
        return Err(ImagingError::TooManyBytes { got: bytes.len(), max: limits.bytes_max });
    }
    let format = Format::sniff(bytes).ok_or(ImagingError::UnknownFormat)?;
    // Nothing of what a decoder was doing is looked at afterwards.
    catch_unwind(AssertUnwindSafe(|| read(bytes, format, limits))).unwrap_or(Err(ImagingError::Unreadable))
}

fn read(bytes: &[u8], format: Format, limits: &DecodeLimits) -> Result<Decoded, ImagingError> {
    let cursor = Cursor::new(bytes);
    let (image, profile) = match format {
        Format::Png => {
            // Before the decoder looks at texts and colour profiles, whose unpacked size the limit bounds.
            if let Some((width, height)) = png_size(bytes) {
                check_size(width, height, limits)?;
            }
            upright(PngDecoder::with_limits(cursor, allocation(METADATA_MEMORY)).map_err(unreadable)?, limits)?
        }
        Format::Jpeg => {
            let decoder = JpegDecoder::new(cursor).map_err(unreadable)?;
            let (width, height) = decoder.dimensions();
            check_size(width, height, limits)?;
            if !jpeg::is_sound(bytes) {
                return Err(ImagingError::Unreadable);
            }
            upright(decoder, limits)?
        }
        Format::Webp => upright(WebPDecoder::new(cursor).map_err(unreadable)?, limits)?,
    };
    let (width, height) = (image.width(), image.height());
    let alpha = if image.color().has_alpha() { Some(alpha(&image)?) } else { None };
    let mut pixels = image.into_rgb8().into_raw();
    if let Some(profile) = profile {
        colour::to_srgb(&mut pixels, &profile);
    }
    Ok(Decoded { rgb: Rgb8::new(width, height, pixels)?, alpha, format })
}

/// Width and height in the first chunk of a PNG file, if that is a header.
fn png_size(file: &[u8]) -> Option<(u32, u32)> {
    let (kind, size) = file.get(12..24)?.split_at(4);
    let (width, height) = size.split_at(4);
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
    (kind == b"IHDR").then(|| (number(width), number(height)))
}

fn check_size(width: u32, height: u32, limits: &DecodeLimits) -> Result<(), ImagingError> {
    let too_long = width > limits.side_max || height > limits.side_max;
    if too_long || u64::from(width) * u64::from(height) > limits.pixels_max {
        let DecodeLimits { side_max, pixels_max, .. } = *limits;
        return Err(ImagingError::TooManyPixels { width, height, side_max, pixels_max });
    }
    if width == 0 || height == 0 {
        return Err(ImagingError::Size);
    }
    Ok(())
}

/// The picture as it is to be seen, and the colour profile it came with.
fn upright(mut decoder: impl ImageDecoder, limits: &DecodeLimits) -> Result<(DynamicImage, Option<Vec<u8>>), ImagingError> {
    let (width, height) = decoder.dimensions();
    check_size(width, height, limits)?;
    // Eight bytes a pixel is 16-bit RGBA, the widest there is; the rest is for the decoder's own buffers.
    let most = limits.pixels_max.saturating_mul(8).saturating_add(OTHER_MEMORY);
    decoder.set_limits(allocation(most)).map_err(unreadable)?;
    // Damaged EXIF is no reason to refuse a picture.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    // Nor is a damaged colour profile.
    let profile = decoder.icc_profile().unwrap_or_default();
    let mut image = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    image.apply_orientation(orientation);
    Ok((image, profile))
}

fn allocation(bytes: u64) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(bytes);
    limits
}

fn alpha(image: &DynamicImage) -> Result<Gray8, ImagingError> {
    let rgba = image.to_rgba8();
    let alpha = rgba.pixels().map(|pixel| pixel.0[3]).collect();
    Ok(Gray8::new(rgba.width(), rgba.height(), alpha)?)
}

fn unreadable(_: image::ImageError) -> ImagingError {
    ImagingError::Unreadable
}
