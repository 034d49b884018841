//! `easel.toml`: what is known of an installed model beyond its files. Written once, at installation.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{LibraryError, import};
use crate::weights::Family;

/// The manifest's file name.
pub const MANIFEST: &str = "easel.toml";
const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// Digits of A1111's model hash.
const SHORT_HASH_DIGITS: usize = 10;

/// What is known of an installed model. Everything may be absent: a folder that somebody put there by hand has no manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manifest {
    /// Where it came from: `org/name` or the imported file's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The pinned commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The licence as its publisher names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// The family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// SHA-256 of the checkpoint, or of the denoiser's weights in a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Bytes of all files.
    pub size_bytes: u64,
    /// Seconds since 1970 when it was installed.
    pub installed_at: u64,
    /// The weights files and their checksums.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ManifestFile>,
}

/// One file with its checksum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Path in the model's folder.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: String,
}

impl Manifest {
    /// A1111's model hash: the first ten digits of the checksum.
    pub fn short_hash(&self) -> Option<&str> {
        self.sha256.as_deref()?.get(..SHORT_HASH_DIGITS)
    }

    /// What there is to know of a diffusers folder, every file of weights being hashed.
    pub fn of(folder: &Path) -> Result<Self, LibraryError> {
        import::of_folder(folder)
    }

    /// Reads a folder's manifest; an empty one where there is none.
    pub fn read(folder: &Path) -> Result<Self, LibraryError> {
        let path = folder.join(MANIFEST);
        if !path.is_file() {
            return Ok(Self::default());
        }
        let mut text = String::new();
        let file = File::open(&path).map_err(LibraryError::io(&path))?;
        file.take(MANIFEST_BYTES_MAX).read_to_string(&mut text).map_err(LibraryError::io(&path))?;
        toml::from_str(&text).map_err(|e| LibraryError::Manifest { path, reason: e.message().to_owned() })
    }

    /// Writes it into a model's folder.
    pub fn write(&self, folder: &Path) -> Result<(), LibraryError> {
        let path = folder.join(MANIFEST);
        let text = toml::to_string(self).map_err(|e| LibraryError::Manifest { path: path.clone(), reason: e.to_string() })?;
        let mut file = File::create(&path).map_err(LibraryError::io(&path))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(LibraryError::io(&path))
    }
}

/// SHA-256 of a file.
pub(super) fn sha256(path: &Path) -> Result<String, LibraryError> {
    let io = |e| LibraryError::io(path)(e);
    let mut file = File::open(path).map_err(io)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            read => hasher.update(&buffer[..read]),
        }
    }
}
