//! CLIP's byte-pair tokenizer over a model's own files, with the ids transformers' `CLIPTokenizer` gives.
//!
//! A folder holds either `tokenizer.json` or the older `vocab.json` with `merges.txt`; both give equal ids. The latter are put together here
//! as CLIP defines them (Radford et al. 2021): NFC, runs of blanks to one, lower case; words, single digits and runs of other signs apart;
//! bytes as letters; `</w>` at the end of a word. The files are checked before the `tokenizers` crate sees them, because it panics on
//! merges that build a token longer than any in the vocabulary.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use tokenizers::{
    AddedToken, ModelWrapper, NormalizerWrapper, PreTokenizerWrapper, SplitDelimiterBehavior, Tokenizer,
    models::bpe::{BPE, Merges, Vocab},
    normalizers::{Lowercase, NFC, Replace, Sequence, replace::ReplacePattern},
    pre_tokenizers::{
        byte_level::ByteLevel,
        sequence::Sequence as Steps,
        split::{Split, SplitPattern},
    },
};

use super::{
    PromptError,
    special::{SpecialTokens, bad, parse_json, read_optional},
};

const WORDS: &str = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// A model's tokenizer. Reads only; may be shared between threads.
#[derive(Debug)]
pub struct ClipTokenizer {
    inner: Tokenizer,
    bos: u32,
    eos: u32,
    pad: u32,
    comma: Option<u32>,
    max_length: usize,
}

type Vocabulary = HashMap<String, u32>;

impl ClipTokenizer {
    /// Reads the tokenizer in `folder`.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, PromptError> {
        let folder = folder.as_ref();
        let special = SpecialTokens::read(folder)?;
        let json = folder.join("tokenizer.json");
        let inner = match read_optional(&json)? {
            Some(bytes) => from_json(&json, &bytes)?,
            None => from_vocabulary(folder, &special)?,
        };
        Self::finish(inner, special, folder)
    }

    /// Settles what both forms share: special tokens, no truncation, no padding by the crate.
    fn finish(mut inner: Tokenizer, special: SpecialTokens, folder: &Path) -> Result<Self, PromptError> {
        // Chunks are cut and padded here; some published files ask the crate to do it at 77.
        inner.with_truncation(None).map_err(|error| PromptError::Tokenizer(error.to_string()))?.with_padding(None);
        let SpecialTokens { bos, eos, unk, pad, added, max_length } = special;
        for (id, token) in &added {
            if inner.token_to_id(&token.content) != Some(*id) {
                let reason = format!("`added_tokens_decoder` gives `{}` the id {id}; the vocabulary does not", token.content);
                return Err(bad(folder.join("tokenizer_config.json"), reason));
            }
        }
        let named = [bos.clone(), eos.clone(), unk, pad.clone()];
        // The configuration's flags replace those in `tokenizer.json`, as in transformers.
        let added = added.into_iter().map(|(_, token)| token);
        inner.add_special_tokens(added).map_err(|error| PromptError::Tokenizer(error.to_string()))?;
        add_missing(&mut inner, named, folder)?;
        let id = |token: &AddedToken| inner.token_to_id(&token.content).ok_or_else(|| not_in_vocabulary(token, folder));
        Ok(Self { bos: id(&bos)?, eos: id(&eos)?, pad: id(&pad)?, comma: inner.token_to_id(",</w>"), max_length, inner })
    }

    /// The same tokenizer filling chunks with another token, for checkpoints that share CLIP's vocabulary but not its padding.
    ///
    /// Only for those: a folder of the model's own says itself what it pads with, in either of two files (`special.rs`).
    pub fn padded_with(mut self, token: &str) -> Result<Self, PromptError> {
        let unknown = || PromptError::Tokenizer(format!("the padding token `{token}` is not in the tokenizer's vocabulary"));
        self.pad = self.inner.token_to_id(token).ok_or_else(unknown)?;
        let token = [AddedToken::from(token, true).normalized(false)];
        self.inner.add_special_tokens(token).map_err(|error| PromptError::Tokenizer(error.to_string()))?;
        Ok(self)
    }

    /// The ids of `text`, without opening and closing token, however many there are.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, PromptError> {
        let encoding = self.inner.encode_fast(text, false).map_err(|error| PromptError::Tokenizer(error.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The id that opens a chunk.
    pub fn bos(&self) -> u32 {
        self.bos
    }

    /// The id that closes a chunk.
    pub fn eos(&self) -> u32 {
        self.eos
    }

    /// The id that fills a chunk after [`Self::eos`].
    pub fn pad(&self) -> u32 {
        self.pad
    }

    /// The id of a comma that ends a word, where chunks prefer to be cut.
    pub fn comma(&self) -> Option<u32> {
        self.comma
    }

    /// Ids in a chunk, opening and closing one included: 77 for every published CLIP.
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// Ids there are: the text encoder's embedding must have at least as many rows.
    pub fn vocabulary_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }
}

/// A special token gets the id it has in the vocabulary; one that has none would get an id past the model's embedding.
fn add_missing(inner: &mut Tokenizer, tokens: [AddedToken; 4], folder: &Path) -> Result<(), PromptError> {
    for token in tokens {
        if inner.token_to_id(&token.content).is_none() {
            return Err(not_in_vocabulary(&token, folder));
        }
        if !inner.get_added_tokens_decoder().values().any(|known| known.content == token.content) {
            inner.add_special_tokens([token]).map_err(|error| PromptError::Tokenizer(error.to_string()))?;
        }
    }
    Ok(())
}

fn not_in_vocabulary(token: &AddedToken, folder: &Path) -> PromptError {
    bad(folder.to_owned(), format!("the special token `{}` is not in the tokenizer's vocabulary", token.content))
}

/// What must hold of `tokenizer.json` before the crate may read it.
#[derive(Deserialize)]
struct Json<Model> {
    model: Model,
}

#[derive(Deserialize)]
struct JsonKind {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct JsonModel {
    vocab: Vocabulary,
    merges: Vec<JsonMerge>,
    continuing_subword_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonMerge {
    Pair(String, String),
    Line(String),
}

fn from_json(path: &Path, bytes: &[u8]) -> Result<Tokenizer, PromptError> {
    // The kind is read by itself first: other kinds of model write their vocabulary in other shapes.
    let Json { model: JsonKind { kind } } = parse_json(path, bytes)?;
    if let Some(kind) = kind.filter(|kind| kind != "BPE") {
        return Err(bad(path.to_owned(), format!("a {kind} tokenizer; CLIP's is BPE")));
    }
    let Json { model: JsonModel { vocab: vocabulary, merges, continuing_subword_prefix } } = parse_json(path, bytes)?;
    if continuing_subword_prefix.is_some_and(|prefix| !prefix.is_empty()) {
        return Err(bad(path.to_owned(), "`continuing_subword_prefix` is set; CLIP has none"));
    }
    for (index, merge) in merges.iter().enumerate() {
        let pair = match merge {
            JsonMerge::Pair(left, right) => Some((left.as_str(), right.as_str())),
            JsonMerge::Line(line) => line.split_once(' '),
        };
        check_merge(&vocabulary, pair).map_err(|reason| bad(path.to_owned(), format!("merge {index}: {reason}")))?;
    }
    Tokenizer::from_bytes(bytes).map_err(|error| bad(path.to_owned(), error))
}

fn from_vocabulary(folder: &Path, special: &SpecialTokens) -> Result<Tokenizer, PromptError> {
    let (vocabulary_path, merges_path) = (folder.join("vocab.json"), folder.join("merges.txt"));
    let (Some(vocabulary), Some(merges)) = (read_optional(&vocabulary_path)?, read_optional(&merges_path)?) else {
        return Err(PromptError::NoTokenizer(folder.to_owned()));
    };
    let vocabulary: Vocabulary = parse_json(&vocabulary_path, &vocabulary)?;
    let merges = parse_merges(&merges_path, merges, &vocabulary)?;
    if !vocabulary.contains_key(&special.unk.content) {
        return Err(not_in_vocabulary(&special.unk, &vocabulary_path));
    }
    let model = BPE::builder()
        .vocab_and_merges(vocabulary.into_iter().collect::<Vocab>(), merges)
        .unk_token(special.unk.content.clone())
        .continuing_subword_prefix(String::new())
        .end_of_word_suffix("</w>".to_owned())
        .build()
        .map_err(|error| bad(merges_path, error))?;
    assemble(model).map_err(|error| PromptError::Tokenizer(error.to_string()))
}

/// CLIP's steps around the byte-pair model.
fn assemble(model: BPE) -> tokenizers::Result<Tokenizer> {
    let mut tokenizer = Tokenizer::new(ModelWrapper::BPE(model));
    tokenizer.with_normalizer(Some(Sequence::new(vec![
        NormalizerWrapper::NFC(NFC),
        NormalizerWrapper::Replace(Replace::new(ReplacePattern::Regex(r"\s+".to_owned()), " ")?),
        NormalizerWrapper::Lowercase(Lowercase),
    ])))?;
    let words = Split::new(SplitPattern::Regex(WORDS.to_owned()), SplitDelimiterBehavior::Removed, true)?;
    tokenizer.with_pre_tokenizer(Some(Steps::new(vec![
        PreTokenizerWrapper::Split(words),
        PreTokenizerWrapper::ByteLevel(ByteLevel::new(false, true, true)),
    ])));
    Ok(tokenizer)
}

fn parse_merges(path: &Path, bytes: Vec<u8>, vocabulary: &Vocabulary) -> Result<Merges, PromptError> {
    let text = String::from_utf8(bytes).map_err(|_| bad(path.to_owned(), "not UTF-8 text"))?;
    let mut merges = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with("#version") {
            continue;
        }
        let pair = line.split_once(' ');
        let (left, right) = check_merge(vocabulary, pair).map_err(|reason| at_line(path, index + 1, &reason))?;
        merges.push((left.to_owned(), right.to_owned()));
    }
    Ok(merges)
}

fn at_line(path: &Path, line: usize, reason: &str) -> PromptError {
    bad(PathBuf::from(path), format!("line {line}: {reason}"))
}

/// Both halves and the token they build must be in the vocabulary.
fn check_merge<'a>(vocabulary: &Vocabulary, pair: Option<(&'a str, &'a str)>) -> Result<(&'a str, &'a str), String> {
    let (left, right) = pair.ok_or("not two tokens with a blank between them")?;
    let whole = format!("{left}{right}");
    match [left, right, &whole].into_iter().find(|&token| !vocabulary.contains_key(token)) {
        Some(token) => Err(format!("`{token}` is not in the vocabulary")),
        None => Ok((left, right)),
    }
}
