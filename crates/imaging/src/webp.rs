//! WebP files: lossless by the `image` crate, lossy by libwebp, which nobody has written anew in Rust under a free licence.
//!
//! libwebp only ever writes here: what strangers send is read by the pure Rust decoder.

use image::codecs::webp::WebPEncoder;
use img_parts::{ImageEXIF, webp::WebP};

use crate::{
    EncodeOptions,
    encode::{Pixels, write_with_exif},
    exif,
};

/// The largest side the format has.
const SIDE_MAX: u32 = 16_383;

/// The file; `None` if the encoder refuses.
pub(crate) fn encode(pixels: &Pixels<'_>, options: &EncodeOptions<'_>) -> Option<Vec<u8>> {
    if options.lossless {
        let mut bytes = Vec::new();
        write_with_exif(WebPEncoder::new_lossless(&mut bytes), pixels, options.parameters).ok()?;
        return Some(bytes);
    }
    encode_lossy(pixels, options)
}

fn encode_lossy(pixels: &Pixels<'_>, options: &EncodeOptions<'_>) -> Option<Vec<u8>> {
    let sides = 1..=SIDE_MAX;
    if !sides.contains(&pixels.width) || !sides.contains(&pixels.height) {
        return None;
    }
    let encoder = if pixels.alpha {
        webp::Encoder::from_rgba(&pixels.bytes, pixels.width, pixels.height)
    } else {
        webp::Encoder::from_rgb(&pixels.bytes, pixels.width, pixels.height)
    };
    let bytes = encoder.encode_simple(false, f32::from(options.quality.clamp(1, 100))).ok()?.to_vec();
    let Some(comment) = options.parameters.and_then(exif::user_comment) else { return Some(bytes) };
    // Plain lossy files have no room for it: the container becomes the extended one.
    let mut file = WebP::from_bytes(bytes.into()).ok()?;
    file.set_exif(Some(comment.into()));
    Some(file.encoder().bytes().to_vec())
}

/// Whether a file's pixels are stored without loss; a damaged one counts as lossy.
pub(crate) fn is_lossless(file: &[u8]) -> bool {
    let mut rest = file.get(12..).unwrap_or_default();
    while let Some((header, body)) = rest.split_at_checked(8) {
        match &header[..4] {
            b"VP8L" => return true,
            b"VP8 " | b"ANMF" => return false,
            _ => {}
        }
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        // Chunks are padded to an even length.
        rest = body.get(length.saturating_add(length % 2)..).unwrap_or_default();
    }
    false
}
