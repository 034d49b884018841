//! The files: each picture's bytes are there and are the right ones (I6), and no file is nobody's (I7).

use std::{
    collections::HashSet,
    time::{Duration, UNIX_EPOCH},
};

use easel_blobs::{BlobError, Blobs, Folder, Key};
use easel_store::{Timestamp, exports, images, profiles, uploads};
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};

use super::{Finding, Fsck, Report};
use crate::{Context, PlatformError, accounts::hex};

/// Where every file has a row.
const FOLDERS: [Folder; 5] = [Folder::Output, Folder::Thumb, Folder::Input, Folder::Avatar, Folder::Export];
/// Rows and files looked at in one turn.
const TURN: usize = 200;
/// A file may be older than its row by this much: it is written first.
const ORPHAN_AFTER: Duration = Duration::from_secs(3600);
/// No picture is larger.
const BYTES_MAX: u64 = 1 << 30;

pub(super) async fn check(context: &Context, blobs: &Blobs, report: &mut Report) -> Result<(), PlatformError> {
    check_rows(context, blobs, report).await?;
    check_uploads(context, blobs, report).await?;
    for folder in FOLDERS {
        check_folder(context, blobs, folder, report).await?;
    }
    Ok(())
}

async fn check_rows(context: &Context, blobs: &Blobs, report: &mut Report) -> Result<(), PlatformError> {
    let mut after = String::new();
    loop {
        let page = images::stored_after(&context.db, &after, TURN as i64).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.id);
        for image in &page {
            let found = hash(blobs, &image.storage_key).await?;
            report.files += 1;
            if found.as_deref() != Some(&image.sha256) {
                let (invariant, what) = if found.is_some() {
                    ("I6", "a picture has other bytes than were stored")
                } else {
                    ("I7", "a picture has no file")
                };
                let found = found.unwrap_or_else(|| "no file".to_owned());
                report.findings.push(finding(invariant, what, &image.id, image.sha256.clone(), found));
            }
        }
    }
}

async fn check_uploads(context: &Context, blobs: &Blobs, report: &mut Report) -> Result<(), PlatformError> {
    let mut after = String::new();
    loop {
        let page = uploads::after(&context.db, &after, TURN as i64).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.id);
        for upload in &page {
            let found = hash(blobs, &upload.storage_key).await?;
            report.files += 1;
            if found.as_deref() != Some(&upload.sha256) {
                let what = "a picture that was sent is not as it was stored";
                let found = found.unwrap_or_else(|| "no file".to_owned());
                report.findings.push(finding("I7", what, &upload.id, upload.sha256.clone(), found));
            }
        }
    }
}

/// The hash of a stored file; `None` if there is none.
async fn hash(blobs: &Blobs, key: &str) -> Result<Option<String>, PlatformError> {
    let Ok(key) = key.parse::<Key>() else { return Ok(None) };
    match blobs.read_all(&key, BYTES_MAX).await {
        Ok(bytes) => Ok(Some(hex(&Sha256::digest(&bytes)))),
        Err(BlobError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn check_folder(context: &Context, blobs: &Blobs, folder: Folder, report: &mut Report) -> Result<(), PlatformError> {
    for name in orphans(context, blobs, folder, context.now().before(ORPHAN_AFTER)).await? {
        report.findings.push(Finding {
            repairable: name.parse::<Key>().is_ok(),
            ..finding("I7", "a file belongs to no picture and nobody", &name, "a row".to_owned(), "none".to_owned())
        });
    }
    Ok(())
}

/// The files of a folder that were written before a time and that no row knows.
async fn orphans(context: &Context, blobs: &Blobs, folder: Folder, before: Timestamp) -> Result<Vec<String>, PlatformError> {
    let mut entries = std::pin::pin!(blobs.list(Some(folder)));
    let (mut old, mut orphans) = (Vec::new(), Vec::new());
    loop {
        let entry = entries.try_next().await?;
        let ended = entry.is_none();
        old.extend(entry.filter(|entry| time_of(entry.modified) < before).map(|entry| entry.path_of_key()));
        if old.len() >= TURN || ended {
            let known = known(context, &old).await?;
            orphans.extend(old.drain(..).filter(|key| !known.contains(key)));
        }
        if ended {
            return Ok(orphans);
        }
    }
}

async fn known(context: &Context, names: &[String]) -> Result<HashSet<String>, PlatformError> {
    let mut known: HashSet<String> = images::known_keys(&context.db, names).await?.into_iter().collect();
    known.extend(uploads::known_keys(&context.db, names).await?);
    known.extend(profiles::known_avatars(&context.db, names).await?);
    known.extend(exports::known_keys(&context.db, names).await?);
    Ok(known)
}

impl Fsck {
    /// Removes the files of pictures that belong to nobody and were written this long ago: a program that is killed between writing a picture
    /// and noting it leaves one behind, and if the job is then given up nobody comes back for it. What is no file of ours is left alone.
    /// Returns how many.
    pub async fn remove_orphans(&self, age: Duration) -> Result<u64, PlatformError> {
        let Some(blobs) = &self.blobs else { return Ok(0) };
        let before = self.context.now().before(age.max(ORPHAN_AFTER));
        // What came to an address whose picture was made, or given up, before.
        let since = Duration::from_micros(u64::try_from(before.0).unwrap_or_default());
        let mut removed = blobs.sweep(Folder::Temp, UNIX_EPOCH + since).await?;
        for folder in FOLDERS {
            for name in orphans(&self.context, blobs, folder, before).await? {
                let Ok(key) = name.parse::<Key>() else { continue };
                // A job that was taken up again may have written it anew since it was listed: then it has a row, or is new.
                if !known(&self.context, std::slice::from_ref(&name)).await?.is_empty() {
                    continue;
                }
                let is_old = match blobs.head(&key).await {
                    Ok(meta) => time_of(meta.modified) < before,
                    Err(BlobError::NotFound) => false,
                    Err(error) => return Err(error.into()),
                };
                if is_old {
                    blobs.delete(&key).await?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

/// The name a row would know the file by.
trait PathOfKey {
    fn path_of_key(&self) -> String;
}

impl PathOfKey for easel_blobs::Entry {
    fn path_of_key(&self) -> String {
        self.key.as_ref().map_or_else(|| self.path.clone(), |key| key.as_str().to_owned())
    }
}

fn time_of(time: std::time::SystemTime) -> Timestamp {
    let micros = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    Timestamp(i64::try_from(micros).unwrap_or(i64::MAX))
}

fn finding(invariant: &'static str, what: &'static str, subject: &str, expected: String, found: String) -> Finding {
    Finding { invariant, what, subject: subject.to_owned(), expected, found, repairable: false }
}
