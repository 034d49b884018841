//! Installing a model: checked, put together beside its place, hashed, and moved there in one step.
//!
//! Invariants: nothing under a model's name is ever half-made; only the files a model needs are taken (configurations, tokenizers,
//! safetensors), never a pickle and never code; a link in the source may lead within the source folder, or for a snapshot of the hub's
//! cache within that repository's cache, and nowhere else.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    LibraryError,
    manifest::{Manifest, ManifestFile, sha256},
};
use crate::pipeline::{DEFAULTS, Defaults};
use crate::weights::{Family, WeightFile, component::weights_path, folder::only_checkpoint, open_model, single_file};

/// Names at the top of a model's folder: the components, and what its makers recommend.
const TOP: [&str; 2] = ["model_index.json", DEFAULTS];
/// Names that a model's component may bring besides `*.safetensors`.
const WANTED: [&str; 9] = [
    "config.json",
    "scheduler_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "preprocessor_config.json",
];
const COMPONENTS: [&str; 7] = ["unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"];
/// Files beside a checkpoint that belong to it.
const SIDECARS: [&str; 2] = ["toml", "yaml"];

/// What is known of a model that is being installed.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Where it comes from, for the manifest; the file's name without one.
    pub source: Option<String>,
    /// The pinned commit.
    pub revision: Option<String>,
    /// The licence.
    pub licence: Option<String>,
    /// Seconds since 1970.
    pub now: u64,
    /// What is recommended for it, where its makers say nothing.
    pub defaults: Option<Defaults>,
    /// Copy even where a hard link would do. A link costs no space, but an edit of the source in place would change both.
    pub copy: bool,
}

/// Builds the model in `staging` and returns its manifest.
pub(super) fn build(source: &Path, staging: &Path, name: &str, options: &ImportOptions) -> Result<Manifest, LibraryError> {
    let folder = source.is_dir() && source.join("model_index.json").exists();
    let (family, files) = if folder { folder_files(source)? } else { checkpoint_files(source, name)? };
    let root = allowed_root(if folder { source } else { source.parent().unwrap_or(source) })?;
    for (from, to) in &files {
        place(from, &staging.join(to), folder.then_some(root.as_path()), options.copy)?;
    }
    let mut names: Vec<String> = files.into_iter().map(|(_, to)| to).collect();
    if let Some(defaults) = options.defaults.as_ref().filter(|_| folder && !names.iter().any(|name| name == DEFAULTS)) {
        write_defaults(defaults, staging)?;
        names.push(DEFAULTS.to_owned());
    }
    Ok(Manifest {
        source: options.source.clone().or_else(|| Some(source.file_name()?.to_string_lossy().into_owned())),
        revision: options.revision.clone(),
        licence: options.licence.clone(),
        installed_at: options.now,
        ..measured(staging, &names, family)?
    })
}

/// What there is to know of a model that lies ready in `folder`.
pub(super) fn of_folder(folder: &Path) -> Result<Manifest, LibraryError> {
    let (family, files) = folder_files(folder)?;
    let names: Vec<String> = files.into_iter().map(|(_, name)| name).collect();
    measured(folder, &names, family)
}

/// Family, sizes and checksums of the files of a model.
fn measured(folder: &Path, names: &[String], family: Family) -> Result<Manifest, LibraryError> {
    let mut manifest = Manifest { family: Some(family), ..Manifest::default() };
    for name in names {
        let path = folder.join(name);
        let size = fs::metadata(&path).map_err(LibraryError::io(&path))?.len();
        manifest.size_bytes += size;
        if name.ends_with(".safetensors") {
            // Again, and of what lies there now: a disk that filled up leaves a short file.
            WeightFile::open(&path)?;
            manifest.files.push(ManifestFile { path: name.clone(), size, sha256: sha256(&path)? });
        }
    }
    let is_pipeline = folder.join("model_index.json").exists();
    let main = if is_pipeline { weights_path(folder, "unet", None)? } else { only_checkpoint(folder)? };
    let main = main.strip_prefix(folder).unwrap_or(&main);
    let known = manifest.files.iter().find(|file| Path::new(&file.path) == main);
    // Of a sharded denoiser, the first shard.
    let known = known.or_else(|| manifest.files.iter().find(|file| file.path.starts_with("unet/")));
    manifest.sha256 = known.map(|file| file.sha256.clone());
    Ok(manifest)
}

fn write_defaults(defaults: &Defaults, folder: &Path) -> Result<(), LibraryError> {
    let path = folder.join(DEFAULTS);
    let text = toml::to_string(defaults).map_err(|e| LibraryError::Manifest { path: path.clone(), reason: e.to_string() })?;
    fs::write(&path, text).map_err(LibraryError::io(&path))
}

type Files = Vec<(PathBuf, String)>;

fn folder_files(source: &Path) -> Result<(Family, Files), LibraryError> {
    let family = open_model(source, None)?.family;
    let top = TOP.iter().filter(|name| source.join(name).is_file());
    let mut files: Files = top.map(|name| (source.join(name), (*name).to_owned())).collect();
    for component in COMPONENTS {
        let folder = source.join(component);
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        let wanted = |name: &String| {
            WANTED.contains(&name.as_str())
                || name.ends_with(".safetensors")
                || (name.contains(".safetensors.index") && name.ends_with(".json"))
        };
        files.extend(names.iter().filter(|name| wanted(name)).map(|name| (folder.join(name), format!("{component}/{name}"))));
    }
    Ok((family, files))
}

/// A checkpoint keeps its stem in the model's name, so it is stored under that name.
fn checkpoint_files(source: &Path, name: &str) -> Result<(Family, Files), LibraryError> {
    let file = if source.is_dir() { only_checkpoint(source)? } else { source.to_owned() };
    let family = single_file::family(&file)?;
    let mut files = vec![(file.clone(), format!("{name}.safetensors"))];
    for sidecar in SIDECARS {
        let path = file.with_extension(sidecar);
        if path.is_file() {
            files.push((path, format!("{name}.{sidecar}")));
        }
    }
    Ok((family, files))
}

/// The folder that links may not leave.
fn allowed_root(source: &Path) -> Result<PathBuf, LibraryError> {
    let real = source.canonicalize().map_err(LibraryError::io(source))?;
    let snapshots = real.parent().filter(|parent| parent.file_name().is_some_and(|name| name == "snapshots"));
    let repo = snapshots.and_then(Path::parent).filter(|repo| repo.join("blobs").is_dir());
    Ok(repo.map_or_else(|| real.clone(), Path::to_owned))
}

/// Links or copies one file. A checkpoint named by the user may be a link to anywhere: it was chosen, not found.
fn place(from: &Path, to: &Path, root: Option<&Path>, copy: bool) -> Result<(), LibraryError> {
    let real = from.canonicalize().map_err(LibraryError::io(from))?;
    if root.is_some_and(|root| !real.starts_with(root)) {
        return Err(LibraryError::Escapes(from.to_owned()));
    }
    if !fs::metadata(&real).map_err(LibraryError::io(from))?.is_file() {
        return Err(LibraryError::Escapes(from.to_owned()));
    }
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).map_err(LibraryError::io(folder))?;
    if copy || fs::hard_link(&real, to).is_err() {
        fs::copy(&real, to).map_err(LibraryError::io(to))?;
        let file = fs::File::open(to).map_err(LibraryError::io(to))?;
        file.sync_all().map_err(LibraryError::io(to))?;
    }
    Ok(())
}
