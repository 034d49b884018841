//! The models on this machine: one folder each below `<data>/models`, and the built-in ones.
//!
//! A model is a diffusers folder, or a folder with one single-file checkpoint, with a manifest (`easel.toml`) beside. Folders and bare
//! checkpoints that somebody put there by hand are listed as well; they just have no manifest. `<data>/tokenizers/clip` holds the
//! tokenizer that single-file checkpoints share. Checkpoints in other programs' folders are models as well, under their paths there, and are
//! never changed (`outside`).
//!
//! Invariants: an id is the folder's name and never a path; installation and removal are one rename, so a reader sees all of a model or
//! nothing; built-in models are never changed. Names that start with a dot are ours while we work and are not models.

mod error;
mod import;
mod manifest;
mod outside;

use std::{
    fs,
    path::{Path, PathBuf},
};

pub use error::LibraryError;
pub use import::ImportOptions;
pub use manifest::{MANIFEST, Manifest, ManifestFile};
pub use outside::Unusable;

use outside::Outside;

use crate::{
    adapters::Shelf,
    hub::Pulled,
    pipeline::Defaults,
    weights::{ModelFiles, OpenOptions, TokenizerFiles, open_model_with, tokenizer::SHARED_CLIP},
};

/// More models than any folder has; a bound on listing.
const MODELS_MAX: usize = 10_000;
const NAME_BYTES_MAX: usize = 100;
/// Folders beside the models that hold something else, or models under names of their own, as A1111 and ComfyUI name them.
const OTHERS: [&str; 25] = [
    "Lora",
    "LyCORIS",
    "loras",
    "embeddings",
    "ControlNet",
    "controlnet",
    "vae_approx",
    "VAE-approx",
    "VAE",
    "vae",
    "Stable-diffusion",
    "checkpoints",
    "diffusers",
    "clip",
    "clip_vision",
    "text_encoders",
    "unet",
    "diffusion_models",
    "hypernetworks",
    "upscale_models",
    "ESRGAN",
    "RealESRGAN",
    "SwinIR",
    "style_models",
    "gligen",
];

/// An installed model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Its name.
    pub id: String,
    /// The folder, or the bare checkpoint.
    pub path: PathBuf,
    /// Whether it came with the program.
    pub builtin: bool,
    /// Whether it lies in another program's folder.
    pub outside: bool,
    /// What is known of it.
    pub manifest: Manifest,
}

/// The installed models below a data folder.
#[derive(Clone, Debug)]
pub struct Library {
    data: PathBuf,
    builtin: Vec<PathBuf>,
    outside: Outside,
}

impl Library {
    /// The library in `data`, which need not exist yet.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), builtin: Vec::new(), outside: Outside::default() }
    }

    /// Lists the models in `folder` as well, as built in.
    #[must_use]
    pub fn with_builtin(mut self, folder: impl Into<PathBuf>) -> Self {
        self.builtin.push(folder.into());
        self
    }

    /// Lists the checkpoints in other programs' folders as well.
    #[must_use]
    pub fn with_shelf(mut self, shelf: Shelf) -> Self {
        self.outside = Outside::new(shelf);
        self
    }

    /// Where models are installed.
    pub fn models_folder(&self) -> PathBuf {
        self.data.join("models")
    }

    /// All models by name. Of two with one name the installed one counts, then the one that came with the program.
    pub fn list(&self) -> Result<Vec<Installed>, LibraryError> {
        let mut all = self.own()?;
        all.extend(self.outside.models());
        Ok(one_of_each(all))
    }

    /// Files in other programs' folders that cannot be models, and why.
    pub fn unusable(&self) -> Vec<Unusable> {
        self.outside.unusable()
    }

    fn own(&self) -> Result<Vec<Installed>, LibraryError> {
        let mut all = scan(&self.models_folder(), false)?;
        for folder in &self.builtin {
            all.extend(scan(folder, true)?);
        }
        Ok(one_of_each(all))
    }

    /// One model.
    pub fn show(&self, id: &str) -> Result<Installed, LibraryError> {
        self.list()?.into_iter().find(|model| model.id == id).ok_or_else(|| LibraryError::NotInstalled(id.to_owned()))
    }

    /// Opens a model's files.
    pub fn open(&self, id: &str, variant: Option<&str>) -> Result<ModelFiles, LibraryError> {
        let options = OpenOptions { variant: variant.map(str::to_owned), roots: self.tokenizer_roots() };
        Ok(open_model_with(&self.show(id)?.path, &options)?)
    }

    /// Where a single-file checkpoint's tokenizer is looked for.
    pub fn tokenizer_roots(&self) -> Vec<PathBuf> {
        let own = [self.data.clone(), self.models_folder()].into_iter().chain(self.builtin.iter().cloned());
        own.chain(self.outside.roots().iter().cloned()).collect()
    }

    /// The model, if it is one that can be removed.
    pub fn removable(&self, id: &str) -> Result<Installed, LibraryError> {
        let model = self.show(id)?;
        if model.builtin {
            return Err(LibraryError::BuiltIn(id.to_owned()));
        }
        if model.outside {
            return Err(LibraryError::Outside(id.to_owned(), model.path));
        }
        Ok(model)
    }

    /// Removes a model. It is gone from the list in one step; its bytes follow.
    pub fn remove(&self, id: &str) -> Result<(), LibraryError> {
        let model = self.removable(id)?;
        let grave = self.models_folder().join(format!(".removed-{}-{id}", std::process::id()));
        fs::rename(&model.path, &grave).map_err(LibraryError::io(&model.path))?;
        let gone = if grave.is_dir() { fs::remove_dir_all(&grave) } else { fs::remove_file(&grave) };
        gone.map_err(LibraryError::io(&grave))
    }

    /// Installs a checkpoint or a diffusers folder under a name.
    pub fn import(&self, source: &Path, name: &str, options: &ImportOptions) -> Result<Installed, LibraryError> {
        check_name(name)?;
        if self.own()?.iter().any(|model| model.id == name) {
            return Err(LibraryError::Exists(name.to_owned()));
        }
        let models = self.models_folder();
        let (staging, path) = (models.join(format!(".import-{}-{name}", std::process::id())), models.join(name));
        let _left_over = fs::remove_dir_all(&staging);
        fs::create_dir_all(&staging).map_err(LibraryError::io(&staging))?;
        let built = import::build(source, &staging, name, options).and_then(|manifest| {
            manifest.write(&staging)?;
            // Fails when a folder of that name appeared meanwhile: a folder is only renamed onto nothing or an empty one.
            fs::rename(&staging, &path).map_err(LibraryError::io(&path))?;
            Ok(manifest)
        });
        if built.is_err() {
            let _cleaned = fs::remove_dir_all(&staging);
        }
        let manifest = built?;
        // So that the name survives a power failure, too. Not every system can open a folder.
        let _synced = fs::File::open(&models).and_then(|folder| folder.sync_all());
        Ok(Installed { id: name.to_owned(), path, builtin: false, outside: false, manifest })
    }

    /// Installs what was pulled from the hub, with what is recommended for it where its makers say nothing.
    pub fn import_pulled(
        &self,
        pulled: &Pulled,
        name: &str,
        defaults: Option<Defaults>,
        now: u64,
    ) -> Result<Installed, LibraryError> {
        let options = ImportOptions {
            source: Some(pulled.repo.clone()),
            revision: Some(pulled.commit.clone()),
            licence: pulled.licence.clone(),
            defaults,
            now,
            copy: false,
        };
        self.import(&pulled.path, name, &options)
    }

    /// Installs a folder's tokenizer for all single-file checkpoints.
    pub fn install_tokenizer(&self, source: &Path) -> Result<TokenizerFiles, LibraryError> {
        const FILES: [&str; 5] =
            ["tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"];
        let inner = source.join("tokenizer");
        let source = if inner.is_dir() { inner } else { source.to_owned() };
        TokenizerFiles::open(&source)?.vocabulary_size()?;
        let target = self.data.join(SHARED_CLIP);
        fs::create_dir_all(&target).map_err(LibraryError::io(&target))?;
        for name in FILES.iter().filter(|name| source.join(name).is_file()) {
            let (fresh, path) = (target.join(format!(".{name}")), target.join(name));
            fs::copy(source.join(name), &fresh).map_err(LibraryError::io(&fresh))?;
            fs::rename(&fresh, &path).map_err(LibraryError::io(&path))?;
        }
        Ok(TokenizerFiles::open(&target)?)
    }

    /// Hashes a model's weights anew and returns the files that are not what was installed.
    pub fn verify(&self, id: &str) -> Result<Vec<String>, LibraryError> {
        let model = self.show(id)?;
        let mut wrong = Vec::new();
        for file in &model.manifest.files {
            let path = model.path.join(&file.path);
            if !path.is_file() || manifest::sha256(&path)? != file.sha256 {
                wrong.push(file.path.clone());
            }
        }
        Ok(wrong)
    }
}

/// By name; of several with one name the first in rank.
fn one_of_each(mut all: Vec<Installed>) -> Vec<Installed> {
    all.sort_by(|a, b| (&a.id, a.outside, a.builtin).cmp(&(&b.id, b.outside, b.builtin)));
    all.dedup_by(|later, first| later.id == first.id);
    all
}

fn scan(folder: &Path, builtin: bool) -> Result<Vec<Installed>, LibraryError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(LibraryError::io(folder)(e)),
    };
    let mut found = Vec::new();
    for path in entries.flatten().take(MODELS_MAX).map(|entry| entry.path()) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.')) else { continue };
        if path.is_dir() && OTHERS.contains(&name) {
            continue;
        }
        if path.is_dir() && is_model(&path) {
            let manifest = Manifest::read(&path)?;
            found.push(Installed { id: name.to_owned(), path, builtin, outside: false, manifest });
        } else if let Some(id) = name.strip_suffix(".safetensors").filter(|_| path.is_file()) {
            let manifest = Manifest::default();
            found.push(Installed { id: id.to_owned(), path: path.clone(), builtin, outside: false, manifest });
        }
    }
    Ok(found)
}

fn is_model(folder: &Path) -> bool {
    folder.join("model_index.json").is_file()
        || folder.join(MANIFEST).is_file()
        || crate::weights::folder::only_checkpoint(folder).is_ok()
}

fn check_name(name: &str) -> Result<(), LibraryError> {
    let plain = name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_'));
    let starts = name.bytes().next().is_some_and(|c| c.is_ascii_alphanumeric());
    if !plain || !starts || name.len() > NAME_BYTES_MAX || name.contains("..") || name.ends_with('.') {
        return Err(LibraryError::Name(name.to_owned()));
    }
    Ok(())
}
