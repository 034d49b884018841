//! From the text a user writes to the token ids and weights a CLIP text encoder takes.
//!
//! Three steps, one file each: [`syntax`] reads A1111's attention syntax (`(word:1.2)`, `[word]`, `BREAK`) into weighted pieces and
//! [`lora`] takes `<lora:name:0.8>` tags out, [`tokenizer`] turns a piece into ids as transformers' `CLIPTokenizer` does, [`chunks`] packs
//! the ids into encoder-sized chunks so that a long prompt is never cut. [`weights`] applies the weights to the encoder's output.
//!
//! Invariants: a plain prompt that fits one chunk gives exactly the ids of `CLIPTokenizer(padding="max_length")`; no input, valid or
//! not, panics. Deliberately absent: A1111's prompt editing (`[a:b:0.5]`) and `AND`, whose text is encoded as it stands.

pub mod chunks;
mod error;
pub mod lora;
mod special;
pub mod syntax;
pub mod tokenizer;
pub mod weights;

pub use chunks::{Chunk, EncodedPrompt, LearntPlace, LearntWord, PromptOptions, encode_prompt, encode_prompt_with, equalise};
pub use error::PromptError;
pub use lora::LoraTag;
pub use syntax::PromptSyntax;
pub use tokenizer::ClipTokenizer;
pub use weights::apply_weights;
