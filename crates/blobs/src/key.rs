//! The names files are stored under, and the only way to a path.
//!
//! `output/k3/k3x….png`: a folder, two characters that spread the files over directories, a name, an ending. The name is 160 random bits,
//! a SHA-256 of the content, or a keyed hash of a label; all three are as good as impossible to guess, unlike a UUID with a time in it.
//! Nothing that a person typed is part of it, and no other text parses, so a key cannot lead out of the store.

use std::{fmt, str::FromStr};

use hmac::{Hmac, KeyInit, Mac};
use rand::CryptoRng;
use sha2::{Digest, Sha256};

use crate::BlobError;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Folder {
    /// Pictures people sent.
    Input,
    /// Pictures that were drawn.
    Output,
    /// Their small versions.
    Thumb,
    /// Pictures of people.
    Avatar,
    /// What people download once: exports of their data.
    Export,
    /// Uploads that nobody has confirmed yet; swept after a day.
    Temp,
}

impl Folder {
    /// Every folder.
    pub const ALL: &'static [Self] = &[Self::Input, Self::Output, Self::Thumb, Self::Avatar, Self::Export, Self::Temp];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::Thumb => "thumb",
            Self::Avatar => "avatar",
            Self::Export => "export",
            Self::Temp => "temp",
        }
    }
}

/// What a file contains; stores without types of their own tell it by the ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A picture.
    Png,
    /// A picture.
    Jpeg,
    /// A picture.
    Webp,
    /// Data.
    Json,
    /// Several files.
    Zip,
    /// Bytes nobody has looked at: uploads before they are checked.
    Unknown,
}

impl FileKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Png, Self::Jpeg, Self::Webp, Self::Json, Self::Zip, Self::Unknown];

    /// As file names end, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
            Self::Json => "json",
            Self::Zip => "zip",
            Self::Unknown => "bin",
        }
    }

    /// As HTTP names it.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Json => "application/json",
            Self::Zip => "application/zip",
            Self::Unknown => "application/octet-stream",
        }
    }
}

/// Lower-case letters and digits that are not mistaken for one another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Five bits each: 160 in all.
const RANDOM_LENGTH: usize = 32;
/// Hexadecimal SHA-256.
const HASH_LENGTH: usize = 64;

/// The name of one file in the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    text: String,
    folder: Folder,
    kind: FileKind,
}

impl Key {
    /// A key nobody can guess, different each time.
    pub fn random(folder: Folder, kind: FileKind, random: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; RANDOM_LENGTH];
        random.fill_bytes(&mut bytes);
        // The alphabet has 32 characters, so that five bits of each byte are one, evenly.
        let name: String = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        Self::named(folder, kind, &name)
    }

    /// The key of these bytes: the same bytes always have the same one.
    pub fn of_content(folder: Folder, kind: FileKind, bytes: &[u8]) -> Self {
        Self::named(folder, kind, &hex(&Sha256::digest(bytes)))
    }

    /// The same key for the same label, which nobody without the secret can work out: a job that is run again writes the same file.
    pub fn derived(folder: Folder, kind: FileKind, secret: &[u8], label: &str) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes secrets of any length. This is a bug.");
        mac.update(b"easel-blob-key\0");
        mac.update(label.as_bytes());
        Self::named(folder, kind, &hex(&mac.finalize().into_bytes()))
    }

    fn named(folder: Folder, kind: FileKind, name: &str) -> Self {
        let text = format!("{}/{}/{name}.{}", folder.name(), &name[..2], kind.extension());
        Self { text, folder, kind }
    }

    /// The whole of it, as databases keep it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it is for.
    pub fn folder(&self) -> Folder {
        self.folder
    }

    /// What it contains.
    pub fn kind(&self) -> FileKind {
        self.kind
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Key {
    type Err = BlobError;

    /// Only what one of the functions above could have made.
    fn from_str(text: &str) -> Result<Self, BlobError> {
        let mut parts = text.split('/');
        let (Some(folder), Some(spread), Some(file), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(BlobError::Key);
        };
        let (name, extension) = file.split_once('.').ok_or(BlobError::Key)?;
        let folder = Folder::ALL.iter().find(|known| known.name() == folder).ok_or(BlobError::Key)?;
        let kind = FileKind::ALL.iter().find(|known| known.extension() == extension).ok_or(BlobError::Key)?;
        let random = name.len() == RANDOM_LENGTH && name.bytes().all(|byte| ALPHABET.contains(&byte));
        let hash = name.len() == HASH_LENGTH && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !(random || hash) || name.get(..2) != Some(spread) {
            return Err(BlobError::Key);
        }
        Ok(Self::named(*folder, *kind, name))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn random_key() -> Key {
        Key::random(Folder::Output, FileKind::Png, &mut rand::rng())
    }

    #[test]
    fn keys_are_read_as_they_are_written() {
        for &folder in Folder::ALL {
            for &kind in FileKind::ALL {
                for key in [
                    Key::random(folder, kind, &mut rand::rng()),
                    Key::of_content(folder, kind, b"abc"),
                    Key::derived(folder, kind, b"secret", "job 1/0"),
                ] {
                    let read: Key = key.as_str().parse().unwrap();
                    assert_eq!((&read, read.folder(), read.kind()), (&key, folder, kind));
                }
            }
        }
    }

    #[test]
    fn names_are_what_they_claim() {
        let key = Key::of_content(Folder::Input, FileKind::Jpeg, b"abc");
        // FIPS 180-2's own example.
        assert_eq!(key.as_str(), "input/ba/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.jpg");
        let derived = |secret: &[u8], label| Key::derived(Folder::Output, FileKind::Png, secret, label);
        assert_eq!(derived(b"a", "job"), derived(b"a", "job"));
        assert_ne!(derived(b"a", "job"), derived(b"b", "job"));
        assert_ne!(derived(b"a", "job"), derived(b"a", "job2"));
        let many: HashSet<_> = (0..1000).map(|_| random_key()).collect();
        assert_eq!(many.len(), 1000);
    }

    #[test]
    fn every_character_of_a_random_name_is_equally_likely() {
        let mut counts = [0u32; 256];
        for _ in 0..2000 {
            let key = random_key();
            key.as_str()[10..42].bytes().for_each(|byte| counts[usize::from(byte)] += 1);
        }
        let used: Vec<_> = counts.iter().filter(|count| **count > 0).collect();
        // 64,000 draws of 32: 2,000 each, with a standard deviation of 44.
        assert_eq!(used.len(), 32);
        assert!(used.iter().all(|count| (1700..2300).contains(*count)), "{used:?}");
    }

    #[test]
    fn nothing_else_is_a_key() {
        let name = "k3".repeat(16);
        let good = format!("output/k3/{name}.png");
        assert!(good.parse::<Key>().is_ok());
        for bad in [
            String::new(),
            "..".into(),
            "/etc/passwd".into(),
            format!("/{good}"),
            format!("{good}/"),
            format!("{good}#1"),
            format!("{good}\0"),
            format!("output/../output/k3/{name}.png"),
            format!("output/k4/{name}.png"),
            format!("logs/k3/{name}.png"),
            format!("output/k3/{name}.exe"),
            format!("output/k3/{name}.png.exe"),
            format!("output/k3/{}.png", name.to_uppercase()),
            format!("output/k3/{}.png", &name[1..]),
            format!("output\\k3\\{name}.png"),
            format!("output/%2e/{name}.png"),
            format!("output/k3/{}.png", "猫".repeat(16)),
        ] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn texts_never_panic(text in "\\PC*") {
            let _ = text.parse::<Key>();
        }

        #[test]
        fn changed_keys_stay_within_their_form(at in 0usize..46, to in any::<char>()) {
            let mut text: Vec<char> = random_key().as_str().chars().collect();
            let at = at % text.len();
            text[at] = to;
            let text: String = text.into_iter().collect();
            if let Ok(key) = text.parse::<Key>() {
                prop_assert_eq!(key.as_str(), text);
            }
        }
    }
}
