//! Secrets at rest: sealed before they are stored, bound to the place they are stored in, under keys that can be changed.
//!
//! Envelope encryption with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): each value has a key of its own, which a key of the ring
//! encrypts. Both know table, column, row and the ring's key as associated data, so that a value that is moved to another row, or said to be
//! under another key, does not open. Nonces are 192 random bits. What is stored reads `v1.<key id>.<wrapped key>.<value>`.
//!
//! | rule | file |
//! |---|---|
//! | which keys there are, and that nobody else may read them | `file.rs` |
//! | everything that is stored is brought under the current key | `rotate.rs` |
//! | what settings say of other servers is not stored at all | `server_key.rs` |

mod file;
mod rotate;
mod server_key;

use std::{collections::BTreeMap, fmt, sync::Arc};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use chacha20poly1305::{
    XChaCha20Poly1305,
    aead::{Aead, KeyInit, Payload},
};
use easel_store::sealed::Column;
use zeroize::Zeroizing;

use crate::{PlatformError, Secrets};

pub use rotate::{Rotated, Rotation};
pub use server_key::ServerKey;

const VERSION: &str = "v1";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// No sealed value is longer.
const SEALED_MAX: usize = 64 * 1024;

type Key = Zeroizing<[u8; KEY_BYTES]>;

/// Where a sealed value is stored, and the only place where it opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table and column.
    pub column: Column,
    /// The row's key.
    pub row: &'a str,
}

/// The keys. Cheap to clone; forgotten with the last clone.
#[derive(Clone)]
pub struct Keyring {
    current: String,
    keys: Arc<BTreeMap<String, Key>>,
}

impl fmt::Debug for Keyring {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("current", &self.current).field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

impl Keyring {
    /// Seals a value for this place, under the current key.
    pub fn seal(&self, secrets: &dyn Secrets, place: Place<'_>, plain: &[u8]) -> Result<String, PlatformError> {
        let ring_key = self.keys.get(&self.current).ok_or(UNREADABLE)?;
        let mut own: Key = Zeroizing::new([0; KEY_BYTES]);
        secrets.fill(&mut *own);
        let wrapped = encrypt(ring_key, secrets, &associated("key", place, &self.current), &*own)?;
        let value = encrypt(&own, secrets, &associated("value", place, &self.current), plain)?;
        Ok(format!("{VERSION}.{}.{wrapped}.{value}", self.current))
    }

    /// Opens a value that was sealed for this place, under any key of the ring.
    pub fn open(&self, place: Place<'_>, sealed: &str) -> Result<Zeroizing<Vec<u8>>, PlatformError> {
        let mut parts = sealed.split('.');
        let (Some(VERSION), Some(id), Some(wrapped), Some(value), None, true) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), sealed.len() <= SEALED_MAX)
        else {
            return Err(UNREADABLE);
        };
        let ring_key = self.keys.get(id).ok_or(UNREADABLE)?;
        let own = decrypt(ring_key, &associated("key", place, id), wrapped)?;
        let own: Key = Zeroizing::new(own.as_slice().try_into().map_err(|_| UNREADABLE)?);
        decrypt(&own, &associated("value", place, id), value)
    }

    /// What is sealed under the current key begins with this.
    fn beginning(&self) -> String {
        beginning(&self.current)
    }
}

const UNREADABLE: PlatformError = PlatformError::Sealed;

fn beginning(id: &str) -> String {
    format!("{VERSION}.{id}.")
}

/// Every part with its length, so that no two places look alike.
fn associated(layer: &str, place: Place<'_>, key_id: &str) -> Vec<u8> {
    let (table, column) = place.column.name();
    [VERSION, layer, table, column, place.row, key_id].iter().fold(Vec::new(), |mut all, part| {
        all.extend_from_slice(&(part.len() as u64).to_le_bytes());
        all.extend_from_slice(part.as_bytes());
        all
    })
}

fn encrypt(key: &Key, secrets: &dyn Secrets, aad: &[u8], msg: &[u8]) -> Result<String, PlatformError> {
    let mut nonce = [0; NONCE_BYTES];
    secrets.fill(&mut nonce);
    let sealed =
        XChaCha20Poly1305::new((&**key).into()).encrypt((&nonce).into(), Payload { msg, aad }).map_err(|_| UNREADABLE)?;
    Ok(BASE64.encode([&nonce[..], &sealed].concat()))
}

fn decrypt(key: &Key, aad: &[u8], text: &str) -> Result<Zeroizing<Vec<u8>>, PlatformError> {
    let bytes = BASE64.decode(text).map_err(|_| UNREADABLE)?;
    let (nonce, msg) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(UNREADABLE)?;
    let plain = XChaCha20Poly1305::new((&**key).into()).decrypt(nonce.into(), Payload { msg, aad }).map_err(|_| UNREADABLE)?;
    Ok(Zeroizing::new(plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededSecrets;

    fn place(row: &str) -> Place<'_> {
        Place { column: Column::WebhookSecret, row }
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_and_nowhere_else() {
        let secrets = SeededSecrets::new(1);
        let ring = Keyring::generate(&secrets);
        let sealed = ring.seal(&secrets, place("a"), b"secret").unwrap();
        assert_eq!(&**ring.open(place("a"), &sealed).unwrap(), b"secret");
        assert_ne!(sealed, ring.seal(&secrets, place("a"), b"secret").unwrap(), "never the same twice");
        assert!(ring.open(place("b"), &sealed).is_err(), "another row");
        assert!(ring.open(Place { column: Column::Secret, row: "a" }, &sealed).is_err(), "another table");
        assert!(Keyring::generate(&secrets).open(place("a"), &sealed).is_err(), "another ring");
    }

    #[test]
    fn nothing_that_was_changed_opens() {
        let secrets = SeededSecrets::new(2);
        let ring = Keyring::generate(&secrets).with_new_key(&secrets);
        let sealed = ring.seal(&secrets, place("a"), b"secret").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(ring.open(place("a"), &changed).is_err(), "byte {at}");
            assert!(ring.open(place("a"), &sealed[..at]).is_err(), "the first {at} bytes");
        }
        // Under a key that is in the ring, and not the one it says.
        let old = ring.keys.keys().find(|id| **id != ring.current).unwrap();
        assert!(ring.open(place("a"), &sealed.replace(&ring.current, old)).is_err());
        let other = ring.seal(&secrets, place("a"), b"other!").unwrap();
        let parts = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        let (one, two) = (parts(&sealed), parts(&other));
        let mixed = [&one[0], &one[1], &one[2], &two[3]].map(String::as_str).join(".");
        assert!(ring.open(place("a"), &mixed).is_err(), "another value's key");
    }

    /// draft-irtf-cfrg-xchacha-03, appendix A.3.1: that the cipher underneath is the one we say.
    #[test]
    fn the_cipher_is_xchacha20_poly1305() {
        let key: [u8; 32] = std::array::from_fn(|index| 0x80 + index as u8);
        let nonce: [u8; 24] = std::array::from_fn(|index| 0x40 + index as u8);
        let msg =
            b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
        let aad = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
        let sealed = XChaCha20Poly1305::new((&key).into()).encrypt((&nonce).into(), Payload { msg, aad: &aad }).unwrap();
        let (text, tag) = sealed.split_at(msg.len());
        assert_eq!(crate::accounts::hex(&text[..16]), "bd6d179d3e83d43b9576579493c0e939");
        assert_eq!(crate::accounts::hex(tag), "c0875924c1c7987947deafd8780acf49");
    }
}
