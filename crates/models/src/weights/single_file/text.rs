//! The text encoders: CLIP as transformers writes it, and OpenCLIP, to transformers' `CLIPTextModel`.
//!
//! OpenCLIP keeps query, key and value in one matrix, its text projection transposed, and its token table, positions and last
//! normalisation under other names. 2.x was trained on the output of its last layer but one, so diffusers drops the last layer and the
//! projection; so do we.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    super::{Change, View, WeightSet},
    Source, WeightsError,
    source::{index, is_dense},
};

/// Width of an attention head in every CLIP text encoder that Stable Diffusion uses.
const HEAD_WIDTH: usize = 64;
/// Layers of OpenCLIP ViT-H, the encoder of 2.x.
const VIT_H_LAYERS: usize = 24;

pub(super) struct Text {
    pub weights: WeightSet,
    pub config: Value,
    /// Rows of the token table.
    pub vocabulary: usize,
    /// Width of the pooled text.
    pub projection: usize,
}

/// How many of the stored layers the model uses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layers {
    All,
    /// All but the last.
    Penultimate,
}

/// CLIP under `prefix`, with or without transformers' `text_model.` in front.
pub(super) fn clip(source: &Source, prefix: &str) -> Result<Text, WeightsError> {
    let inner = if source.has(&format!("{prefix}text_model.")) { "text_model." } else { "" };
    let mut views = BTreeMap::new();
    for name in source.below(prefix) {
        // A buffer of 0, 1, 2, …; the encoder knows its positions.
        if name.ends_with("position_ids") {
            let _seen = source.view(&format!("{prefix}{name}"), Change::None)?;
            continue;
        }
        views.insert(name.to_owned(), source.view(&format!("{prefix}{name}"), Change::None)?);
    }
    let root = format!("{prefix}{inner}");
    let layers = count_layers(source, &format!("{root}encoder.layers."))?;
    let table = source.shape(&format!("{root}embeddings.token_embedding.weight"), 2)?;
    let sizes = Sizes {
        vocabulary: table[0],
        width: table[1],
        inner: source.shape(&format!("{root}encoder.layers.0.mlp.fc1.weight"), 2)?[0],
        positions: source.shape(&format!("{root}embeddings.position_embedding.weight"), 2)?[0],
        layers,
        projection: table[1],
    };
    Ok(sizes.finish(source, views, "CLIPTextModel", "quick_gelu"))
}

/// OpenCLIP under `prefix`.
pub(super) fn open_clip(source: &Source, prefix: &str, used: Layers) -> Result<Text, WeightsError> {
    let stored_layers = count_layers(source, &format!("{prefix}transformer.resblocks."))?;
    let has_projection = source.has(&format!("{prefix}text_projection"));
    // A file converted back from diffusers has lost the last layer already, and the projection with it.
    let drop_last = used == Layers::Penultimate && (has_projection || stored_layers == VIT_H_LAYERS);
    let layers = stored_layers - usize::from(drop_last);
    if layers == 0 {
        return Err(source.unsupported(format!("{prefix}transformer.resblocks has no layer to use")));
    }
    let mut views = BTreeMap::new();
    for name in source.below(prefix) {
        map_open_clip(source, prefix, name, layers, &mut views)?;
    }
    let table = source.shape(&format!("{prefix}token_embedding.weight"), 2)?;
    let width = table[1];
    let projection = match used {
        Layers::All => project(source, prefix, &mut views)?,
        Layers::Penultimate => width,
    };
    let sizes = Sizes {
        vocabulary: table[0],
        width,
        inner: source.shape(&format!("{prefix}transformer.resblocks.0.mlp.c_fc.weight"), 2)?[0],
        positions: source.shape(&format!("{prefix}positional_embedding"), 2)?[0],
        layers,
        projection,
    };
    let class = if used == Layers::All { "CLIPTextModelWithProjection" } else { "CLIPTextModel" };
    Ok(sizes.finish(source, views, class, "gelu"))
}

fn count_layers(source: &Source, prefix: &str) -> Result<usize, WeightsError> {
    let layers: BTreeMap<usize, ()> = source.below(prefix).filter_map(|name| Some((index(name)?.0, ()))).collect();
    if layers.is_empty() || !is_dense(&layers) {
        return Err(
            source.unsupported(format!("the layers {prefix} are not numbered 0, 1, 2, …: the text encoder is incomplete"))
        );
    }
    Ok(layers.len())
}

/// Maps one stored tensor, if the model uses it.
fn map_open_clip(
    source: &Source,
    prefix: &str,
    name: &str,
    layers: usize,
    views: &mut BTreeMap<String, View>,
) -> Result<(), WeightsError> {
    const WHOLE: [(&str, &str); 4] = [
        ("token_embedding.weight", "embeddings.token_embedding.weight"),
        ("positional_embedding", "embeddings.position_embedding.weight"),
        ("ln_final.weight", "final_layer_norm.weight"),
        ("ln_final.bias", "final_layer_norm.bias"),
    ];
    const PARTS: [(&str, &str); 5] = [
        ("ln_1.", "layer_norm1."),
        ("ln_2.", "layer_norm2."),
        ("attn.out_proj.", "self_attn.out_proj."),
        ("mlp.c_fc.", "mlp.fc1."),
        ("mlp.c_proj.", "mlp.fc2."),
    ];
    let stored = format!("{prefix}{name}");
    if let Some((_, new)) = WHOLE.iter().find(|(old, _)| *old == name) {
        views.insert(format!("text_model.{new}"), source.view(&stored, Change::None)?);
        return Ok(());
    }
    let Some((layer, rest)) = name.strip_prefix("transformer.resblocks.").and_then(index) else {
        return Ok(());
    };
    if layer >= layers {
        return Ok(());
    }
    let to = format!("text_model.encoder.layers.{layer}");
    if let Some(leaf @ ("weight" | "bias")) = rest.strip_prefix("attn.in_proj_") {
        return split(source, &stored, &to, leaf, views);
    }
    let part = PARTS.iter().find_map(|(old, new)| Some((new, rest.strip_prefix(old)?)));
    let Some((new, leaf)) = part else {
        return Err(WeightsError::tensor(source.file().path(), &stored, "not a part of an OpenCLIP text encoder"));
    };
    views.insert(format!("{to}.{new}{leaf}"), source.view(&stored, Change::None)?);
    Ok(())
}

/// Query, key and value are the three thirds of the rows.
fn split(source: &Source, stored: &str, to: &str, leaf: &str, views: &mut BTreeMap<String, View>) -> Result<(), WeightsError> {
    let rows = source.file().header().tensors[stored].shape.first().copied().unwrap_or(0);
    if rows == 0 || !rows.is_multiple_of(3) {
        return Err(WeightsError::tensor(source.file().path(), stored, format!("{rows} rows cannot be query, key and value")));
    }
    let third = rows / 3;
    for (number, part) in ["q_proj", "k_proj", "v_proj"].iter().enumerate() {
        let view = source.view(stored, Change::Rows(number * third..(number + 1) * third))?;
        views.insert(format!("{to}.self_attn.{part}.{leaf}"), view);
    }
    Ok(())
}

/// The projection of the pooled text: a bare matrix that multiplies from the right, or a linear layer. Returns its output width.
fn project(source: &Source, prefix: &str, views: &mut BTreeMap<String, View>) -> Result<usize, WeightsError> {
    let (bare, linear) = (format!("{prefix}text_projection"), format!("{prefix}text_projection.weight"));
    let tensors = &source.file().header().tensors;
    let (stored, change, width_at) =
        if tensors.contains_key(&linear) { (linear, Change::None, 0) } else { (bare, Change::Transpose, 1) };
    let width = source.shape(&stored, 2)?[width_at];
    views.insert("text_projection.weight".to_owned(), source.view(&stored, change)?);
    Ok(width)
}

struct Sizes {
    vocabulary: usize,
    width: usize,
    inner: usize,
    positions: usize,
    layers: usize,
    projection: usize,
}

impl Sizes {
    fn finish(self, source: &Source, views: BTreeMap<String, View>, class: &str, activation: &str) -> Text {
        let end = self.vocabulary.saturating_sub(1);
        let config = json!({
            "architectures": [class],
            "model_type": "clip_text_model",
            "vocab_size": self.vocabulary,
            "hidden_size": self.width,
            "intermediate_size": self.inner,
            "num_hidden_layers": self.layers,
            "num_attention_heads": (self.width / HEAD_WIDTH).max(1),
            "max_position_embeddings": self.positions,
            "projection_dim": self.projection,
            "hidden_act": activation,
            "layer_norm_eps": 1e-5,
            "bos_token_id": end.saturating_sub(1),
            "eos_token_id": end,
        });
        Text { weights: source.component(views), config, vocabulary: self.vocabulary, projection: self.projection }
    }
}
