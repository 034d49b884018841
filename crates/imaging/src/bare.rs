//! Files without what is written beside the pixels: for others than their owner.
//!
//! Nothing is decoded or encoded anew, so the pixels stay what they are, bit for bit. What stays is named, and everything else goes: text
//! chunks, EXIF, XMP, comments, and what somebody hung on behind the end. That a machine drew it stays too, in our own words alone
//! (`origin.rs`).

use img_parts::{
    Bytes, ImageEXIF,
    jpeg::{Jpeg, markers},
    png::Png,
    webp::WebP,
};

use crate::{Format, ImagingError, origin};

/// Of PNG: the pixels, and what says how they are to be shown.
const PNG_KEPT: [[u8; 4]; 9] = [*b"IHDR", *b"PLTE", *b"IDAT", *b"IEND", *b"tRNS", *b"gAMA", *b"cHRM", *b"sRGB", *b"iCCP"];
/// Of WebP the same.
const WEBP_KEPT: [[u8; 4]; 7] = [*b"VP8X", *b"VP8 ", *b"VP8L", *b"ALPH", *b"ANIM", *b"ANMF", *b"ICCP"];

/// A file with nothing in it but its pixels and how they are to be shown.
pub fn bare(file: Vec<u8>) -> Result<Vec<u8>, ImagingError> {
    let format = Format::sniff(&file).ok_or(ImagingError::UnknownFormat)?;
    let file = Bytes::from(file);
    let bytes = match format {
        Format::Png => {
            let mut png = Png::from_bytes(file).map_err(|_| ImagingError::Unreadable)?;
            png.chunks_mut()
                .retain(|chunk| PNG_KEPT.contains(&chunk.kind()) || origin::is_png_mark(chunk.kind(), chunk.contents()));
            png.encoder().bytes()
        }
        Format::Jpeg => {
            let mut jpeg = Jpeg::from_bytes(file).map_err(|_| ImagingError::Unreadable)?;
            jpeg.segments_mut().retain(|segment| is_kept(segment.marker(), segment.contents()));
            jpeg.encoder().bytes()
        }
        Format::Webp => {
            let mut webp = WebP::from_bytes(file).map_err(|_| ImagingError::Unreadable)?;
            webp.chunks_mut().retain(|chunk| WEBP_KEPT.contains(&chunk.id()) || origin::is_webp_mark(chunk));
            // There is none any more; this makes the header say so.
            webp.set_exif(None);
            webp.encoder().bytes()
        }
    };
    Ok(bytes.to_vec())
}

/// Whether a segment of JPEG is about how the pixels are shown: applications' own are not, except those of JFIF, Adobe and colour profiles.
fn is_kept(marker: u8, contents: &[u8]) -> bool {
    match marker {
        markers::APP1 => origin::is_jpeg_mark(marker, contents),
        markers::APP2 => contents.starts_with(b"ICC_PROFILE\0"),
        markers::APP3..=markers::APP13 | markers::APP15 | markers::COM => false,
        _ => true,
    }
}
