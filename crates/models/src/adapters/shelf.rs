//! Folders of LoRAs, embeddings, ControlNets and checkpoints as AUTOMATIC1111 and ComfyUI lay them out, read as they are.
//!
//! A file goes by its name without folder and extension (`ink`), as A1111 names it, or by its path below the folder (`style/ink`,
//! `style/ink.safetensors`), as ComfyUI does. Folders are listed anew for every look-up, so that a file that is put there is found.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_norway::Value;
use thiserror::Error;

/// What a folder is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// LoRA files.
    Lora,
    /// Textual inversion embeddings.
    Embedding,
    /// ControlNet models.
    ControlNet,
    /// Whole models: single files, and diffusers' folders.
    Checkpoint,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Lora, Self::Embedding, Self::ControlNet, Self::Checkpoint];

    /// The folders of this kind below A1111's root, ComfyUI's root and ComfyUI's `models`.
    fn folders(self) -> &'static [&'static str] {
        match self {
            Self::Lora => &["models/Lora", "models/LyCORIS", "models/loras", "Lora", "loras"],
            Self::Embedding => &["embeddings", "models/embeddings"],
            Self::ControlNet => &["models/ControlNet", "models/controlnet", "ControlNet", "controlnet"],
            Self::Checkpoint => {
                &["models/Stable-diffusion", "models/checkpoints", "models/diffusers", "Stable-diffusion", "checkpoints"]
            }
        }
    }

    /// The lines of a list of folders that are of this kind.
    fn key(self) -> &'static str {
        match self {
            Self::Lora => "loras",
            Self::Embedding => "embeddings",
            Self::ControlNet => "controlnet",
            Self::Checkpoint => "checkpoints",
        }
    }

    /// Whether a folder is one file of this kind, as diffusers keeps them.
    fn is_folder(self, folder: &Path) -> bool {
        let inside = if self == Self::Checkpoint { MODEL_INDEX } else { super::control::WEIGHTS };
        folder.join(inside).is_file()
    }

    /// As messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lora => "LoRA",
            Self::Embedding => "embedding",
            Self::ControlNet => "ControlNet",
            Self::Checkpoint => "checkpoint",
        }
    }
}

/// What a whole model of diffusers has.
const MODEL_INDEX: &str = "model_index.json";
/// Files of one kind that are looked at; a bound on what a folder can cost.
const FILES_MAX: usize = 20_000;
const DEPTH_MAX: usize = 8;
/// A longer `extra_model_paths.yaml` is none.
const YAML_BYTES_MAX: u64 = 1 << 20;
/// How alike a name must be to be suggested, 0..=1.
const ALIKE: f64 = 0.75;
const SUGGESTIONS: usize = 3;

/// Why a name or a folder list cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ShelfError {
    /// No file of that name.
    #[error("no {kind} is called `{name}`{}", near(.alike))]
    Unknown {
        /// What was looked for.
        kind: &'static str,
        /// The name.
        name: String,
        /// Names that are nearly the same.
        alike: Vec<String>,
    },
    /// A list of folders that cannot be read.
    #[error("{}: {reason}", path.display())]
    Paths {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

fn near(alike: &[String]) -> String {
    match alike {
        [] => String::new(),
        alike => format!("; did you mean {}?", alike.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")),
    }
}

/// Where LoRAs, embeddings, ControlNets and checkpoints are found.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    folders: Vec<(Kind, PathBuf)>,
    roots: Vec<PathBuf>,
}

/// A file on the shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its path below the folder, without extension, with `/` between folders.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

impl Found {
    /// The name without folders.
    pub fn word(&self) -> &str {
        stem(&self.name)
    }

    /// Bytes of the file, or of the weights in the folder; 0 if nobody can tell.
    pub fn bytes(&self) -> u64 {
        let weights = if self.path.is_dir() { self.path.join(super::control::WEIGHTS) } else { self.path.clone() };
        fs::metadata(weights).map_or(0, |metadata| metadata.len())
    }

    /// Why it will be refused, as far as its name tells.
    pub fn problem(&self) -> Option<&'static str> {
        crate::weights::is_pickle_name(&self.path).then_some("a pickle, which can hold a program; convert it to safetensors")
    }
}

impl Shelf {
    /// Adds the folders below a program's root or its `models` folder; those that do not exist hold nothing.
    #[must_use]
    pub fn with_root(mut self, root: &Path) -> Self {
        for kind in Kind::ALL {
            self.folders.extend(kind.folders().iter().map(|folder| (kind, root.join(folder))));
        }
        self.roots.push(root.to_owned());
        self
    }

    /// Adds one folder.
    #[must_use]
    pub fn with_folder(mut self, kind: Kind, folder: impl Into<PathBuf>) -> Self {
        self.folders.push((kind, folder.into()));
        self
    }

    /// Adds what ComfyUI's `extra_model_paths.yaml` lists. Relative paths are taken from the file's own folder, as ComfyUI takes them.
    pub fn with_extra_paths(mut self, path: &Path) -> Result<Self, ShelfError> {
        let fail = |reason: String| ShelfError::Paths { path: path.to_owned(), reason };
        let length = fs::metadata(path).map_err(|error| fail(error.to_string()))?.len();
        if length > YAML_BYTES_MAX {
            return Err(fail(format!("{length} bytes are too many for a list of folders")));
        }
        let text = fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
        // One section for each program: folders by kind, one or several lines each.
        let sections: BTreeMap<String, Option<BTreeMap<String, Value>>> =
            serde_norway::from_str(&text).map_err(|error| fail(error.to_string()))?;
        let here = path.parent().unwrap_or(Path::new("."));
        for section in sections.into_values().flatten() {
            let lines = |key: &str| -> Vec<&str> {
                let text = section.get(key).and_then(Value::as_str).unwrap_or_default();
                text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
            };
            let base = lines("base_path").first().map_or_else(|| here.to_owned(), |base| here.join(base));
            for kind in Kind::ALL {
                self.folders.extend(lines(kind.key()).iter().map(|folder| (kind, base.join(folder))));
            }
            self.roots.push(base);
        }
        Ok(self)
    }

    /// The programs' own folders, where a tokenizer may lie that their checkpoints need.
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// All files of a kind, in the order of the folders. Pickles are listed: whoever opens one is told what it is.
    pub fn list(&self, kind: Kind) -> Vec<Found> {
        let mut found = Vec::new();
        for (_, folder) in self.folders.iter().filter(|(of, _)| *of == kind) {
            walk(kind, folder, "", DEPTH_MAX, &mut found);
        }
        found
    }

    /// The file of a name: of several the first folder's, and of one folder's the safetensors.
    pub fn find(&self, kind: Kind, name: &str) -> Result<PathBuf, ShelfError> {
        let all = self.list(kind);
        let wanted = name.strip_suffix(".safetensors").unwrap_or(name).replace('\\', "/");
        let exact = all.iter().find(|found| found.name == wanted);
        let found = exact.or_else(|| all.iter().find(|found| stem(&found.name) == wanted));
        found.map(|found| found.path.clone()).ok_or_else(|| ShelfError::Unknown {
            kind: kind.name(),
            name: name.chars().take(100).collect(),
            alike: alike(&wanted, &all),
        })
    }
}

fn stem(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The names most like `wanted`, the best first.
fn alike(wanted: &str, all: &[Found]) -> Vec<String> {
    let lower = wanted.to_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(&lower, &stem(name).to_lowercase());
    let mut scored: Vec<(f64, &str)> = all.iter().map(|found| (likeness(&found.name), stem(&found.name))).collect();
    scored.retain(|(likeness, _)| *likeness >= ALIKE);
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(SUGGESTIONS).map(|(_, name)| name.to_owned()).collect()
}

/// Collects weight files; safetensors come before pickles of the same name.
fn walk(kind: Kind, folder: &Path, prefix: &str, depth: usize, found: &mut Vec<Found>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort_by_key(|path| (crate::weights::is_pickle_name(path), path.clone()));
    for path in paths {
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.')) else { continue };
        if found.len() >= FILES_MAX {
            return;
        }
        if path.is_dir() {
            if kind.is_folder(&path) {
                found.push(Found { name: format!("{prefix}{name}"), path });
            } else if depth > 0 {
                walk(kind, &path, &format!("{prefix}{name}/"), depth - 1, found);
            }
        } else if let Some((stem, extension)) = name.rsplit_once('.')
            && (extension == "safetensors" || crate::weights::is_pickle_name(&path))
            // An autoencoder beside its checkpoint belongs to it.
            && !(kind == Kind::Checkpoint && stem.ends_with(".vae"))
        {
            found.push(Found { name: format!("{prefix}{stem}"), path });
        }
    }
}
