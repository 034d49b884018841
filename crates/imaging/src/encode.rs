//! Pictures to PNG, JPEG or WebP bytes, with the generation parameters inside where they belong.
//!
//! PNG carries them in a `parameters` text chunk; JPEG and WebP in the EXIF `UserComment`, as A1111 does. WebP is lossless.

use std::{borrow::Cow, str::FromStr};

use easel_types::Rgb8;
use image::{
    ExtendedColorType, ImageEncoder,
    codecs::{jpeg::JpegEncoder, webp::WebPEncoder},
};

use crate::{ImagingError, PARAMETERS, exif};

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Lossless; carries text.
    Png,
    /// Lossy and small.
    Jpeg,
    /// Lossless here; smaller than PNG.
    Webp,
}

impl Format {
    /// As clients name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
        }
    }

    /// As HTTP names it.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }

    /// As file names end, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }
}

impl FromStr for Format {
    type Err = ImagingError;

    /// A name or a file ending.
    fn from_str(name: &str) -> Result<Self, ImagingError> {
        match name.to_ascii_lowercase().as_str() {
            "png" => Ok(Self::Png),
            "jpeg" | "jpg" => Ok(Self::Jpeg),
            "webp" => Ok(Self::Webp),
            _ => Err(ImagingError::UnknownFormat),
        }
    }
}

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
    /// For JPEG, 1..=100.
    pub quality: u8,
    /// The generation parameters, written into the file.
    pub parameters: Option<&'a str>,
}

impl EncodeOptions<'_> {
    /// A format with its defaults and no parameters inside.
    pub fn new(format: Format) -> Self {
        Self { format, png_level: PngLevel::default(), quality: 95, parameters: None }
    }
}

/// Writes a picture.
pub fn encode(picture: &Rgb8, options: &EncodeOptions<'_>) -> Result<Vec<u8>, ImagingError> {
    match options.format {
        Format::Png => encode_png(picture, options).map_err(|_| ImagingError::Encode("PNG")),
        Format::Jpeg => {
            let mut bytes = Vec::new();
            let encoder = JpegEncoder::new_with_quality(&mut bytes, options.quality.clamp(1, 100));
            write_with_exif(encoder, picture, options.parameters).map_err(|_| ImagingError::Encode("JPEG"))?;
            Ok(bytes)
        }
        Format::Webp => {
            let mut bytes = Vec::new();
            let encoder = WebPEncoder::new_lossless(&mut bytes);
            write_with_exif(encoder, picture, options.parameters).map_err(|_| ImagingError::Encode("WebP"))?;
            Ok(bytes)
        }
    }
}

fn encode_png(picture: &Rgb8, options: &EncodeOptions<'_>) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgb);
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
    writer.write_image_data(picture.pixels())?;
    writer.finish()?;
    Ok(bytes)
}

fn write_with_exif(mut encoder: impl ImageEncoder, picture: &Rgb8, parameters: Option<&str>) -> image::ImageResult<()> {
    if let Some(comment) = parameters.and_then(exif::user_comment) {
        // Parameters are an extra: a picture too small for them is still a picture.
        let _ = encoder.set_exif_metadata(comment);
    }
    encoder.write_image(picture.pixels(), picture.width(), picture.height(), ExtendedColorType::Rgb8)
}
