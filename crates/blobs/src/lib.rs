//! Picture bytes in a local folder, an S3-compatible store, Google Cloud Storage or Azure, by URL.
//!
//! `object_store` speaks to all of them; here are the rules of this platform: what keys look like (`key.rs`: unguessable, and the only way
//! to a path), that nothing is half written or overwritten by chance (`store.rs`), who may fetch or send a file for how long (`signed.rs`),
//! and what there is (`list.rs`).
//!
//! Whose a file is, and whether it may be seen, is the database's to say; nothing here knows users. Names, types and texts that people gave
//! never become part of a key. Clock and randomness are parameters.

mod error;
mod key;
mod list;
mod local;
mod open;
mod read;
mod signed;
mod store;

pub use error::BlobError;
pub use key::{FileKind, Folder, Key};
pub use list::{Entry, Usage};
pub use open::Settings;
pub use read::{ByteRange, Meta, Reading};
pub use signed::{Access, Grant, SignedAddress, SigningKeys, UploadAddress};
pub use store::{Blobs, Put};
