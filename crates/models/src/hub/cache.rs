//! The hub's cache on disk, in the layout that all tools of the hub share: `models--org--name/{blobs,refs,snapshots/<commit>}`.
//!
//! Blobs are named by their checksum and hold the bytes, a snapshot is a tree of links to them, a ref remembers which commit a branch was.
//! So what other tools downloaded is used, and the other way round. Invariant: a blob under its own name is complete and was verified
//! (by us) or at least has its full size (by others); what is unfinished is called `<name>.incomplete`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{HubError, select::RemoteFile};

/// The cache folder of one repository.
#[derive(Clone, Debug)]
pub struct RepoCache {
    folder: PathBuf,
}

impl RepoCache {
    pub fn new(cache: &Path, repo: &str) -> Self {
        Self { folder: cache.join(format!("models--{}", repo.replace('/', "--"))) }
    }

    pub fn blob(&self, file: &RemoteFile) -> PathBuf {
        self.folder.join("blobs").join(file.checksum.hex())
    }

    pub fn partial(&self, file: &RemoteFile) -> PathBuf {
        self.folder.join("blobs").join(format!("{}.incomplete", file.checksum.hex()))
    }

    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    /// Whether the whole blob is there.
    pub fn has(&self, file: &RemoteFile) -> bool {
        fs::metadata(self.blob(file)).is_ok_and(|found| found.is_file() && found.len() == file.size)
    }

    /// Bytes still to download for `file`.
    pub fn missing_bytes(&self, file: &RemoteFile) -> u64 {
        if self.has(file) {
            return 0;
        }
        let partial = fs::metadata(self.partial(file)).map_or(0, |found| found.len());
        file.size.saturating_sub(if partial > file.size { 0 } else { partial })
    }

    pub fn prepare(&self) -> Result<(), HubError> {
        let blobs = self.folder.join("blobs");
        fs::create_dir_all(&blobs).map_err(HubError::io(&blobs))
    }

    /// Puts a blob into a snapshot under its path.
    pub fn link(&self, commit: &str, file: &RemoteFile) -> Result<PathBuf, HubError> {
        let path = self.snapshot(commit).join(&file.path);
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder).map_err(HubError::io(folder))?;
        let up = "../".repeat(2 + file.path.matches('/').count());
        let target = PathBuf::from(format!("{up}blobs/{}", file.checksum.hex()));
        if fs::read_link(&path).is_ok_and(|found| found == target) {
            return Ok(path);
        }
        // Made beside and renamed, so that a reader never sees a half-made snapshot.
        let fresh = folder.join(format!(".{}.link", file.checksum.hex()));
        let _left_over = fs::remove_file(&fresh);
        symlink(&target, &self.blob(file), &fresh).map_err(HubError::io(&fresh))?;
        fs::rename(&fresh, &path).map_err(HubError::io(&path))?;
        Ok(path)
    }

    pub fn write_ref(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        let path = self.folder.join("refs").join(revision);
        let folder = path.parent().unwrap_or(&path);
        fs::create_dir_all(folder).map_err(HubError::io(folder))?;
        fs::write(&path, commit).map_err(HubError::io(&path))
    }

    /// The commit that `revision` was when it was last pulled.
    pub fn read_ref(&self, revision: &str) -> Option<String> {
        let commit = fs::read_to_string(self.folder.join("refs").join(revision)).ok()?.trim().to_owned();
        super::is_commit(&commit).then_some(commit)
    }

    /// Paths of a snapshot's files that are there.
    pub fn files(&self, commit: &str) -> Vec<String> {
        const DEPTH_MAX: usize = 4;
        let root = self.snapshot(commit);
        let (mut found, mut folders) = (Vec::new(), vec![(root.clone(), 0)]);
        while let Some((folder, depth)) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_file() {
                    found.extend(path.strip_prefix(&root).ok().and_then(Path::to_str).map(|name| name.replace('\\', "/")));
                } else if depth < DEPTH_MAX && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push((path, depth + 1));
                }
            }
        }
        found.sort();
        found
    }
}

#[cfg(unix)]
fn symlink(target: &Path, _blob: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Links need a privilege on Windows; a hard link needs none and costs no space either.
#[cfg(not(unix))]
fn symlink(_target: &Path, blob: &Path, link: &Path) -> std::io::Result<()> {
    fs::hard_link(blob, link)
}

/// Bytes free for us on the disk that holds `path`, which may not exist yet. Nothing where the system cannot say.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let existing = path.ancestors().find(|folder| folder.exists())?;
    #[cfg(unix)]
    {
        let disk = rustix::fs::statvfs(existing).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _unknown = existing;
        None
    }
}
