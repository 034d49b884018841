//! Checkpoints in folders of other programs: models without being installed.
//!
//! Folders are listed anew each time; a file is judged by its header once, and again when it has changed. A file that is no model is named, and
//! is no reason to leave out the others.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use super::{Installed, Manifest};
use crate::{
    adapters::{Found, Kind, Shelf},
    weights::{Family, WeightsError, open_model, single_file},
};

/// A file that lies among checkpoints and is none that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// What tells that a file has changed: its bytes, and when they were written.
type Stamp = (u64, Option<SystemTime>);
type Judgement = Result<Family, String>;

/// Other programs' folders, and what was found out about the files in them. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Outside {
    shelf: Shelf,
    judged: Arc<Mutex<HashMap<PathBuf, (Stamp, Judgement)>>>,
}

impl Outside {
    pub fn new(shelf: Shelf) -> Self {
        Self { shelf, judged: Arc::default() }
    }

    pub fn roots(&self) -> &[PathBuf] {
        self.shelf.roots()
    }

    /// What can be used, under its path below the folder.
    pub fn models(&self) -> Vec<Installed> {
        let judged = self.judge();
        let usable = judged.into_iter().filter_map(|(found, judgement)| Some((found, judgement.ok()?)));
        let installed = usable.map(|(found, family)| {
            let manifest = Manifest { family: Some(family), size_bytes: bytes(&found.path), ..Manifest::default() };
            Installed { id: found.name, path: found.path, builtin: false, outside: true, manifest }
        });
        installed.collect()
    }

    /// What cannot, and why.
    pub fn unusable(&self) -> Vec<Unusable> {
        let judged = self.judge();
        let unusable = judged.into_iter().filter_map(|(found, judgement)| Some((found.path, judgement.err()?)));
        unusable.map(|(path, reason)| Unusable { path, reason }).collect()
    }

    fn judge(&self) -> Vec<(Found, Judgement)> {
        let found = self.shelf.list(Kind::Checkpoint);
        let mut known = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Vec::with_capacity(found.len());
        let mut fresh = HashMap::with_capacity(found.len());
        for found in found {
            let stamp = stamp(&found.path);
            let judgement = match known.remove(&found.path) {
                Some((before, judgement)) if before == stamp => judgement,
                _ => judged(&found).map_err(|error| error.to_string()),
            };
            fresh.insert(found.path.clone(), (stamp, judgement.clone()));
            all.push((found, judgement));
        }
        // What is gone is forgotten.
        *known = fresh;
        all
    }
}

/// By the headers of its files: nothing of the weights is read.
fn judged(found: &Found) -> Result<Family, WeightsError> {
    if found.path.is_dir() { Ok(open_model(&found.path, None)?.family) } else { single_file::family(&found.path) }
}

/// Of a folder, those of the file that says what is in it.
fn stamp(path: &Path) -> Stamp {
    let told = if path.is_dir() { path.join("model_index.json") } else { path.to_owned() };
    fs::metadata(told).map_or((0, None), |metadata| (metadata.len(), metadata.modified().ok()))
}

/// Bytes of a file; of a folder nothing, since nobody has counted them.
fn bytes(path: &Path) -> u64 {
    fs::metadata(path).ok().filter(fs::Metadata::is_file).map_or(0, |metadata| metadata.len())
}
