//! Copies of the database, for the binary's `backup` and `restore`.
//!
//! A SQLite database is copied to a file while the server runs; either database is dumped to a portable text and restored into an empty one,
//! also of the other kind. What a copy does not hold is the pictures' bytes: they are copied with the means of where they are. After a
//! restore, whoever asked to be forgotten since the copy was made must be forgotten again: the list of them is kept apart
//! ([`erasures()`], [`replay_erasures`]).

use std::{
    fs::{File, OpenOptions},
    io::{BufReader, BufWriter, Write},
    path::Path,
};

use easel_store::{
    backup::{self, BackupError, Copied},
    erasures::{self, Erasure},
};

use crate::{Context, PlatformError, privacy::Privacy};

/// Copies a SQLite database to a new file; others go on reading and writing meanwhile.
pub async fn copy_file(context: &Context, to: &Path) -> Result<(), PlatformError> {
    Ok(backup::copy_file(&context.db, to).await?)
}

/// Puts such a copy into the place of a database that is not there, after looking through it.
pub async fn restore_file(from: &Path, to: &Path) -> Result<(), PlatformError> {
    Ok(backup::restore_file(from, to).await?)
}

/// Dumps either database to a new file that only its owner may read. A dump that fails leaves none.
pub async fn dump(context: &Context, to: &Path) -> Result<Copied, PlatformError> {
    let mut out = BufWriter::new(new_file(to)?);
    let dumped = async {
        let copied = backup::dump(&context.db, &mut out).await?;
        out.flush()?;
        // On the disk before we say that it is there.
        out.get_ref().sync_all()?;
        Ok(copied)
    }
    .await;
    if dumped.is_err() {
        std::fs::remove_file(to)?;
    }
    dumped
}

/// Fills an empty database that has the tables.
pub async fn restore(context: &Context, from: &Path) -> Result<Copied, PlatformError> {
    let mut lines = BufReader::new(File::open(from)?);
    Ok(backup::restore(&context.db, &mut lines).await?)
}

/// Who asked to be forgotten, as JSON: to be kept beside the copies and newer than them.
pub async fn erasures(context: &Context) -> Result<String, PlatformError> {
    let all = erasures::all(&context.db).await?;
    serde_json::to_string(&all).map_err(|error| PlatformError::Settings(error.to_string()))
}

/// Forgets in a restored database everybody who asked for it, at once. Returns how many were still there.
pub async fn replay_erasures(privacy: &Privacy, list: &str) -> Result<usize, PlatformError> {
    let asked: Vec<Erasure> = serde_json::from_str(list).map_err(|error| PlatformError::Settings(error.to_string()))?;
    let mut forgotten = 0;
    for erasure in asked {
        forgotten += usize::from(privacy.forget(&erasure.user_id, erasure.requested_at).await?);
    }
    Ok(forgotten)
}

fn new_file(path: &Path) -> Result<File, PlatformError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => BackupError::InTheWay.into(),
        _ => error.into(),
    })
}
