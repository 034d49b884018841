//! Where the picture of somebody is.

use sha2::{Digest, Sha256};

/// The address, which is another one after the picture has changed; nothing if there is none.
pub(crate) fn avatar_url(username: &str, key: Option<&str>) -> Option<String> {
    key.map(|key| format!("/api/v1/users/{username}/avatar?v={}", avatar_version(key)))
}

/// Tells one picture from another, and nothing of where its file is.
pub(crate) fn avatar_version(key: &str) -> String {
    Sha256::digest(key)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}
