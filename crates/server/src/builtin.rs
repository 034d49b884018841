//! The built-in model: embedded in the binary, unpacked under the data folder so that it can be mapped into memory like any other.
//!
//! A manifest is written beside the files when they are unpacked, as for any installed model: family, sizes, checksums.
//!
//! Unpacking is atomic (a temporary folder, then a rename), so two processes may start at once. Every start compares the unpacked files
//! with the embedded ones and unpacks again if anybody has changed them; for 24 MB that takes a few milliseconds.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use easel_models::library::{LibraryError, Manifest};
use tempfile::TempDir;

use crate::error::{Exit, Failure, Result};

/// The model's name.
pub const NAME: &str = "builtin";

/// Where it lies in the data folder: beside the models users install, which are theirs.
const FOLDER: &str = "embedded";

/// Name within the model's folder, and content.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// Whether this build has the model inside.
pub fn is_embedded() -> bool {
    !FILES.is_empty()
}

/// The folder under `data` that holds the model's, unpacked if it is not there yet; `None` if this build has none inside.
pub fn unpack(data: &Path) -> Result<Option<PathBuf>> {
    if !is_embedded() {
        return Ok(None);
    }
    let parent = data.join(FOLDER);
    let folder = parent.join(NAME);
    if !is_sound(&folder) {
        write(&parent, &folder).map_err(|error| {
            Failure::new(Exit::Failure, format!("cannot unpack the built-in model to {}: {error}", folder.display()))
                .hint("name a folder that can be written to with --data-dir or EASEL_DATA_DIR")
        })?;
    }
    Ok(Some(parent))
}

/// Every file is there with its content, and a manifest that knows of it.
fn is_sound(folder: &Path) -> bool {
    Manifest::read(folder).is_ok_and(|manifest| manifest.family.is_some() && manifest.sha256.is_some())
        && FILES.iter().all(|(name, content)| {
            let path = folder.join(name);
            fs::metadata(&path).is_ok_and(|meta| meta.len() == content.len() as u64)
                && fs::read(&path).is_ok_and(|found| found == *content)
        })
}

fn write(parent: &Path, folder: &Path) -> std::result::Result<(), LibraryError> {
    let fresh = staged(parent).map_err(|source| LibraryError::Io { path: parent.to_owned(), source })?;
    let licence = Some(env!("CARGO_PKG_LICENSE").to_owned());
    Manifest { licence, ..Manifest::of(fresh.path())? }.write(fresh.path())?;
    publish(fresh, parent, folder).map_err(|source| LibraryError::Io { path: folder.to_owned(), source })
}

/// The embedded files in a temporary folder.
fn staged(parent: &Path) -> io::Result<TempDir> {
    fs::create_dir_all(parent)?;
    let fresh = tempfile::Builder::new().prefix(".builtin-").tempdir_in(parent)?;
    for (name, content) in FILES {
        let path = fresh.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(fresh.path()))?;
        fs::write(path, content)?;
    }
    share(fresh.path())?;
    Ok(fresh)
}

/// Puts the temporary folder into its place.
fn publish(fresh: TempDir, parent: &Path, folder: &Path) -> io::Result<()> {
    if folder.exists() {
        // What is there is damaged or of another version. Readers that have mapped it keep their files.
        let old = tempfile::Builder::new().prefix(".builtin-old-").tempdir_in(parent)?;
        fs::rename(folder, old.path().join(NAME))?;
    }
    match fs::rename(fresh.path(), folder) {
        Ok(()) => {
            // The folder has moved, there is nothing left to remove.
            let _ = fresh.keep();
            Ok(())
        }
        // Another process was quicker.
        Err(_) if is_sound(folder) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Temporary folders are for their owner alone; a model may be read by whoever may read the data folder.
#[cfg(unix)]
fn share(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn share(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use easel_models::library::MANIFEST;

    use super::*;

    #[test]
    fn unpacking_repairs_what_somebody_changed() {
        let data = tempfile::tempdir().unwrap();
        let Some(parent) = unpack(data.path()).unwrap() else { return assert!(FILES.is_empty()) };
        let (name, content) = FILES[0];
        fs::write(parent.join(NAME).join(name), b"changed").unwrap();
        assert_eq!(unpack(data.path()).unwrap(), Some(parent.clone()));
        assert_eq!(fs::read(parent.join(NAME).join(name)).unwrap(), content);
        fs::remove_file(parent.join(NAME).join(MANIFEST)).unwrap();
        unpack(data.path()).unwrap();
        assert!(Manifest::read(&parent.join(NAME)).unwrap().sha256.is_some(), "what an older version unpacked gets a manifest");
        let left: Vec<_> = fs::read_dir(&parent).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [NAME], "nothing temporary is left");
    }
}
