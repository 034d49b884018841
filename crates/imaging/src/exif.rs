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

/// The `UserComment` of a block, in either byte order; UTF-16 or ASCII, as its first eight bytes say.
pub(crate) fn read_user_comment(block: &[u8]) -> Option<String> {
    // Some writers put JPEG's marker before it, whatever the format.
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let is_big = match block.get(..4)? {
        b"MM\0\x2a" => true,
        b"II\x2a\0" => false,
        _ => return None,
    };
    let reader = Reader { block, is_big };
    let first = reader.long(4)?;
    let exif = reader.entry(first, EXIF_POINTER)?.1;
    let (length, at) = reader.entry(exif, USER_COMMENT)?;
    let comment = block.get(at as usize..(at as usize).checked_add(length as usize)?)?;
    let (code, text) = comment.split_at_checked(8)?;
    match code {
        b"UNICODE\0" => {
            let units = text.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            Some(String::from_utf16_lossy(&units.collect::<Vec<_>>()))
        }
        b"ASCII\0\0\0" => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    }
}

struct Reader<'a> {
    block: &'a [u8],
    is_big: bool,
}

impl Reader<'_> {
    /// Count and value of an entry of a directory.
    fn entry(&self, directory: u32, tag: u16) -> Option<(u32, u32)> {
        let at = directory as usize;
        let count = usize::from(self.short(at)?);
        let entries = (0..count).map(|index| at + 2 + index * 12);
        let found = entries.take_while(|entry| entry + 12 <= self.block.len()).find(|entry| self.short(*entry) == Some(tag))?;
        Some((self.long(found + 4)?, self.long(found + 8)?))
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes = *self.block.get(at..)?.first_chunk()?;
        Some(if self.is_big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let bytes = *self.block.get(at..)?.first_chunk()?;
        Some(if self.is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_read_as_they_are_written() {
        for text in ["Steps: 20, Sampler: Euler a", "ein roter Kreis, 赤い円 🟥", ""] {
            assert_eq!(read_user_comment(&user_comment(text).expect("it fits")).as_deref(), Some(text));
        }
    }

    #[test]
    fn the_other_byte_order_is_read_too() {
        let mut block = b"II\x2a\0\x08\0\0\0".to_vec();
        for (tag, kind, count, value) in [(EXIF_POINTER, LONG, 1u32, 26u32), (USER_COMMENT, UNDEFINED, 10, 44)] {
            block.extend(1u16.to_le_bytes());
            block.extend(tag.to_le_bytes());
            block.extend(kind.to_le_bytes());
            block.extend(count.to_le_bytes());
            block.extend(value.to_le_bytes());
            block.extend(0u32.to_le_bytes());
        }
        block.extend(b"ASCII\0\0\0hi");
        assert_eq!(read_user_comment(&block).as_deref(), Some("hi"));
    }

    #[test]
    fn a_damaged_block_says_nothing() {
        let block = user_comment("Steps: 20").expect("it fits");
        for end in 0..block.len() {
            assert_eq!(read_user_comment(&block[..end]), None, "{end}");
        }
        let mut far = block;
        far[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(read_user_comment(&far), None);
    }
}
