//! Pictures to PNG, JPEG or WebP bytes, with the generation parameters inside where they belong.
//!
//! PNG carries them in a `parameters` text chunk; JPEG and WebP in the EXIF `UserComment`, as A1111 does.

use std::borrow::Cow;

use easel_types::{Gray8, Rgb8};
use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};

use crate::{Format, ImagingError, PARAMETERS, exif, webp};

/// How hard PNG is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PngLevel {
    /// For answers over HTTP: a few milliseconds a megapixel.
    Fast,
    /// For files that are kept.
    #[default]
    Balanced,
    /// For the smallest file, however long it takes.
    High,
}

/// How a picture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeOptions<'a> {
    /// The format.
    pub format: Format,
    /// For PNG.
    pub png_level: PngLevel,
    /// For JPEG, and for WebP that is not lossless: 1..=100.
    pub quality: u8,
    /// For WebP.
    pub lossless: bool,
    /// The generation parameters, written into the file.
    pub parameters: Option<&'a str>,
}

impl EncodeOptions<'_> {
    /// A format with its defaults and no parameters inside; WebP is lossless.
    pub fn new(format: Format) -> Self {
        Self { format, png_level: PngLevel::default(), quality: 95, lossless: true, parameters: None }
    }
}

/// Writes a picture.
pub fn encode(picture: &Rgb8, options: &EncodeOptions<'_>) -> Result<Vec<u8>, ImagingError> {
    encode_pixels(&Pixels::opaque(picture), options)
}

/// Writes a picture with its transparency; JPEG has none and leaves it away.
pub fn encode_with_alpha(picture: &Rgb8, alpha: &Gray8, options: &EncodeOptions<'_>) -> Result<Vec<u8>, ImagingError> {
    if (picture.width(), picture.height()) != (alpha.width(), alpha.height()) {
        return Err(ImagingError::Size);
    }
    if options.format == Format::Jpeg {
        return encode(picture, options);
    }
    encode_pixels(&Pixels::transparent(picture, alpha), options)
}

/// Three bytes a pixel, or four with transparency.
pub(crate) struct Pixels<'a> {
    pub bytes: Cow<'a, [u8]>,
    pub width: u32,
    pub height: u32,
    pub alpha: bool,
}

impl<'a> Pixels<'a> {
    fn opaque(picture: &'a Rgb8) -> Self {
        Self { bytes: Cow::Borrowed(picture.pixels()), width: picture.width(), height: picture.height(), alpha: false }
    }

    fn transparent(picture: &Rgb8, alpha: &Gray8) -> Self {
        let pixels = picture.pixels().chunks_exact(Rgb8::CHANNELS).zip(alpha.pixels());
        let bytes = pixels.flat_map(|(rgb, &alpha)| [rgb[0], rgb[1], rgb[2], alpha]).collect();
        Self { bytes: Cow::Owned(bytes), width: picture.width(), height: picture.height(), alpha: true }
    }

    pub fn color_type(&self) -> ExtendedColorType {
        if self.alpha { ExtendedColorType::Rgba8 } else { ExtendedColorType::Rgb8 }
    }
}

fn encode_pixels(pixels: &Pixels<'_>, options: &EncodeOptions<'_>) -> Result<Vec<u8>, ImagingError> {
    match options.format {
        Format::Png => encode_png(pixels, options).map_err(|_| ImagingError::Encode("PNG")),
        Format::Jpeg => {
            let mut bytes = Vec::new();
            let encoder = JpegEncoder::new_with_quality(&mut bytes, options.quality.clamp(1, 100));
            write_with_exif(encoder, pixels, options.parameters).map_err(|_| ImagingError::Encode("JPEG"))?;
            Ok(bytes)
        }
        Format::Webp => webp::encode(pixels, options).ok_or(ImagingError::Encode("WebP")),
    }
}

fn encode_png(pixels: &Pixels<'_>, options: &EncodeOptions<'_>) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, pixels.width, pixels.height);
    encoder.set_color(if pixels.alpha { png::ColorType::Rgba } else { png::ColorType::Rgb });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(match options.png_level {
        PngLevel::Fast => png::Compression::Fast,
        PngLevel::Balanced => png::Compression::Balanced,
        PngLevel::High => png::Compression::High,
    });
    if let Some(text) = options.parameters {
        // A NUL ends a chunk's text, so none may be inside.
        let text = if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { Cow::Borrowed(text) };
        if text.chars().all(|c| u32::from(c) < 256) {
            encoder.add_text_chunk(PARAMETERS.to_owned(), text.into_owned())?;
        } else {
            encoder.add_itxt_chunk(PARAMETERS.to_owned(), text.into_owned())?;
        }
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels.bytes)?;
    writer.finish()?;
    Ok(bytes)
}

pub(crate) fn write_with_exif(
    mut encoder: impl ImageEncoder,
    pixels: &Pixels<'_>,
    parameters: Option<&str>,
) -> image::ImageResult<()> {
    if let Some(comment) = parameters.and_then(exif::user_comment) {
        // Parameters are an extra: a picture too small for them is still a picture.
        let _ = encoder.set_exif_metadata(comment);
    }
    encoder.write_image(&pixels.bytes, pixels.width, pixels.height, pixels.color_type())
}
