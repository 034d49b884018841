//! Which tokens open, close and pad a text, read from `tokenizer_config.json` and `special_tokens_map.json` as transformers reads them.
//!
//! The padding token is the model's own: SD 1.x pads with the closing token, SD 2.x and SDXL's second encoder with `!`. Where both files
//! name one, `special_tokens_map.json` wins unless the configuration lists its `added_tokens_decoder` (transformers' rule; SD 2.1's
//! published files disagree with each other and depend on it). Every such token is special wherever it stands in a prompt: with `!` for
//! padding, a `!` in the text has the padding id too, in transformers and here.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};
use tokenizers::AddedToken;

use super::PromptError;

/// Tokens per encoder call where the files name no length; every published CLIP has this one.
const MAX_LENGTH: usize = 77;

/// transformers writes 1e30 for "no limit"; no CLIP text encoder comes near this.
const LONGEST: f64 = 8192.0;

/// The tokens with a role and how each is matched in a text.
#[derive(Debug, Clone)]
pub(super) struct SpecialTokens {
    pub bos: AddedToken,
    pub eos: AddedToken,
    pub unk: AddedToken,
    pub pad: AddedToken,
    /// Further tokens that are matched whole in a text, with the ids the files give them.
    pub added: Vec<(u32, AddedToken)>,
    pub max_length: usize,
}

#[derive(Debug, Default, Deserialize)]
struct Config {
    bos_token: Option<Written>,
    eos_token: Option<Written>,
    unk_token: Option<Written>,
    pad_token: Option<Written>,
    model_max_length: Option<f64>,
    added_tokens_decoder: Option<BTreeMap<String, Written>>,
}

/// A token as the files write it: its text, or its text with flags.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Flags(Flags),
}

#[derive(Debug, Deserialize)]
struct Flags {
    content: String,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    normalized: bool,
}

impl Written {
    /// As transformers takes the tokens that have a role: by their text, whatever flags stand beside it.
    fn named(self) -> AddedToken {
        match self {
            Self::Text(text) | Self::Flags(Flags { content: text, .. }) => exact(&text),
        }
    }

    /// As transformers takes `added_tokens_decoder`: with the flags.
    fn flagged(self) -> AddedToken {
        match self {
            Self::Text(text) => exact(&text),
            Self::Flags(flags) => AddedToken::from(flags.content, true)
                .lstrip(flags.lstrip)
                .rstrip(flags.rstrip)
                .single_word(flags.single_word)
                .normalized(flags.normalized),
        }
    }
}

/// A special token that is matched as it is written, before the text is lower-cased.
fn exact(text: &str) -> AddedToken {
    AddedToken::from(text, true).normalized(false)
}

impl SpecialTokens {
    /// Reads both files of `folder`; either may be missing.
    pub fn read(folder: &Path) -> Result<Self, PromptError> {
        let config: Config = read_json(&folder.join("tokenizer_config.json"))?.unwrap_or_default();
        let map: Config = match config.added_tokens_decoder {
            Some(_) => Config::default(),
            None => read_json(&folder.join("special_tokens_map.json"))?.unwrap_or_default(),
        };
        let pick = |first: Option<Written>, second: Option<Written>, default: &str| {
            first.or(second).map_or_else(|| exact(default), Written::named)
        };
        let (start, end) = ("<|startoftext|>", "<|endoftext|>");
        let max_length = config.model_max_length.or(map.model_max_length).filter(|&length| length < LONGEST);
        let max_length = max_length.map_or(MAX_LENGTH, |length| length as usize);
        if max_length < 3 {
            let reason =
                format!("`model_max_length` is {max_length}: too short for a single word between the opening and closing token");
            return Err(PromptError::BadFile { path: folder.join("tokenizer_config.json"), reason });
        }
        Ok(Self {
            bos: pick(map.bos_token, config.bos_token, start),
            eos: pick(map.eos_token, config.eos_token, end),
            unk: pick(map.unk_token, config.unk_token, end),
            pad: pick(map.pad_token, config.pad_token, end),
            added: added_tokens(config.added_tokens_decoder.unwrap_or_default(), folder)?,
            max_length,
        })
    }
}

fn added_tokens(written: BTreeMap<String, Written>, folder: &Path) -> Result<Vec<(u32, AddedToken)>, PromptError> {
    let parse = |(id, token): (String, Written)| match id.parse() {
        Ok(id) => Ok((id, token.flagged())),
        Err(_) => Err(PromptError::BadFile {
            path: folder.join("tokenizer_config.json"),
            reason: format!("`added_tokens_decoder` has the key `{id}`, which is no token id"),
        }),
    };
    written.into_iter().map(parse).collect()
}

/// Reads a file that may be missing.
pub(super) fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, PromptError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(PromptError::Read { path: path.to_owned(), source }),
    }
}

/// Reads a JSON file that may be missing.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, PromptError> {
    read_optional(path)?.map(|bytes| parse_json(path, &bytes)).transpose()
}

/// Parses a file's bytes; the error names the file.
pub(super) fn parse_json<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, PromptError> {
    serde_json::from_slice(bytes).map_err(|error| bad(path.to_owned(), error))
}

/// An error about a file's content.
pub(super) fn bad(path: PathBuf, reason: impl ToString) -> PromptError {
    PromptError::BadFile { path, reason: reason.to_string() }
}
