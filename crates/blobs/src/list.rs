//! What there is: for finding files without an owner, and for counting bytes.

use std::time::SystemTime;

use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::{ObjectMeta, path::Path};

use crate::{BlobError, Blobs, Folder, Key};

/// One file of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key; `None` for what is not ours.
    pub key: Option<Key>,
    /// Its path in the store, for messages.
    pub path: String,
    /// Its bytes.
    pub size: u64,
    /// When it was written.
    pub modified: SystemTime,
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Blobs {
    /// All files of a folder, or of the whole store, in no order; others' files too.
    pub fn list(&self, folder: Option<Folder>) -> impl Stream<Item = Result<Entry, BlobError>> + Send + 'static {
        let under: Path = self.prefix().parts().chain(folder.map(|folder| folder.name().into())).collect();
        let prefix = self.prefix().clone();
        self.store().list(Some(&under)).map(move |meta| Ok(entry(&prefix, meta?)))
    }

    /// How much a folder, or the whole store, holds.
    pub async fn usage(&self, folder: Option<Folder>) -> Result<Usage, BlobError> {
        let add = async |usage: Usage, entry: Entry| Ok(Usage { files: usage.files + 1, bytes: usage.bytes + entry.size });
        self.list(folder).try_fold(Usage::default(), add).await
    }

    /// Deletes the files of a folder that were written before a time: unconfirmed uploads. Returns how many.
    pub async fn sweep(&self, folder: Folder, before: SystemTime) -> Result<u64, BlobError> {
        let mut entries = std::pin::pin!(self.list(Some(folder)));
        let mut swept = 0;
        while let Some(entry) = entries.try_next().await? {
            if let Some(key) = entry.key.filter(|_| entry.modified < before) {
                self.delete(&key).await?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}

fn entry(prefix: &Path, meta: ObjectMeta) -> Entry {
    let within: Option<Path> = meta.location.prefix_match(prefix).map(Iterator::collect);
    let key = within.and_then(|path| path.as_ref().parse().ok());
    Entry { key, path: meta.location.to_string(), size: meta.size, modified: meta.last_modified.into() }
}
