//! What can go wrong between us and the hub, each with what to do about it.

use std::path::{Path, PathBuf};

/// Why a pull failed.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// The name given is not one.
    #[error("{0:?} is not a repository name; write org/name, org/name@revision or org/name:file.safetensors")]
    Name(String),
    /// The repository, revision or file does not exist, or is private.
    #[error(
        "{what} was not found on {endpoint}; check the spelling, and if it is private set HF_TOKEN to a token that may read it"
    )]
    NotFound {
        /// What was asked for.
        what: String,
        /// The hub asked.
        endpoint: String,
    },
    /// The hub wants to know who is asking, or says no.
    #[error(
        "{endpoint} refuses access to {repo} ({reason}); open {endpoint}/{repo} in a browser, accept the terms if it is gated, and set HF_TOKEN to a token of that account with read access"
    )]
    Denied {
        /// The repository.
        repo: String,
        /// The hub asked.
        endpoint: String,
        /// What the hub said.
        reason: String,
    },
    /// Nothing in the repository can be run, or it is not clear what.
    #[error("{repo}: {reason}")]
    Unusable {
        /// The repository.
        repo: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The network must not be used and the cache does not have what is needed.
    #[error("offline, and {missing} is not in the cache {}; unset HF_HUB_OFFLINE and pull once with a network", cache.display())]
    Offline {
        /// What is missing.
        missing: String,
        /// The cache searched.
        cache: PathBuf,
    },
    /// The disk is too small.
    #[error("{} more bytes are needed in {}, {} are free; free some space or set HF_HOME to a larger disk", needed, folder.display(), free)]
    Space {
        /// Where.
        folder: PathBuf,
        /// Bytes to download.
        needed: u64,
        /// Bytes there are.
        free: u64,
    },
    /// What arrived is not what the hub has.
    #[error(
        "{file}: the download does not have the checksum the hub states (expected {expected}, got {found}); it was removed, pull again"
    )]
    Checksum {
        /// The file in the repository.
        file: String,
        /// What the hub states.
        expected: String,
        /// What arrived.
        found: String,
    },
    /// The transfer broke off too often.
    #[error("{file}: the download broke off at {bytes} bytes ({reason}); pull again to continue there")]
    Interrupted {
        /// The file in the repository.
        file: String,
        /// How much is there.
        bytes: u64,
        /// The last failure.
        reason: String,
    },
    /// The hub answered something unexpected.
    #[error("{endpoint}: {reason}")]
    Answer {
        /// The hub asked.
        endpoint: String,
        /// What was wrong with the answer.
        reason: String,
    },
    /// The cache folder cannot be written or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl HubError {
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
