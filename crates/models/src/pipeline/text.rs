//! Prompts to the states the denoiser attends to, one encoder of one branch at a time.
//!
//! Long prompts are 75-token chunks, encoded apart and concatenated, as A1111 does; both branches are padded to the same number of chunks.

use easel_backend::Plan;
use easel_types::LoraUse;

use super::{Encoder, Pipeline, Stores, TextCache};
use crate::{
    ModelError,
    adapters::{Embedding, Kind, Wear},
    ops::{On, Ops, Worn},
    prompt::{Chunk, EncodedPrompt, LearntWord, apply_weights, encode_prompt_with, equalise},
    text::TokenRow,
};

/// One branch's text, ready for the denoiser.
#[derive(Debug, Clone)]
pub struct TextStates<T> {
    /// (1, tokens, cross_attention_dim).
    pub context: T,
    /// Tokens of the context.
    pub tokens: usize,
    /// SDXL: the pooled text, on the host.
    pub pooled: Option<Vec<f32>>,
}

/// The two sides of guidance.
pub struct Texts<T> {
    /// What to draw.
    pub conditional: TextStates<T>,
    /// What to avoid; absent without guidance.
    pub unconditional: Option<TextStates<T>>,
}

/// Everything an encoded text depends on besides the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TextKey(Vec<u32>);

impl TextKey {
    fn new(encoders: &[Vec<Chunk>], clip_skip: Option<u32>, words: &[Embedding]) -> Self {
        let mut numbers = vec![clip_skip.unwrap_or(0)];
        for chunks in encoders {
            numbers.push(chunks.len() as u32);
            for chunk in chunks {
                numbers.push(chunk.eos_position as u32);
                numbers.extend(&chunk.ids);
                numbers.extend(chunk.weights.iter().map(|weight| weight.to_bits()));
                for place in &chunk.learnt {
                    numbers.extend([place.position as u32, place.vector as u32]);
                    numbers.extend(halves(words[place.word].content));
                }
            }
        }
        Self(numbers)
    }

    /// The same text for encoders that wear LoRAs.
    fn wearing<O: Ops>(mut self, wear: &[Wear<O>]) -> Self {
        for wear in wear.iter().filter(|wear| wear.on_text()) {
            self.0.extend(halves(wear.adapter.id));
            self.0.push(wear.text_encoder_weight.to_bits());
        }
        self
    }

    #[cfg(test)]
    pub(super) fn of_numbers(numbers: Vec<u32>) -> Self {
        Self(numbers)
    }

    /// Bytes it takes.
    pub(super) fn bytes(&self) -> u64 {
        4 * self.0.len() as u64
    }
}

fn halves(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

/// One encoder's states over all chunks of a branch, and the pooled state where the model wants it.
type Encoded = (Vec<f32>, Option<Vec<f32>>);

/// A branch in the making.
struct Branch<T> {
    /// What each encoder is given.
    chunks: Vec<Vec<Chunk>>,
    key: TextKey,
    /// The cache has been asked.
    looked_up: bool,
    encoded: Vec<Encoded>,
    states: Option<TextStates<T>>,
}

/// A request's text in the making.
pub(super) struct TextWork<T> {
    branches: Vec<Branch<T>>,
    /// The unconditional branch is zeros.
    zeros: bool,
    /// Learnt tokens that the texts name.
    words: Vec<Embedding>,
    /// Their names, and the hashes by which others know them.
    pub told: Vec<(String, String)>,
    /// LoRAs that the request and its prompt name.
    pub loras: Vec<LoraUse>,
}

impl<O: Ops> Pipeline<O> {
    /// Tokenises both branches; the second is absent without guidance.
    pub(super) fn begin_text(&self, plan: &Plan, stores: &Stores<'_, O>) -> Result<TextWork<O::Tensor>, ModelError> {
        let (guided, negative) = (plan.branches > 1, plan.negative_prompt.as_deref());
        let zeros = guided && negative.is_none() && self.description.zeros_for_empty_negative;
        let texts: &[&str] = if guided && !zeros { &[&plan.prompt, negative.unwrap_or("")] } else { &[&plan.prompt] };
        let (names, words) = self.learnt_words(texts, stores)?;
        let mut chunks: Vec<Vec<Vec<Chunk>>> = vec![Vec::new(); texts.len()];
        let mut loras = plan.loras.clone();
        for encoder in &self.encoders {
            let learnt = names
                .iter()
                .zip(&words)
                .map(|(name, word)| Ok(LearntWord { ids: encoder.tokenizer.ids(name)?, vectors: word.vectors }))
                .collect::<Result<Vec<_>, ModelError>>()?;
            let mut encoded = Vec::with_capacity(texts.len());
            for text in texts {
                let text = without_prefix(text, &names);
                encoded.push(encode_prompt_with(&encoder.tokenizer, &text, stores.options, &learnt)?);
            }
            refuse_negative_loras(&encoded)?;
            if chunks[0].is_empty() {
                loras.extend(encoded[0].loras.drain(..).map(|tag| LoraUse {
                    name: tag.name,
                    weight: tag.weight,
                    text_encoder_weight: tag.text_encoder_weight,
                }));
            }
            self.check_clip_skip(encoder, plan.clip_skip)?;
            if let [one, other] = encoded.as_mut_slice() {
                equalise(&encoder.tokenizer, one, other);
            }
            chunks.iter_mut().zip(encoded).for_each(|(branch, encoded)| branch.push(encoded.chunks));
        }
        let branch = |chunks: Vec<Vec<Chunk>>| Branch {
            key: TextKey::new(&chunks, plan.clip_skip, &words),
            chunks,
            looked_up: false,
            encoded: Vec::new(),
            states: None,
        };
        let branches = chunks.into_iter().map(branch).collect();
        let told = names.into_iter().zip(words.iter().map(|word| word.hash.clone())).collect();
        Ok(TextWork { branches, zeros, words, told, loras: joined(loras) })
    }

    /// The learnt tokens that the texts name, with their names. Files of others are not opened.
    fn learnt_words(&self, texts: &[&str], stores: &Stores<'_, O>) -> Result<(Vec<String>, Vec<Embedding>), ModelError> {
        let texts: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
        let widths: Vec<usize> = self.encoders.iter().map(|encoder| encoder.model.config().hidden_size).collect();
        let (mut names, mut words) = (Vec::new(), Vec::new());
        for found in stores.shelf.list(Kind::Embedding) {
            let name = found.word().to_owned();
            if texts.iter().any(|text| names_word(text, &name.to_lowercase())) && !names.contains(&name) {
                words.push(Embedding::open(&found.path, &widths).map_err(|error| error.asked_for_as(&name))?);
                names.push(name);
            }
        }
        Ok((names, words))
    }

    /// Runs one encoder for one branch; `true` when nothing is left to run. What the cache has costs no slice.
    pub(super) fn text_slice(
        &self,
        plan: &Plan,
        work: &mut TextWork<O::Tensor>,
        wear: &[Wear<O>],
        cache: &mut TextCache<O::Tensor>,
    ) -> Result<bool, ModelError> {
        let mut run = false;
        for branch in &mut work.branches {
            if branch.states.is_none() && !branch.looked_up && !run {
                branch.key = branch.key.clone().wearing(wear);
                branch.states = cache.get(&plan.model, &branch.key);
                branch.looked_up = true;
            }
            if branch.states.is_some() {
                continue;
            }
            if run {
                return Ok(false);
            }
            // All of them may have run already, where joining their states has failed for want of memory.
            if let Some(encoder) = self.encoders.get(branch.encoded.len()) {
                let chunks = &branch.chunks[branch.encoded.len()];
                let number = branch.encoded.len();
                let given = EncoderInput { number, chunks, words: &work.words, wear, clip_skip: plan.clip_skip };
                branch.encoded.push(self.run_encoder(encoder, &given)?);
                run = true;
            }
            if branch.encoded.len() < self.encoders.len() {
                return Ok(false);
            }
            let states = self.join(&branch.encoded)?;
            cache.put(&plan.model, &branch.key, &states, self.text_bytes(&states) + branch.key.bytes());
            branch.states = Some(states);
        }
        Ok(true)
    }

    /// The text, once [`Pipeline::text_slice`] says that it is complete.
    pub(super) fn finish_text(&self, work: &TextWork<O::Tensor>) -> Result<Texts<O::Tensor>, ModelError> {
        let unfinished = || ModelError::Unsupported("the text is not encoded yet. This is a bug.".into());
        let states = |branch: Option<&Branch<O::Tensor>>| branch.and_then(|branch| branch.states.clone());
        let conditional = states(work.branches.first()).ok_or_else(unfinished)?;
        let unconditional = match work.zeros {
            true => Some(self.zeros_like(&conditional)?),
            false => states(work.branches.get(1)),
        };
        Ok(Texts { conditional, unconditional })
    }

    /// Bytes of an encoded text.
    pub(super) fn text_bytes(&self, states: &TextStates<O::Tensor>) -> u64 {
        self.bytes(&states.context) + 4 * states.pooled.as_ref().map_or(0, Vec::len) as u64
    }

    /// SDXL was trained on the last layer but one, without the final normalisation; skips count from there.
    fn layers_back(&self, clip_skip: Option<u32>) -> usize {
        clip_skip.unwrap_or(0) as usize + usize::from(self.unet.config().text_time.is_some())
    }

    fn check_clip_skip(&self, encoder: &Encoder<O>, clip_skip: Option<u32>) -> Result<(), ModelError> {
        let layers = encoder.model.config().num_hidden_layers;
        if self.layers_back(clip_skip) > layers {
            return Err(ModelError::Unsupported(format!(
                "clip_skip leaves no layer: the text encoder has {layers}, so the most is {}",
                layers - self.layers_back(None)
            )));
        }
        Ok(())
    }

    /// One encoder's weighted states over all chunks, and the pooled state of the first chunk where the model wants it.
    fn run_encoder(&self, encoder: &Encoder<O>, given: &EncoderInput<'_, O>) -> Result<Encoded, ModelError> {
        let EncoderInput { number, chunks, words, wear, clip_skip } = *given;
        let ops = self.ops.as_ref();
        let learnt: Vec<Vec<(usize, &[f32])>> = chunks
            .iter()
            .map(|chunk| chunk.learnt.iter().map(|at| (at.position, words[at.word].vector(number, at.vector))).collect())
            .collect();
        let rows: Vec<TokenRow<'_>> =
            chunks.iter().zip(&learnt).map(|(chunk, learnt)| TokenRow { ids: &chunk.ids, learnt }).collect();
        let worn = wear
            .iter()
            .filter(|wear| wear.text_encoder_weight != 0.0)
            .filter_map(|wear| Some((wear, wear.adapter.text.get(number).filter(|patches| !patches.is_empty())?)))
            .map(|(wear, patches)| {
                let factors = ops.upload(&vec![wear.text_encoder_weight; rows.len()], &[rows.len(), 1])?;
                Ok(Worn { rows: 0..rows.len(), patches, factors })
            })
            .collect::<Result<Vec<_>, ModelError>>()?;
        let output = encoder.model.forward_on(&On::wearing(ops, &worn), &rows)?;
        let sdxl = self.unet.config().text_time.is_some();
        let (layers, back) = (output.hidden.len() - 1, self.layers_back(clip_skip));
        let mut states = match (sdxl, back) {
            (true, _) => ops.download(&output.hidden[layers - back])?,
            (false, 0) => ops.download(&output.last)?,
            (false, _) => ops.download(&encoder.model.final_norm(ops, &output.hidden[layers - back])?)?,
        };
        let width = encoder.model.config().hidden_size;
        for (chunk, values) in chunks.iter().zip(states.chunks_mut(chunks[0].ids.len() * width)) {
            apply_weights(values, chunk.ids.len(), width, &chunk.weights);
        }
        let is_last = std::ptr::eq(encoder, &self.encoders[self.encoders.len() - 1]);
        let pooled = match sdxl && is_last {
            true => {
                let first = ops.rows(&output.last, 0, 1)?;
                Some(ops.download(&encoder.model.pooled(ops, &first, &[chunks[0].eos_position])?)?)
            }
            false => None,
        };
        Ok((states, pooled))
    }

    /// Joins the encoders' states along their width.
    fn join(&self, encoded: &[Encoded]) -> Result<TextStates<O::Tensor>, ModelError> {
        let widths: Vec<usize> = self.encoders.iter().map(|e| e.model.config().hidden_size).collect();
        let tokens = encoded[0].0.len() / widths[0];
        let mut values = Vec::with_capacity(tokens * widths.iter().sum::<usize>());
        for token in 0..tokens {
            for ((states, _), width) in encoded.iter().zip(&widths) {
                values.extend_from_slice(&states[token * width..(token + 1) * width]);
            }
        }
        let context = self.ops.upload(&values, &[1, tokens, widths.iter().sum()])?;
        Ok(TextStates { context, tokens, pooled: encoded.iter().find_map(|(_, pooled)| pooled.clone()) })
    }

    fn zeros_like(&self, other: &TextStates<O::Tensor>) -> Result<TextStates<O::Tensor>, ModelError> {
        let shape = self.ops.shape(&other.context);
        let context = self.ops.upload(&vec![0.0; shape.iter().product()], &shape)?;
        let pooled = other.pooled.as_ref().map(|p| vec![0.0; p.len()]);
        Ok(TextStates { context, tokens: other.tokens, pooled })
    }
}

/// LoRAs belong to the whole picture, so they are named once, in the prompt; A1111 takes those of a negative prompt for words.
fn refuse_negative_loras(prompts: &[EncodedPrompt]) -> Result<(), ModelError> {
    match prompts.get(1).and_then(|negative| negative.loras.first()) {
        None => Ok(()),
        Some(lora) => Err(ModelError::Unsupported(format!(
            "the negative prompt asks for the LoRA `{}`: put the <lora:…> tag into the prompt",
            lora.name
        ))),
    }
}

/// Each LoRA once, with its weights added up; what adds nothing is left out.
fn joined(loras: Vec<LoraUse>) -> Vec<LoraUse> {
    let mut joined: Vec<LoraUse> = Vec::new();
    for lora in loras {
        match joined.iter_mut().find(|known| known.name == lora.name) {
            Some(known) => {
                known.weight += lora.weight;
                known.text_encoder_weight += lora.text_encoder_weight;
            }
            None => joined.push(lora),
        }
    }
    joined.retain(|lora| lora.weight != 0.0 || lora.text_encoder_weight != 0.0);
    joined
}

/// Whether a text has a word, not as a part of a longer one. Both are in lower case.
fn names_word(text: &str, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric();
    text.match_indices(word).any(|(at, _)| {
        let (before, behind) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
        let goes_on_before = before.is_some_and(in_word) && word.chars().next().is_some_and(in_word);
        let goes_on_behind = behind.is_some_and(in_word) && word.chars().next_back().is_some_and(in_word);
        !goes_on_before && !goes_on_behind
    })
}

/// ComfyUI writes `embedding:name` where A1111 writes the name alone.
fn without_prefix(text: &str, names: &[String]) -> String {
    names.iter().fold(text.to_owned(), |text, name| text.replace(&format!("embedding:{name}"), name))
}

/// What an encoder is run on.
struct EncoderInput<'a, O: Ops> {
    /// Which of the encoders.
    number: usize,
    chunks: &'a [Chunk],
    words: &'a [Embedding],
    wear: &'a [Wear<O>],
    clip_skip: Option<u32>,
}
