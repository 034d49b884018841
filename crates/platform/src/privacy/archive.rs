//! Everything there is about somebody as one file: `data.json`, their pictures, what they sent.

use std::{
    fs::File,
    io::{self, Seek},
    path::{Path, PathBuf},
};

use tokio::sync::Semaphore;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::Privacy;
use crate::PlatformError;

/// Archives that are written at a time: each needs twice its size on the disk, for as long as it is written.
static WRITING: Semaphore = Semaphore::const_new(1);

impl Privacy {
    /// A ZIP file of everything, open at its beginning. It has no name, and is gone when it is closed.
    pub async fn archive(&self, user_id: &str) -> Result<File, PlatformError> {
        let _turn = WRITING.acquire().await.expect("the semaphore is never closed. This is a bug.");
        let folder = tempfile::tempdir()?;
        self.export(user_id, folder.path()).await?;
        let written = tokio::task::spawn_blocking(move || zipped(folder.path())).await;
        Ok(written.map_err(|error| PlatformError::Settings(format!("writing an archive has panicked: {error}")))??)
    }
}

/// The files of a folder, as they are: pictures do not get smaller.
fn zipped(folder: &Path) -> io::Result<File> {
    let mut writer = ZipWriter::new(tempfile::tempfile()?);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    for path in files(folder)? {
        let name = path.strip_prefix(folder).map_err(io::Error::other)?.to_string_lossy().replace('\\', "/");
        writer.start_file(name, options)?;
        io::copy(&mut File::open(&path)?, &mut writer)?;
    }
    let mut file = writer.finish()?;
    file.rewind()?;
    Ok(file)
}

/// All of them, in an order that is always the same.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}
