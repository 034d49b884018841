//! Prompts to the states the denoiser attends to.
//!
//! Long prompts are 75-token chunks, encoded apart and concatenated, as A1111 does; both branches are padded to the same number of chunks.

use super::{Encoder, Pipeline};
use crate::{
    ModelError,
    ops::Ops,
    prompt::{Chunk, EncodedPrompt, PromptOptions, apply_weights, encode_prompt, equalise},
};

/// One branch's text, ready for the denoiser.
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

impl<O: Ops> Pipeline<O> {
    /// Encodes both branches; the second is absent without guidance.
    pub fn encode_text(
        &self,
        prompt: &str,
        negative: Option<&str>,
        guided: bool,
        options: PromptOptions,
        clip_skip: Option<u32>,
    ) -> Result<Texts<O::Tensor>, ModelError> {
        let zeros = guided && negative.is_none() && self.description.zeros_for_empty_negative;
        let texts: &[&str] = if guided && !zeros { &[prompt, negative.unwrap_or("")] } else { &[prompt] };
        let mut parts: Vec<Vec<Vec<f32>>> = vec![Vec::new(); texts.len()];
        let mut pooled: Vec<Option<Vec<f32>>> = vec![None; texts.len()];
        for encoder in &self.encoders {
            let mut encoded = Vec::with_capacity(texts.len());
            for text in texts {
                encoded.push(encode_prompt(&encoder.tokenizer, text, options)?);
            }
            refuse_loras(&encoded)?;
            if let [one, other] = encoded.as_mut_slice() {
                equalise(&encoder.tokenizer, one, other);
            }
            for (i, encoded) in encoded.iter().enumerate() {
                let (states, pool) = self.run_encoder(encoder, &encoded.chunks, clip_skip)?;
                parts[i].push(states);
                if pool.is_some() {
                    pooled[i] = pool;
                }
            }
        }
        let mut branches = Vec::with_capacity(2);
        for (parts, pooled) in parts.iter().zip(pooled) {
            branches.push(self.join(parts, pooled)?);
        }
        let unconditional = match branches.len() {
            2 => branches.pop(),
            _ if zeros => Some(self.zeros_like(&branches[0])?),
            _ => None,
        };
        Ok(Texts { conditional: branches.remove(0), unconditional })
    }

    /// One encoder's weighted states over all chunks, and the pooled state of the first chunk where the model wants it.
    fn run_encoder(
        &self,
        encoder: &Encoder<O>,
        chunks: &[Chunk],
        clip_skip: Option<u32>,
    ) -> Result<(Vec<f32>, Option<Vec<f32>>), ModelError> {
        let ops = self.ops.as_ref();
        let rows: Vec<&[u32]> = chunks.iter().map(|c| c.ids.as_slice()).collect();
        let output = encoder.model.forward(ops, &rows)?;
        let sdxl = self.unet.config().text_time.is_some();
        let layers = output.hidden.len() - 1;
        // SDXL was trained on the last layer but one, without the final normalisation; skips count from there.
        let back = clip_skip.unwrap_or(0) as usize + usize::from(sdxl);
        if back > layers {
            return Err(ModelError::Unsupported(format!(
                "clip_skip leaves no layer: the text encoder has {layers}, so the most is {}",
                layers - usize::from(sdxl)
            )));
        }
        let states = match (sdxl, back) {
            (true, _) => ops.download(&output.hidden[layers - back])?,
            (false, 0) => ops.download(&output.last)?,
            (false, _) => ops.download(&encoder.model.final_norm(ops, &output.hidden[layers - back])?)?,
        };
        let mut states = states;
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
    fn join(&self, parts: &[Vec<f32>], pooled: Option<Vec<f32>>) -> Result<TextStates<O::Tensor>, ModelError> {
        let widths: Vec<usize> = self.encoders.iter().map(|e| e.model.config().hidden_size).collect();
        let tokens = parts[0].len() / widths[0];
        let mut values = Vec::with_capacity(tokens * widths.iter().sum::<usize>());
        for token in 0..tokens {
            for (part, width) in parts.iter().zip(&widths) {
                values.extend_from_slice(&part[token * width..(token + 1) * width]);
            }
        }
        let context = self.ops.upload(&values, &[1, tokens, widths.iter().sum()])?;
        Ok(TextStates { context, tokens, pooled })
    }

    fn zeros_like(&self, other: &TextStates<O::Tensor>) -> Result<TextStates<O::Tensor>, ModelError> {
        let context = self.ops.combine(&[(0.0, &other.context)])?;
        let pooled = other.pooled.as_ref().map(|p| vec![0.0; p.len()]);
        Ok(TextStates { context, tokens: other.tokens, pooled })
    }
}

/// LoRAs are parsed so that a prompt with one is refused instead of drawing something else.
fn refuse_loras(prompts: &[EncodedPrompt]) -> Result<(), ModelError> {
    match prompts.iter().flat_map(|p| &p.loras).next() {
        None => Ok(()),
        Some(lora) => Err(ModelError::Unsupported(format!(
            "the prompt asks for the LoRA `{}`, which this version cannot apply: take the <lora:…> tag out",
            lora.name
        ))),
    }
}
