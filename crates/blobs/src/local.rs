//! What a crash leaves in a local folder: files that were being written, named like the file they were to become with `#1` behind it.
//! They are never listed or read; here they are swept away.

use std::{fs, io, path::Path, time::SystemTime};

use crate::{BlobError, Blobs, open::Kind};

impl Blobs {
    /// Deletes what writers that are gone left unfinished before a time (an hour ago, say); returns how many. Blocks. Clouds have none.
    pub fn sweep_unfinished(&self, before: SystemTime) -> Result<u64, BlobError> {
        let Kind::Local(root) = self.kind() else { return Ok(0) };
        sweep(root, before)
            .map_err(|source| BlobError::Unavailable(object_store::Error::Generic { store: "local", source: Box::new(source) }))
    }
}

fn sweep(folder: &Path, before: SystemTime) -> io::Result<u64> {
    let mut swept = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Of links neither the target nor the link is ours.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            swept += sweep(&entry.path(), before)?;
        } else if kind.is_file() && is_unfinished(&entry.file_name().to_string_lossy()) {
            let old = entry.metadata().and_then(|meta| meta.modified()).is_ok_and(|modified| modified < before);
            if old {
                fs::remove_file(entry.path())?;
                swept += 1;
            }
        }
    }
    Ok(swept)
}

fn is_unfinished(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, count)| !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()))
}
