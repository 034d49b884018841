//! Text chunks of PNG files, which may stand before or after the pixels.

use std::io::Cursor;

use crate::{DecodeLimits, ImagingError};

/// The keyword A1111 and all that read its files use.
pub const PARAMETERS: &str = "parameters";

/// Text longer than this is not read, compressed or not.
const TEXT_MAX: usize = 1024 * 1024;

/// The text under a keyword, from the first chunk that has it: tEXt, zTXt or iTXt.
pub fn read_png_text(bytes: &[u8], keyword: &str, limits: &DecodeLimits) -> Result<Option<String>, ImagingError> {
    if bytes.len() > limits.bytes_max {
        return Err(ImagingError::TooManyBytes { got: bytes.len(), max: limits.bytes_max });
    }
    if !bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Err(ImagingError::UnknownFormat);
    }
    let decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: 4 * TEXT_MAX });
    let mut reader = decoder.read_info().map_err(|_| ImagingError::Unreadable)?;
    if let Some(text) = find(reader.info(), keyword) {
        return Ok(Some(text));
    }
    // A file cut off after its pixels is still good for what came before.
    let _ = reader.finish();
    Ok(find(reader.info(), keyword))
}

fn find(info: &png::Info<'_>, keyword: &str) -> Option<String> {
    if let Some(chunk) = info.uncompressed_latin1_text.iter().find(|chunk| chunk.keyword == keyword) {
        return Some(chunk.text.clone());
    }
    if let Some(chunk) = info.utf8_text.iter().find(|chunk| chunk.keyword == keyword) {
        let mut chunk = chunk.clone();
        return chunk.decompress_text_with_limit(TEXT_MAX).and_then(|()| chunk.get_text()).ok();
    }
    let mut chunk = info.compressed_latin1_text.iter().find(|chunk| chunk.keyword == keyword)?.clone();
    chunk.decompress_text_with_limit(TEXT_MAX).and_then(|()| chunk.get_text()).ok()
}
