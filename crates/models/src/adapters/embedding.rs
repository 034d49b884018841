//! Learnt tokens (textual inversion, Gal et al. 2022): vectors that stand in a text encoder's input under a word of their own.
//!
//! Read are A1111's safetensors (`emb_params`), diffusers' (one tensor under the word itself), and SDXL's pair (`clip_l`, `clip_g`).

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
};

use super::hash;
use crate::weights::{WeightSet, WeightsError};

/// More vectors than a chunk of a prompt holds cannot be used.
const VECTORS_MAX: usize = 75;

/// A learnt token.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// How many vectors it has in each encoder.
    pub vectors: usize,
    /// A fingerprint of the numbers.
    pub content: u64,
    /// The first digits of the hash by which others know it.
    pub hash: String,
    /// (vectors, width) for each text encoder.
    pub values: Vec<Vec<f32>>,
}

impl Embedding {
    /// Reads a file for text encoders of these widths.
    pub fn open(path: &Path, widths: &[usize]) -> Result<Self, WeightsError> {
        let weights = WeightSet::open_file(path)?;
        let names: Vec<&str> = weights.names().collect();
        let chosen: Vec<&str> = match names[..] {
            ["clip_g", "clip_l"] => vec!["clip_l", "clip_g"],
            _ if weights.contains("emb_params") => vec!["emb_params"],
            [only] => vec![only],
            [] => return Err(WeightsError::model(path, "the file holds no tensors")),
            [first, ..] => return Err(WeightsError::tensor(path, first, "not a part of a textual inversion embedding")),
        };
        if let Some(other) = names.iter().find(|name| !chosen.contains(name)) {
            return Err(WeightsError::tensor(path, other, "not a part of a textual inversion embedding"));
        }
        if chosen.len() != widths.len() {
            let reason = format!(
                "the embedding is for {} text encoder(s), the model has {}: it is for another architecture",
                chosen.len(),
                widths.len()
            );
            return Err(WeightsError::model(path, reason));
        }
        let hash = hash::of_file(path).map_err(|error| WeightsError::io(path, error))?;
        let mut embedding = Self { vectors: 0, content: 0, hash, values: Vec::new() };
        for (name, width) in chosen.into_iter().zip(widths) {
            let shape = weights.shape(name).unwrap_or(&[]).to_vec();
            let vectors = match shape[..] {
                [found] if found == *width => 1,
                [vectors, found] if found == *width && (1..=VECTORS_MAX).contains(&vectors) => vectors,
                _ => {
                    let reason = format!(
                        "shape {shape:?} found, the model's text encoder needs 1..={VECTORS_MAX} vectors of {width} numbers: the \
                         embedding is for another architecture"
                    );
                    return Err(WeightsError::tensor(path, name, reason));
                }
            };
            if embedding.vectors != 0 && embedding.vectors != vectors {
                return Err(WeightsError::tensor(path, name, "both text encoders need as many vectors"));
            }
            embedding.vectors = vectors;
            embedding.values.push(weights.f32(name, &shape)?);
        }
        let mut hasher = DefaultHasher::new();
        embedding.values.iter().flatten().for_each(|x| x.to_bits().hash(&mut hasher));
        embedding.content = hasher.finish();
        Ok(embedding)
    }

    /// Vector `index` of encoder `encoder`.
    pub fn vector(&self, encoder: usize, index: usize) -> &[f32] {
        let values = &self.values[encoder];
        let width = values.len() / self.vectors;
        &values[index * width..(index + 1) * width]
    }
}
