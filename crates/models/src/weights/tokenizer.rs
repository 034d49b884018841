//! Which files a model's tokenizer is read from.
//!
//! A diffusers folder brings its tokenizers. A single-file checkpoint does not, and all CLIP text encoders share one vocabulary, so it
//! borrows one: from beside the file, from `tokenizers/clip/` of the library, or from another installed model. A borrowed tokenizer must
//! have exactly as many tokens as the checkpoint's embedding table has rows, so a wrong one is never used silently.
//!
//! Deliberately absent: a built-in copy of CLIP's vocabulary, and any download. `easel pull openai/clip-vit-large-patch14
//! --tokenizer-only` installs it where this module looks.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{
    WeightsError,
    component::{read_capped, read_json},
};

/// Largest tokenizer file read; CLIP's has 2 MB.
const TOKENIZER_BYTES_MAX: u64 = 64 << 20;
/// How many folders above a checkpoint are searched for `tokenizers/clip`, and how many models of a library for theirs.
const PARENTS_MAX: usize = 3;
const NEIGHBOURS_MAX: usize = 1000;
/// Where a library keeps the tokenizer that single-file checkpoints share.
pub const SHARED_CLIP: &str = "tokenizers/clip";
/// Where ComfyUI has it.
const COMFY_CLIP: &str = "comfy/sd1_tokenizer";

/// A tokenizer's folder: `tokenizer.json`, or `vocab.json` with `merges.txt`, and what says how it pads.
#[derive(Clone, Debug)]
pub struct TokenizerFiles {
    /// The folder.
    pub dir: PathBuf,
    /// The padding token that wins over what the folder says: a borrowed tokenizer does not know whose it is. `None` in a diffusers
    /// folder, whose own files are right.
    pub pad_token: Option<&'static str>,
}

impl TokenizerFiles {
    /// The tokenizer in `dir`; says which file is missing when there is none.
    pub fn open(dir: &Path) -> Result<Self, WeightsError> {
        if !has_tokenizer(dir) {
            return Err(WeightsError::model(
                &dir.join("tokenizer.json"),
                "no tokenizer here (vocab.json with merges.txt would do as well); pull or import the model again",
            ));
        }
        for name in ["tokenizer_config.json", "special_tokens_map.json"] {
            let path = dir.join(name);
            if path.exists() {
                read_json(&path)?;
            }
        }
        Ok(Self { dir: dir.to_owned(), pad_token: None })
    }

    /// The same tokenizer padding with another token: CLIP's own pads with the end token, OpenCLIP's with `!`.
    pub(crate) fn padded_with(&self, token: &'static str) -> Self {
        Self { dir: self.dir.clone(), pad_token: Some(token) }
    }

    /// How many tokens the vocabulary has, counted from its files.
    pub fn vocabulary_size(&self) -> Result<usize, WeightsError> {
        let path = self.dir.join("tokenizer.json");
        if path.is_file() {
            let tokenizer = read_large_json(&path)?;
            let listed = tokenizer.pointer("/model/vocab").and_then(Value::as_object);
            let ids = listed.into_iter().flat_map(|vocab| vocab.values().filter_map(Value::as_u64));
            let added = tokenizer.get("added_tokens").and_then(Value::as_array);
            let added = added.into_iter().flatten().filter_map(|token| token.get("id")?.as_u64());
            return Ok(size(ids.chain(added)));
        }
        let vocab = read_large_json(&self.dir.join("vocab.json"))?;
        Ok(size(vocab.as_object().into_iter().flat_map(|vocab| vocab.values().filter_map(Value::as_u64))))
    }
}

fn size(ids: impl Iterator<Item = u64>) -> usize {
    ids.max().map_or(0, |last| usize::try_from(last).unwrap_or(usize::MAX).saturating_add(1))
}

fn read_large_json(path: &Path) -> Result<Value, WeightsError> {
    let bytes = read_capped(path, TOKENIZER_BYTES_MAX)?;
    serde_json::from_slice(&bytes).map_err(|e| WeightsError::model(path, format!("not valid JSON: {e}")))
}

fn has_tokenizer(dir: &Path) -> bool {
    dir.join("tokenizer.json").is_file() || (dir.join("vocab.json").is_file() && dir.join("merges.txt").is_file())
}

/// Finds a CLIP tokenizer of `vocabulary` tokens for the single-file checkpoint at `checkpoint`. `asked` is one named by its sidecar.
pub(crate) fn find_clip(
    checkpoint: &Path,
    asked: Option<PathBuf>,
    roots: &[PathBuf],
    vocabulary: usize,
) -> Result<TokenizerFiles, WeightsError> {
    let must_fit = asked.is_some();
    let mut unfit = None;
    for dir in asked.into_iter().chain(candidates(checkpoint, roots)) {
        if !has_tokenizer(&dir) {
            continue;
        }
        let found = TokenizerFiles::open(&dir)?;
        let size = found.vocabulary_size()?;
        if size == vocabulary {
            return Ok(found);
        }
        unfit.get_or_insert((dir, size));
        if must_fit {
            break;
        }
    }
    let seen = unfit.map_or(String::new(), |(dir, size)| format!("; the one in {} has {size}", dir.display()));
    Err(WeightsError::model(
        checkpoint,
        format!(
            "no CLIP tokenizer of {vocabulary} tokens found{seen}. A single-file checkpoint carries none: run \
             `easel pull openai/clip-vit-large-patch14 --tokenizer-only`, or put a folder named tokenizer beside the file"
        ),
    ))
}

/// Where a tokenizer may lie, nearest first.
fn candidates(checkpoint: &Path, roots: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(folder) = checkpoint.parent() {
        if let Some(stem) = checkpoint.file_stem().and_then(|stem| stem.to_str()) {
            found.push(folder.join(format!("{stem}.tokenizer")));
        }
        found.extend([folder.join("tokenizer"), folder.to_owned()]);
        found.extend(folder.ancestors().take(PARENTS_MAX).map(|parent| parent.join(SHARED_CLIP)));
    }
    for root in roots {
        found.extend([root.join(SHARED_CLIP), root.join("clip"), root.join(COMFY_CLIP)]);
        let mut models: Vec<PathBuf> = std::fs::read_dir(root)
            .into_iter()
            .flatten()
            .flatten()
            .take(NEIGHBOURS_MAX)
            .map(|entry| entry.path().join("tokenizer"))
            .collect();
        // In the order of their names, so that the choice does not depend on the file system.
        models.sort();
        found.extend(models);
    }
    found
}
