//! The smallest EXIF block that holds a `UserComment`, for the formats that have no text chunks.
//!
//! Layout: TIFF header, one directory with the pointer to the Exif directory, that directory with the comment. Big-endian, as is the
//! comment itself: UTF-16 after the eight bytes `UNICODE\0`, which is what A1111's reader expects.

/// A JPEG segment holds 64 KiB; header and directories take their part of it.
const COMMENT_MAX: usize = 60_000;
const EXIF_POINTER: u16 = 0x8769;
const USER_COMMENT: u16 = 0x9286;
const LONG: u16 = 4;
const UNDEFINED: u16 = 7;

/// The block; `None` where the text does not fit.
pub(crate) fn user_comment(text: &str) -> Option<Vec<u8>> {
    let mut comment = b"UNICODE\0".to_vec();
    comment.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    let length = u32::try_from(comment.len()).ok().filter(|_| comment.len() <= COMMENT_MAX)?;
    let mut block = b"MM\0\x2a\0\0\0\x08".to_vec();
    // Each directory: a count, one entry of twelve bytes, and no next directory: 18 bytes.
    directory(&mut block, EXIF_POINTER, LONG, 1, 8 + 18);
    directory(&mut block, USER_COMMENT, UNDEFINED, length, 8 + 18 + 18);
    block.extend(comment);
    Some(block)
}

fn directory(block: &mut Vec<u8>, tag: u16, kind: u16, count: u32, value: u32) {
    block.extend(1u16.to_be_bytes());
    block.extend(tag.to_be_bytes());
    block.extend(kind.to_be_bytes());
    block.extend(count.to_be_bytes());
    block.extend(value.to_be_bytes());
    block.extend(0u32.to_be_bytes());
}
