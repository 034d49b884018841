//! Read-only file mappings: how weights reach memory without a copy.
//!
//! Invariants: only regular files are mapped (a pipe or a device would block or never end), an empty file maps to an empty slice,
//! and a mapping is never written. **A mapped file must not be truncated or overwritten while it is mapped**: the operating system
//! answers a read behind the new end with SIGBUS, which no Rust error handler sees. Installed models are therefore written once,
//! made read-only and replaced by rename, never in place; on a network file system copy the model to a local disk first.
//! A mapping may be shared between threads.

use std::{
    fs::File,
    io,
    ops::{Deref, Range},
    path::Path,
};

/// A whole file, readable as a byte slice for as long as this value lives.
pub struct Mapping(Option<memmap2::Mmap>);

impl Mapping {
    /// Says that these bytes are not needed for now: the memory they take is given back. Who reads them again has them read from the file.
    pub fn forget(&self, bytes: Range<usize>) {
        /// A multiple of every page size in use.
        const PAGE: usize = 1 << 16;
        let (start, end) = (bytes.start.next_multiple_of(PAGE), bytes.end / PAGE * PAGE);
        #[cfg(unix)]
        if let Some(map) = self.0.as_ref().filter(|map| start < end && end <= map.len()) {
            // SAFETY: the mapping is of a file and never written, so what is dropped is what would be read again. A refusal changes nothing.
            #[allow(unsafe_code)]
            let _ = unsafe { map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, end - start) };
        }
        #[cfg(not(unix))]
        let _ = (start, end);
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mapping({} bytes)", self.len())
    }
}

/// Maps a regular file for reading.
pub fn map_file(path: &Path) -> io::Result<Mapping> {
    // Asked before opening: opening a named pipe would wait for a writer for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    if len == 0 {
        return Ok(Mapping(None));
    }
    if usize::try_from(len).is_err() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "larger than the address space"));
    }
    // SAFETY: the mapping is read-only and private to this value, which keeps it alive for every slice it hands out. That nobody
    // truncates or writes the file meanwhile is the documented duty of whoever installs models (module header).
    #[allow(unsafe_code)]
    let map = unsafe { memmap2::MmapOptions::new().map(&file)? };
    Ok(Mapping(Some(map)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_files_and_refuses_the_rest() {
        let dir = std::env::temp_dir().join(format!("easel-mapping-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("a"), b"abc").unwrap();
        std::fs::write(dir.join("empty"), b"").unwrap();
        assert_eq!(&*map_file(&dir.join("a")).unwrap(), b"abc");
        let large: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(dir.join("large"), &large).unwrap();
        let map = map_file(&dir.join("large")).unwrap();
        for range in [0..300_000, 70_000..300_000, 5..6, 299_999..400_000] {
            map.forget(range);
            assert!(*map == large[..], "what is forgotten is read again");
        }
        assert!(map_file(&dir.join("empty")).unwrap().is_empty());
        assert!(map_file(&dir).is_err(), "a folder is not a file");
        assert!(map_file(&dir.join("missing")).is_err());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
