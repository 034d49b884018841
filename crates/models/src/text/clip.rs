//! The CLIP text transformer (Radford et al. 2021; transformers' `CLIPTextModel`): pre-norm layers with causal attention.
//!
//! Token and position embeddings stay on the host: a lookup of 77 rows is no work for a device.

use std::cell::RefCell;

use super::ClipConfig;
use crate::{
    config::ConfigError,
    ops::{Activation, Epilogue, Layers, Linear, Loader, Mask, On, Ops, Result},
};

struct Layer<O: Ops> {
    norm1: O::Norm,
    q: Linear<O>,
    k: Linear<O>,
    v: Linear<O>,
    out: Linear<O>,
    norm2: O::Norm,
    fc1: Linear<O>,
    fc2: Linear<O>,
}

/// A CLIP text encoder.
pub struct ClipText<O: Ops> {
    config: ClipConfig,
    activation: Activation,
    token_embedding: Vec<f32>,
    position_embedding: Vec<f32>,
    layers: Vec<Layer<O>>,
    final_norm: O::Norm,
    projection: Option<Linear<O>>,
    adaptable: Layers,
}

/// A row of tokens.
#[derive(Debug, Clone, Copy)]
pub struct TokenRow<'a> {
    /// 77 ids.
    pub ids: &'a [u32],
    /// Vectors that stand in place of some tokens' embeddings (textual inversion, Gal et al. 2022), by their positions.
    pub learnt: &'a [(usize, &'a [f32])],
}

/// What the encoder makes of one batch of 77-token rows.
pub struct TextOutput<T> {
    /// The states after each layer, the embeddings first: transformers' `hidden_states`.
    pub hidden: Vec<T>,
    /// The last states after the final normalisation: `last_hidden_state`.
    pub last: T,
}

impl<O: Ops> ClipText<O> {
    /// Loads the weights below `text_model.`.
    pub fn load(config: ClipConfig, root: &Loader<'_, O>) -> std::result::Result<Self, crate::ModelError> {
        let adaptable = RefCell::default();
        // The projection is not listed: no trainer adapts it.
        let (whole, root) = (root, &root.listing(&adaptable));
        let activation = config.activation("text_encoder")?;
        let (width, model) = (config.hidden_size, root.at("text_model"));
        let embeddings = model.at("embeddings");
        let token_embedding = embeddings.at("token_embedding").values("weight", &[config.vocab_size, width])?;
        let position_embedding =
            embeddings.at("position_embedding").values("weight", &[config.max_position_embeddings, width])?;
        let layers = (0..config.num_hidden_layers)
            .map(|i| Layer::load(&config, &model.at("encoder.layers").at(i)))
            .collect::<Result<Vec<_>>>()?;
        let final_norm = model.at("final_layer_norm").layer_norm(width, config.layer_norm_eps)?;
        let projection = match whole.has("text_projection.weight") {
            true => Some(whole.at("text_projection").linear_no_bias(config.projection_dim, width)?),
            false => None,
        };
        let adaptable = adaptable.take();
        Ok(Self { config, activation, token_embedding, position_embedding, layers, final_norm, projection, adaptable })
    }

    /// The numbers it was built from.
    pub fn config(&self) -> &ClipConfig {
        &self.config
    }

    /// What adapters can add to.
    pub fn layers(&self) -> &Layers {
        &self.adaptable
    }

    /// Encodes rows of 77 token ids each.
    pub fn forward(&self, ops: &O, rows: &[&[u32]]) -> std::result::Result<TextOutput<O::Tensor>, crate::ModelError> {
        let rows: Vec<TokenRow<'_>> = rows.iter().map(|ids| TokenRow { ids, learnt: &[] }).collect();
        self.forward_on(&On::plain(ops), &rows)
    }

    /// The same where rows wear adapters, or have learnt vectors in place of tokens.
    pub fn forward_on(
        &self,
        ops: &On<'_, O>,
        rows: &[TokenRow<'_>],
    ) -> std::result::Result<TextOutput<O::Tensor>, crate::ModelError> {
        let x = self.embed(ops, rows)?;
        let mut hidden = vec![x];
        for layer in &self.layers {
            let x = layer.forward(ops, &hidden[hidden.len() - 1], self.config.num_attention_heads, self.activation)?;
            hidden.push(x);
        }
        let last = self.final_norm(ops, &hidden[hidden.len() - 1])?;
        Ok(TextOutput { hidden, last })
    }

    /// The final normalisation, for states taken from an earlier layer (clip skip).
    pub fn final_norm(&self, ops: &O, hidden: &O::Tensor) -> Result<O::Tensor> {
        ops.layer_norm(hidden, &self.final_norm)
    }

    /// The projected state at each row's end-of-text position, shape (rows, projection_dim): `text_embeds`.
    pub fn pooled(&self, ops: &O, last: &O::Tensor, ends: &[usize]) -> std::result::Result<O::Tensor, crate::ModelError> {
        let Some(projection) = &self.projection else {
            return Err(ConfigError::component(
                "text_encoder_2",
                "the weights have no text_projection, but the model needs pooled text",
            )
            .into());
        };
        let (width, tokens) = (self.config.hidden_size, self.config.max_position_embeddings);
        let states = ops.download(last)?;
        let mut picked = Vec::with_capacity(ends.len() * width);
        for (row, end) in ends.iter().enumerate() {
            let start = (row * tokens + (*end).min(tokens - 1)) * width;
            picked.extend_from_slice(&states[start..start + width]);
        }
        let picked = ops.upload(&picked, &[ends.len(), width])?;
        Ok(On::plain(ops).linear(&picked, projection, Epilogue::none())?)
    }

    fn embed(&self, ops: &O, rows: &[TokenRow<'_>]) -> std::result::Result<O::Tensor, crate::ModelError> {
        let (width, tokens) = (self.config.hidden_size, self.config.max_position_embeddings);
        let mut values = Vec::with_capacity(rows.len() * tokens * width);
        for row in rows {
            for (position, id) in row.ids.iter().take(tokens).enumerate() {
                let id = *id as usize;
                let learnt = row.learnt.iter().find(|(at, _)| *at == position).map(|(_, vector)| *vector);
                if id >= self.config.vocab_size {
                    let reason = format!("token {id} is beyond the text encoder's vocabulary of {}", self.config.vocab_size);
                    return Err(ConfigError { file: "tokenizer".into(), reason }.into());
                }
                let token = learnt.unwrap_or(&self.token_embedding[id * width..(id + 1) * width]);
                let place = &self.position_embedding[position * width..(position + 1) * width];
                values.extend(token.iter().zip(place).map(|(t, p)| t + p));
            }
        }
        Ok(ops.upload(&values, &[rows.len(), tokens, width])?)
    }
}

impl<O: Ops> Layer<O> {
    fn load(config: &ClipConfig, at: &Loader<'_, O>) -> Result<Self> {
        let (width, inner, epsilon) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        let attention = at.at("self_attn");
        Ok(Self {
            norm1: at.at("layer_norm1").layer_norm(width, epsilon)?,
            q: attention.at("q_proj").linear(width, width)?,
            k: attention.at("k_proj").linear(width, width)?,
            v: attention.at("v_proj").linear(width, width)?,
            out: attention.at("out_proj").linear(width, width)?,
            norm2: at.at("layer_norm2").layer_norm(width, epsilon)?,
            fc1: at.at("mlp.fc1").linear(inner, width)?,
            fc2: at.at("mlp.fc2").linear(width, inner)?,
        })
    }

    fn forward(&self, ops: &On<'_, O>, x: &O::Tensor, heads: usize, activation: Activation) -> Result<O::Tensor> {
        let y = ops.layer_norm(x, &self.norm1)?;
        let [q, k, v] = [&self.q, &self.k, &self.v].map(|w| ops.linear(&y, w, Epilogue::none()));
        let y = ops.attention(&q?, &k?, &v?, heads, Mask::Causal)?;
        let x = ops.linear(&y, &self.out, Epilogue::residual(x))?;
        let y = ops.layer_norm(&x, &self.norm2)?;
        let y = ops.linear(&y, &self.fc1, Epilogue::activation(activation))?;
        ops.linear(&y, &self.fc2, Epilogue::residual(&x))
    }
}
