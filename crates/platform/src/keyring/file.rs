//! The file with the keys: made on the first start, or given by the operator.
//!
//! One line for each key, `<id> <32 bytes in base64>`; the first is the current one. Whoever reads this file reads every secret in the
//! database, so it must be its owner's alone, and is worth keeping apart from copies of the database: without it they tell no secrets.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use super::{KEY_BYTES, Key, Keyring};
use crate::{PlatformError, Secrets, accounts::hex};

impl Keyring {
    /// One new key.
    pub fn generate(secrets: &dyn Secrets) -> Self {
        let (id, key) = new_key(secrets);
        Self { current: id.clone(), keys: Arc::new(BTreeMap::from([(id, key)])) }
    }

    /// These keys and a new one, which is the current one from now on.
    #[must_use]
    pub fn with_new_key(&self, secrets: &dyn Secrets) -> Self {
        let (id, key) = new_key(secrets);
        let mut keys = (*self.keys).clone();
        keys.insert(id.clone(), key);
        Self { current: id, keys: Arc::new(keys) }
    }

    /// The current key alone.
    #[must_use]
    pub fn without_old_keys(&self) -> Self {
        let keys = self.keys.iter().filter(|(id, _)| **id == self.current).map(|(id, key)| (id.clone(), key.clone())).collect();
        Self { current: self.current.clone(), keys: Arc::new(keys) }
    }

    /// The names of the keys that are not the current one.
    pub fn old_keys(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str).filter(|id| *id != self.current)
    }

    /// Reads the file, or makes it with one key if there is none. Of several programs that start at once one makes it.
    pub fn open_or_create(path: &Path, secrets: &dyn Secrets) -> Result<Self, PlatformError> {
        if !path.exists() {
            match Self::generate(secrets).write(path, Mode::New) {
                Err(PlatformError::File(error)) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
        Self::read(path)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`PlatformError::Settings`] if others than its owner may read it, or it is none of ours.
    pub fn read(path: &Path) -> Result<Self, PlatformError> {
        check_private(path)?;
        let text = Zeroizing::new(fs::read_to_string(path)?);
        Self::parse(&text)
    }

    /// Reads the lines of a file, from wherever the operator keeps them.
    pub fn parse(text: &str) -> Result<Self, PlatformError> {
        let wrong = |what: &str| PlatformError::Settings(format!("the key ring cannot be used: {what}"));
        let (mut current, mut keys) = (None, BTreeMap::new());
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (id, key) = line.split_once(' ').ok_or_else(|| wrong("a line is a name and a key"))?;
            if id.is_empty() || id.len() > 32 || !id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
                return Err(wrong("a key's name is at most 32 of a-z and 0-9"));
            }
            let bytes = Zeroizing::new(BASE64_STANDARD.decode(key.trim()).map_err(|_| wrong("a key is not base64"))?);
            let key: Key = Zeroizing::new(bytes.as_slice().try_into().map_err(|_| wrong("a key has 32 bytes"))?);
            if key.iter().all(|&byte| byte == key[0]) {
                return Err(wrong("a key that is one byte again and again is no key"));
            }
            if keys.insert(id.to_owned(), key).is_some() {
                return Err(wrong("two keys have the same name"));
            }
            current.get_or_insert_with(|| id.to_owned());
        }
        Ok(Self { current: current.ok_or_else(|| wrong("there is no key in it"))?, keys: Arc::new(keys) })
    }

    /// Puts the file in the place of the one that is there. Written aside and renamed, so that there is a whole one at every moment.
    pub fn replace(&self, path: &Path) -> Result<(), PlatformError> {
        self.write(path, Mode::Replace)
    }

    fn write(&self, path: &Path, mode: Mode) -> Result<(), PlatformError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Private from the beginning, with a name nobody else takes.
        let mut aside = tempfile::Builder::new().prefix(".keyring-").tempfile_in(folder)?;
        aside.write_all(self.text().as_bytes())?;
        aside.as_file().sync_all()?;
        match mode {
            Mode::New => aside.persist_noclobber(path).map_err(|error| error.error)?,
            Mode::Replace => aside.persist(path).map_err(|error| error.error)?,
        };
        // The new name is on the disk before anything is sealed with what it names.
        Ok(fs::File::open(folder)?.sync_all()?)
    }

    fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(
            "# The keys of the secrets in Easel's database. Keep this file to yourself and apart from copies of the database.\n"
                .to_owned(),
        );
        let order = std::iter::once(self.current.as_str()).chain(self.old_keys());
        for (id, key) in order.filter_map(|id| Some((id, self.keys.get(id)?))) {
            let encoded = Zeroizing::new(BASE64_STANDARD.encode(**key));
            for part in [id, " ", &encoded, "\n"] {
                text.push_str(part);
            }
        }
        text
    }
}

#[derive(Clone, Copy)]
enum Mode {
    New,
    Replace,
}

fn new_key(secrets: &dyn Secrets) -> (String, Key) {
    let (mut id, mut key) = ([0; 4], Zeroizing::new([0; KEY_BYTES]));
    secrets.fill(&mut id);
    secrets.fill(&mut *key);
    (format!("k{}", hex(&id)), key)
}

#[cfg(unix)]
fn check_private(path: &Path) -> Result<(), PlatformError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(PlatformError::Settings(format!("others may read the key ring: chmod 600 {}", path.display())));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_private(_path: &Path) -> Result<(), PlatformError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededSecrets;

    #[test]
    fn the_file_is_private_and_made_once() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring");
        let made: Vec<String> = std::thread::scope(|scope| {
            let start = |seed| {
                let path = &path;
                scope.spawn(move || Keyring::open_or_create(path, &SeededSecrets::new(seed)).unwrap().current)
            };
            (0..8).map(start).collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(made.iter().all(|current| *current == made[0]), "{made:?}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(Keyring::read(&path), Err(PlatformError::Settings(_))), "{mode:o}");
        }
    }

    #[test]
    fn what_is_written_is_read_with_the_current_key_first() {
        let secrets = SeededSecrets::new(1);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyring");
        let ring = Keyring::generate(&secrets).with_new_key(&secrets);
        ring.replace(&path).unwrap();
        let read = Keyring::read(&path).unwrap();
        assert_eq!((&read.current, &read.keys), (&ring.current, &ring.keys));
        assert_eq!(read.old_keys().count(), 1);
        assert_eq!(read.without_old_keys().old_keys().count(), 0);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let good = BASE64_STANDARD.encode([1, 2].repeat(16));
        assert!(Keyring::parse(&format!("# x\n\nk1 {good}\n")).is_ok());
        for bad in [
            String::new(),
            "k1".to_owned(),
            "k1 AAAA".to_owned(),
            format!("K1 {good}"),
            format!("k.1 {good}"),
            format!("k1 {good}\nk1 {good}"),
            format!("k1 {}", BASE64_STANDARD.encode([0; 32])),
            format!("k1 {}", BASE64_STANDARD.encode([1, 2].repeat(15))),
        ] {
            let error = Keyring::parse(&bad).unwrap_err().to_string();
            assert!(!error.contains(&good), "{error}");
        }
    }
}
