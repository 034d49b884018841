//! Why a prompt or a tokenizer's files cannot be used.

use std::path::PathBuf;

use thiserror::Error;

/// Why a prompt or a tokenizer's files cannot be used.
#[derive(Debug, Error)]
pub enum PromptError {
    /// A tokenizer file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A tokenizer file is not what it should be.
    #[error("{}: {reason}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder holds no tokenizer.
    #[error("{}: no tokenizer here: need `tokenizer.json`, or `vocab.json` with `merges.txt`", .0.display())]
    NoTokenizer(PathBuf),
    /// The weight in `(words:weight)` or `<lora:name:weight>` is not a number.
    #[error("prompt: `{0}` is not a weight; write a plain number such as 1.2, or `\\(` and `\\)` for literal brackets")]
    BadWeight(String),
    /// Nested brackets multiply up to something that is no longer a number.
    #[error("prompt: the brackets around `{0}` multiply its weight beyond any number")]
    WeightOverflow(String),
    /// A `<lora:…>` tag without a name.
    #[error("prompt: `{0}` names no LoRA; write <lora:name:weight>")]
    BadLora(String),
    /// More text than is reasonable.
    #[error("the prompt is too long: {got} {unit}, at most {limit} are taken")]
    TooLong {
        /// How many there are.
        got: usize,
        /// Of what.
        unit: &'static str,
        /// How many are taken.
        limit: usize,
    },
    /// The tokenizer refused a text; not expected of any text.
    #[error("the tokenizer failed: {0}")]
    Tokenizer(String),
}
