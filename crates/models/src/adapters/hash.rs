//! Hashes by which other programs and sites know a file that a picture wears, shortened as AUTOMATIC1111 writes them into pictures.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
};

use sha2::{Digest, Sha256};

/// Digits that are told.
const SHORT: usize = 12;

/// A LoRA's: of its tensors, so that it stays what it is when its header is written anew (Civitai's AutoV3).
#[derive(Debug)]
pub(super) enum Hash {
    /// Its trainer has written it into the file.
    Told(String),
    /// It is computed beside the work of bringing it to the device.
    Computing(JoinHandle<io::Result<String>>),
}

impl Hash {
    /// Of a file, and of what its header says.
    pub fn begin(path: &Path, told: Option<&str>) -> Self {
        let is_one = |told: &&str| told.len() >= SHORT && told.bytes().all(|digit| digit.is_ascii_hexdigit());
        match told.filter(is_one) {
            Some(told) => Self::Told(told.to_ascii_lowercase()),
            None => {
                let path: PathBuf = path.to_owned();
                Self::Computing(thread::spawn(move || of_tensors(&path)))
            }
        }
    }

    /// The first digits, once they are there; of a file that has gone meanwhile there are none.
    pub fn short(self) -> Option<String> {
        let whole = match self {
            Self::Told(whole) => whole,
            Self::Computing(thread) => thread.join().ok()?.ok()?,
        };
        whole.get(..SHORT).map(str::to_owned)
    }
}

/// The first digits of a whole file's hash, as learnt tokens have it.
pub(super) fn of_file(path: &Path) -> io::Result<String> {
    let whole = rest_of(File::open(path)?)?;
    Ok(whole[..SHORT].to_owned())
}

/// What comes after a safetensors file's header.
fn of_tensors(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let length = i64::try_from(u64::from_le_bytes(length)).map_err(|_| io::ErrorKind::InvalidData)?;
    file.seek(SeekFrom::Current(length))?;
    rest_of(file)
}

fn rest_of(mut file: File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_of_the_tensors_alone_unless_the_file_says_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ink.safetensors");
        let mut bytes = 4_u64.to_le_bytes().to_vec();
        bytes.extend(b"{}  abc");
        std::fs::write(&path, bytes).expect("a file");
        // SHA-256 of "abc" (FIPS 180-2, appendix B.1).
        assert_eq!(Hash::begin(&path, None).short().as_deref(), Some("ba7816bf8f01"));
        assert_eq!(Hash::begin(&path, Some("0123456789ABCDEF")).short().as_deref(), Some("0123456789ab"));
        for no_hash in ["", "0123", "not a hash at all"] {
            assert_eq!(Hash::begin(&path, Some(no_hash)).short().as_deref(), Some("ba7816bf8f01"), "{no_hash}");
        }
        assert_eq!(Hash::begin(&folder.path().join("gone"), None).short(), None);
        std::fs::write(&path, b"abc").expect("a file");
        assert_eq!(of_file(&path).expect("it is there"), "ba7816bf8f01");
    }
}
