//! Ids and weights packed into encoder-sized chunks, so that a prompt of any length is encoded and none is cut.
//!
//! A chunk is what the text encoder takes at once: the opening token, up to 75 ids, the closing token, padding. The rules are A1111's: a
//! full chunk is cut after a comma if there is one among its last 20 ids, and `BREAK` fills up the chunk it ends. The padding is the
//! model's own, so a prompt that fits one chunk gives the ids of transformers' `CLIPTokenizer(padding="max_length")`.
//!
//! The caller encodes chunk by chunk and joins the hidden states along the tokens; both branches of a guided picture need equally many
//! chunks ([`equalise`]).

use super::{
    ClipTokenizer, LoraTag, PromptError, PromptSyntax, lora,
    syntax::{self, Piece},
};

/// Longest prompt read, in bytes. Reading brackets is quadratic in the worst case; this keeps the worst case under a tenth of a second.
const LONGEST: usize = 32 * 1024;

/// What one call of the text encoder takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// The ids, [`ClipTokenizer::max_length`] (77) of them.
    pub ids: Vec<u32>,
    /// The weight of each id; 1 for opening, closing and padding ids.
    pub weights: Vec<f32>,
    /// Where the first closing id is: the position pooled embeddings are taken from.
    pub eos_position: usize,
    /// Where learnt vectors stand in place of ids.
    pub learnt: Vec<LearntPlace>,
}

/// A word that stands for learnt vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearntWord {
    /// Its ids, at least one.
    pub ids: Vec<u32>,
    /// How many vectors it stands for.
    pub vectors: usize,
}

/// A position of a chunk that a learnt vector has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LearntPlace {
    /// The position.
    pub position: usize,
    /// Which of the words.
    pub word: usize,
    /// Which of its vectors.
    pub vector: usize,
}

/// A prompt, ready for the text encoder.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedPrompt {
    /// At least one chunk.
    pub chunks: Vec<Chunk>,
    /// The LoRAs the prompt asks for.
    pub loras: Vec<LoraTag>,
    /// Ids of the prompt's own words, without opening, closing and padding ids.
    pub tokens: usize,
}

/// How a prompt is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromptOptions {
    /// Whether brackets, `BREAK` and `<lora:…>` mean anything.
    pub syntax: PromptSyntax,
    /// How many ids may move to the next chunk so that it starts after a comma; 0 cuts where the chunk is full.
    pub comma_backtrack: usize,
    /// Chunks at most; more is an error, because each costs time in every cross-attention of every step.
    pub max_chunks: usize,
}

impl Default for PromptOptions {
    fn default() -> Self {
        Self { syntax: PromptSyntax::A1111, comma_backtrack: 20, max_chunks: 32 }
    }
}

impl EncodedPrompt {
    /// One chunk, every weight 1, no LoRA: nothing diffusers' own pipelines would not do.
    pub fn is_plain(&self) -> bool {
        self.chunks.len() == 1 && self.loras.is_empty() && self.chunks[0].weights.iter().all(|&weight| weight == 1.0)
    }
}

/// Reads `prompt` into chunks.
pub fn encode_prompt(tokenizer: &ClipTokenizer, prompt: &str, options: PromptOptions) -> Result<EncodedPrompt, PromptError> {
    encode_prompt_with(tokenizer, prompt, options, &[])
}

/// The same with words that stand for learnt vectors: where the ids of one follow each other, as A1111 looks for them, its vectors take their
/// place. Of several that fit the longest is taken. The vectors of a word stay in one chunk.
pub fn encode_prompt_with(
    tokenizer: &ClipTokenizer,
    prompt: &str,
    options: PromptOptions,
    words: &[LearntWord],
) -> Result<EncodedPrompt, PromptError> {
    if prompt.len() > LONGEST {
        return Err(PromptError::TooLong { got: prompt.len(), unit: "bytes", limit: LONGEST });
    }
    let (pieces, loras) = match options.syntax {
        PromptSyntax::Plain => (vec![Piece::Text(prompt.to_owned(), 1.0)], Vec::new()),
        PromptSyntax::A1111 => {
            let (text, loras) = lora::extract(prompt)?;
            (syntax::parse(&text)?, loras)
        }
    };
    let mut packer = Packer::new(tokenizer, options.comma_backtrack);
    for piece in pieces {
        match piece {
            Piece::Break => packer.close(),
            Piece::Text(text, weight) => {
                let ids = tokenizer.ids(&text)?;
                let mut rest = &ids[..];
                while let [id, behind @ ..] = rest {
                    let fits = words.iter().enumerate().filter(|(_, word)| !word.ids.is_empty() && rest.starts_with(&word.ids));
                    match fits.max_by_key(|(_, word)| word.ids.len()) {
                        Some((index, word)) => {
                            packer.push_learnt(index, word.vectors, weight as f32);
                            rest = &rest[word.ids.len()..];
                        }
                        None => {
                            packer.push(*id, weight as f32);
                            rest = behind;
                        }
                    }
                }
            }
        }
    }
    let (chunks, tokens) = packer.finish();
    if chunks.len() > options.max_chunks {
        let room = options.max_chunks * tokenizer.max_length().saturating_sub(2);
        return Err(PromptError::TooLong { got: tokens, unit: "tokens", limit: room });
    }
    Ok(EncodedPrompt { chunks, loras, tokens })
}

/// Appends empty chunks to the shorter of two prompts until both have equally many.
pub fn equalise(tokenizer: &ClipTokenizer, one: &mut EncodedPrompt, other: &mut EncodedPrompt) {
    let most = one.chunks.len().max(other.chunks.len());
    for prompt in [one, other] {
        prompt.chunks.resize_with(most, || Chunk::new(tokenizer, &[], &[], Vec::new()));
    }
}

impl Chunk {
    /// Frames and pads `ids`, of which there are at most `max_length - 2`.
    /// The learnt places count from the first of `ids`.
    fn new(tokenizer: &ClipTokenizer, ids: &[u32], weights: &[f32], mut learnt: Vec<LearntPlace>) -> Self {
        let length = tokenizer.max_length();
        let mut framed = Vec::with_capacity(length);
        framed.push(tokenizer.bos());
        framed.extend_from_slice(ids);
        framed.push(tokenizer.eos());
        framed.resize(length, tokenizer.pad());
        let mut all = Vec::with_capacity(length);
        all.push(1.0);
        all.extend_from_slice(weights);
        all.resize(length, 1.0);
        // A prompt may spell out the closing token itself; encoders pool at the first one.
        let eos_position = framed.iter().position(|&id| id == tokenizer.eos()).unwrap_or(ids.len() + 1);
        learnt.iter_mut().for_each(|place| place.position += 1);
        Self { ids: framed, weights: all, eos_position, learnt }
    }
}

/// The chunk being filled.
struct Packer<'a> {
    tokenizer: &'a ClipTokenizer,
    room: usize,
    backtrack: usize,
    ids: Vec<u32>,
    weights: Vec<f32>,
    learnt: Vec<LearntPlace>,
    last_comma: Option<usize>,
    done: Vec<Chunk>,
    tokens: usize,
}

impl<'a> Packer<'a> {
    fn new(tokenizer: &'a ClipTokenizer, backtrack: usize) -> Self {
        let room = tokenizer.max_length().saturating_sub(2).max(1);
        let (ids, weights, learnt) = (Vec::new(), Vec::new(), Vec::new());
        Self { tokenizer, room, backtrack, ids, weights, learnt, last_comma: None, done: Vec::new(), tokens: 0 }
    }

    fn push(&mut self, id: u32, weight: f32) {
        let full = self.ids.len() == self.room;
        if self.tokenizer.comma() == Some(id) {
            self.last_comma = Some(self.ids.len());
        } else if full && let Some(comma) = self.last_comma.filter(|comma| self.ids.len() - comma <= self.backtrack) {
            let moved = (self.ids.split_off(comma + 1), self.weights.split_off(comma + 1));
            let first = self.learnt.partition_point(|place| place.position <= comma);
            let mut learnt = self.learnt.split_off(first);
            learnt.iter_mut().for_each(|place| place.position -= comma + 1);
            self.close();
            (self.ids, self.weights, self.learnt) = (moved.0, moved.1, learnt);
        }
        if self.ids.len() == self.room {
            self.close();
        }
        self.ids.push(id);
        self.weights.push(weight);
        self.tokens += 1;
    }

    fn push_learnt(&mut self, word: usize, vectors: usize, weight: f32) {
        if self.ids.len() + vectors > self.room {
            self.close();
        }
        for vector in 0..vectors {
            self.learnt.push(LearntPlace { position: self.ids.len(), word, vector });
            self.ids.push(0);
            self.weights.push(weight);
        }
        self.tokens += vectors;
    }

    fn close(&mut self) {
        let learnt = std::mem::take(&mut self.learnt);
        self.done.push(Chunk::new(self.tokenizer, &self.ids, &self.weights, learnt));
        self.ids.clear();
        self.weights.clear();
        self.last_comma = None;
    }

    fn finish(mut self) -> (Vec<Chunk>, usize) {
        if !self.ids.is_empty() || self.done.is_empty() {
            self.close();
        }
        (self.done, self.tokens)
    }
}
