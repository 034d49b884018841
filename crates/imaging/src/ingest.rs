//! What becomes of a picture that somebody sends: it is read within limits, and written anew from its pixels.
//!
//! Nothing of the file itself is kept, so that no place, camera or person, no colour profile, thumbnail, comment or appended file comes
//! through, and no file that is a picture and something else. The format stays: JPEG and lossy WebP lose a little once more.

use easel_types::{Gray8, Rgb8};

use crate::{DecodeLimits, EncodeOptions, Format, ImagingError, PngLevel, decode, encode, encode_with_alpha, webp};

/// Of JPEG and lossy WebP when written anew: no difference is seen.
const QUALITY: u8 = 95;

/// A picture as it may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingested {
    /// The clean file.
    pub bytes: Vec<u8>,
    /// Its format, the same as that of the file sent.
    pub format: Format,
    /// Its colours, upright.
    pub rgb: Rgb8,
    /// Its transparency (0 = fully transparent), if it has any.
    pub alpha: Option<Gray8>,
}

/// Reads a picture and writes it anew. A blocking thread's work: up to a second for the largest.
pub fn ingest(bytes: &[u8], limits: &DecodeLimits) -> Result<Ingested, ImagingError> {
    let decoded = decode(bytes, limits)?;
    let options = EncodeOptions {
        png_level: PngLevel::Fast,
        quality: QUALITY,
        lossless: decoded.format == Format::Webp && webp::is_lossless(bytes),
        ..EncodeOptions::new(decoded.format)
    };
    let bytes = match &decoded.alpha {
        Some(alpha) => encode_with_alpha(&decoded.rgb, alpha, &options)?,
        None => encode(&decoded.rgb, &options)?,
    };
    Ok(Ingested { bytes, format: decoded.format, rgb: decoded.rgb, alpha: decoded.alpha })
}
