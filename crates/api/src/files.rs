//! Pictures that clients fetch by URL: files under one folder, named by 128 random bits, gone after an hour.
//!
//! Whoever knows the name may read the file, so names come from the operating system's randomness, are never logged and never listed.
//! Names from requests are checked to the letter before they touch the file system. The number of files is bounded: the oldest go first.
//! The index lives in memory and is read from the folder when the store opens; files that are not ours are left alone.

use std::{
    collections::VecDeque,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use easel_imaging::Format;

/// What names end with while their files are being written.
const PART: &str = ".part";
const FORMATS: [Format; 3] = [Format::Png, Format::Jpeg, Format::Webp];

/// Where files are kept, and how long.
#[derive(Clone)]
pub struct FilesConfig {
    /// The folder; made if it is not there.
    pub folder: PathBuf,
    /// How long a file can be fetched.
    pub lifetime: Duration,
    /// Files that are kept at most.
    pub count_max: usize,
    /// Where the time of day comes from.
    pub clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

impl FilesConfig {
    /// An hour, as OpenAI's URLs live, and at most a thousand files.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let lifetime = Duration::from_secs(60 * 60);
        Self { folder: folder.into(), lifetime, count_max: 1000, clock: Arc::new(SystemTime::now) }
    }
}

impl fmt::Debug for FilesConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilesConfig")
            .field("folder", &self.folder)
            .field("lifetime", &self.lifetime)
            .field("count_max", &self.count_max)
            .finish_non_exhaustive()
    }
}

/// A file that can be fetched.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) bytes: Vec<u8>,
    pub(crate) format: Format,
    /// How long it can still be fetched.
    pub(crate) remaining: Duration,
}

/// The store; clones are the same store.
#[derive(Debug, Clone)]
pub struct FileStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: FilesConfig,
    /// Oldest first.
    index: Mutex<VecDeque<Entry>>,
}

#[derive(Debug, Clone)]
struct Entry {
    name: String,
    created: SystemTime,
}

impl FileStore {
    /// Opens a folder and forgets what has expired in it.
    pub fn open(config: FilesConfig) -> io::Result<Self> {
        std::fs::create_dir_all(&config.folder)?;
        let mut entries = Vec::new();
        for file in std::fs::read_dir(&config.folder)? {
            let file = file?;
            let Some(name) = file.file_name().to_str().map(str::to_owned) else { continue };
            if name.strip_suffix(PART).is_some_and(|name| format_of(name).is_some()) {
                // A write that a crash cut short.
                remove(&file.path());
            } else if format_of(&name).is_some() {
                entries.push(Entry { name, created: file.metadata()?.modified()? });
            }
        }
        entries.sort_by_key(|entry| entry.created);
        let store = Self(Arc::new(Inner { config, index: Mutex::new(entries.into()) }));
        for name in store.expire() {
            remove(&store.0.config.folder.join(name));
        }
        Ok(store)
    }

    /// Keeps a picture and says under which name.
    pub(crate) async fn put(&self, bytes: Vec<u8>, format: Format) -> io::Result<String> {
        let name = format!("{:032x}.{}", rand::random::<u128>(), format.extension());
        let store = self.clone();
        let put = move || {
            let folder = &store.0.config.folder;
            let gone = store.expire();
            for name in gone {
                remove(&folder.join(name));
            }
            // Written aside and renamed: a reader sees all of a file or none of it.
            let temporary = folder.join(format!("{name}{PART}"));
            std::fs::write(&temporary, bytes)?;
            std::fs::rename(&temporary, folder.join(&name))?;
            store.index().push_back(Entry { name: name.clone(), created: (store.0.config.clock)() });
            Ok(name)
        };
        tokio::task::spawn_blocking(put).await.map_err(io::Error::other)?
    }

    /// A file by the name a client gave; `None` for names that are not ours, unknown or expired.
    pub(crate) async fn get(&self, name: &str) -> Option<Found> {
        let format = format_of(name)?;
        let created = self.index().iter().find(|entry| entry.name == name)?.created;
        let remaining = self.remaining(created)?;
        let bytes = tokio::fs::read(self.0.config.folder.join(name)).await.ok()?;
        Some(Found { bytes, format, remaining })
    }

    fn remaining(&self, created: SystemTime) -> Option<Duration> {
        let age = (self.0.config.clock)().duration_since(created).unwrap_or_default();
        self.0.config.lifetime.checked_sub(age).filter(|left| !left.is_zero())
    }

    /// Takes what has expired, and what is too much, out of the index.
    fn expire(&self) -> Vec<String> {
        let mut index = self.index();
        let mut gone = Vec::new();
        while let Some(oldest) = index.front() {
            if index.len() < self.0.config.count_max && self.remaining(oldest.created).is_some() {
                break;
            }
            gone.extend(index.pop_front().map(|entry| entry.name));
        }
        gone
    }

    fn index(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The format of a name of ours: 32 hexadecimal digits, a dot, a known ending.
fn format_of(name: &str) -> Option<Format> {
    let (stem, extension) = name.split_once('.')?;
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if stem.len() != 32 || !stem.bytes().all(hex) {
        return None;
    }
    FORMATS.into_iter().find(|format| format.extension() == extension)
}

/// A file that cannot be removed now is found again when the store opens next.
fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "an expired picture could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &Path, now: u64) -> FileStore {
        let clock = Arc::new(move || SystemTime::UNIX_EPOCH + Duration::from_secs(now));
        FileStore::open(FilesConfig { count_max: 3, clock, ..FilesConfig::new(folder) }).expect("the folder can be made")
    }

    #[tokio::test]
    async fn only_names_of_ours_are_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret.png"), b"x").unwrap();
        let store = store(folder.path(), 0);
        let name = store.put(b"picture".to_vec(), Format::Jpeg).await.unwrap();
        assert_eq!(store.get(&name).await.unwrap().bytes, b"picture");
        for other in ["secret.png", "../secret.png", "", ".", &name.to_uppercase(), &format!("{name}.part"), &format!("./{name}")]
        {
            assert!(store.get(other).await.is_none(), "{other}");
        }
    }

    #[tokio::test]
    async fn the_oldest_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), 0);
        let mut names = Vec::new();
        for _ in 0..5 {
            names.push(store.put(b"x".to_vec(), Format::Png).await.unwrap());
        }
        assert!(store.get(&names[1]).await.is_none());
        assert!(store.get(&names[2]).await.is_some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[tokio::test]
    async fn a_reopened_store_knows_its_files_and_removes_the_expired() {
        let folder = tempfile::tempdir().unwrap();
        let name = store(folder.path(), 0).put(b"x".to_vec(), Format::Png).await.unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        assert!(store(folder.path(), now).get(&name).await.is_some());
        assert!(store(folder.path(), now + 3601).get(&name).await.is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
