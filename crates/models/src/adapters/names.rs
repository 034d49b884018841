//! From a stored tensor's name to the layer it adds to.
//!
//! kohya's trainers flatten a layer's name with underscores behind `lora_unet_`, `lora_te_`, `lora_te1_` or `lora_te2_`; for SDXL they use the
//! original names of the denoiser's blocks (`input_blocks_4_1_…`). diffusers and peft keep the dots behind `unet.`, `text_encoder.` or
//! `text_encoder_2.`, and have spelt the two halves in four ways. A flattened name cannot be taken apart again, so the model's own names are
//! flattened and looked up.

use std::collections::HashMap;

use crate::unet::UNetConfig;

/// Which half of an addition a tensor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// (rank, in, …).
    Down,
    /// LoCon's middle, (rank, rank, k, k).
    Mid,
    /// (out, rank, …).
    Up,
    /// The number that the product is multiplied by, times the rank.
    Alpha,
}

/// A tensor's place: 0 is the denoiser, 1 and 2 are the text encoders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub component: usize,
    pub layer: Layer,
    pub part: Part,
}

/// A layer's name as it was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    Flat(String),
    Dotted(String),
}

/// Kinds of adapter that are something else than two low-rank halves, by what only their tensors' names have.
const OTHER_KINDS: [(&str, &str); 10] = [
    ("dora_scale", "DoRA (weight-decomposed adaptation)"),
    ("lora_magnitude_vector", "DoRA (weight-decomposed adaptation)"),
    ("hada_", "LoHa (Hadamard products)"),
    ("lokr_", "LoKr (Kronecker products)"),
    ("oft_", "OFT (orthogonal fine-tuning)"),
    ("boft_", "BOFT (orthogonal fine-tuning)"),
    ("on_input", "(IA)^3 (scaled activations)"),
    (".diff", "full weight differences"),
    ("w_norm", "trained normalisations"),
    ("b_norm", "trained normalisations"),
];

/// The kind of adapter that a name belongs to and that cannot be applied.
pub(super) fn other_kind(name: &str) -> Option<&'static str> {
    OTHER_KINDS.iter().find(|(mark, _)| name.contains(mark)).map(|(_, kind)| *kind)
}

/// How the parts are spelt behind a layer's name.
const PARTS: [(&str, Part); 14] = [
    (".lora_down.weight", Part::Down),
    (".lora_up.weight", Part::Up),
    (".lora_mid.weight", Part::Mid),
    (".lora_A.weight", Part::Down),
    (".lora_B.weight", Part::Up),
    (".lora_A.default.weight", Part::Down),
    (".lora_B.default.weight", Part::Up),
    (".lora.down.weight", Part::Down),
    (".lora.up.weight", Part::Up),
    (".lora_linear_layer.down.weight", Part::Down),
    (".lora_linear_layer.up.weight", Part::Up),
    ("_lora.down.weight", Part::Down),
    ("_lora.up.weight", Part::Up),
    (".alpha", Part::Alpha),
];

const FLAT: [(&str, usize); 4] = [("lora_unet_", 0), ("lora_te_", 1), ("lora_te1_", 1), ("lora_te2_", 2)];
const DOTTED: [(&str, usize); 3] = [("unet.", 0), ("text_encoder_2.", 2), ("text_encoder.", 1)];

/// Reads a stored name; `None` for what is no part of a LoRA.
pub(super) fn parse(name: &str) -> Option<Key> {
    let (layer, part) = PARTS.iter().find_map(|(end, part)| Some((name.strip_suffix(end)?, *part)))?;
    if let Some((rest, component)) = FLAT.iter().find_map(|(start, component)| Some((layer.strip_prefix(start)?, *component))) {
        return Some(Key { component, layer: Layer::Flat(rest.to_owned()), part });
    }
    let layer = layer.strip_prefix("base_model.model.").unwrap_or(layer);
    let prefixed = DOTTED.iter().find_map(|(start, component)| Some((layer.strip_prefix(start)?, *component)));
    let (layer, component) = match prefixed {
        Some((layer, component)) => (layer.strip_prefix("base_model.model.").unwrap_or(layer), component),
        None if ["down_blocks.", "mid_block.", "up_blocks."].iter().any(|start| layer.starts_with(start)) => (layer, 0),
        None => return None,
    };
    // The oldest diffusers put the halves beside the attention: `attn1.processor.to_out_lora.down.weight`.
    let layer = match layer.split_once(".processor.") {
        Some((at, "to_out")) => format!("{at}.to_out.0"),
        Some((at, leaf)) => format!("{at}.{leaf}"),
        None => layer.to_owned(),
    };
    Some(Key { component, layer: Layer::Dotted(layer), part })
}

/// Finds layers by their written names.
pub(super) struct Finder {
    flat: HashMap<String, String>,
}

impl Finder {
    /// For layers of these names; the denoiser's also go by their original names.
    pub fn new<'a>(names: impl Iterator<Item = &'a String>, unet: Option<&UNetConfig>) -> Self {
        let mut flat: HashMap<String, String> = HashMap::new();
        let blocks = unet.map(original_blocks).unwrap_or_default();
        for name in names {
            flat.insert(name.replace('.', "_"), name.clone());
            for original in blocks.iter().filter_map(|(new, old)| original_name(name, new, old)) {
                flat.insert(original.replace('.', "_"), name.clone());
            }
        }
        Self { flat }
    }

    /// The layer's own name.
    pub fn find(&self, layer: &Layer) -> Option<&str> {
        let flat = match layer {
            Layer::Flat(name) => name.clone(),
            Layer::Dotted(name) => name.replace('.', "_"),
        };
        // Newer transformers leave `text_model.` out.
        let found = self.flat.get(&flat).or_else(|| self.flat.get(&format!("text_model_{flat}")));
        found.map(String::as_str)
    }
}

/// Where the blocks of a denoiser are in its original layout, (diffusers' name, original name).
pub(super) fn original_blocks(config: &UNetConfig) -> Vec<(String, String)> {
    let (levels, mut blocks) = (config.channels.len(), Vec::new());
    let mut number = 1;
    for level in 0..levels {
        for i in 0..config.layers[level] {
            blocks.push((format!("down_blocks.{level}.resnets.{i}."), format!("input_blocks.{number}.0.")));
            blocks.push((format!("down_blocks.{level}.attentions.{i}."), format!("input_blocks.{number}.1.")));
            number += 1;
        }
        blocks.push((format!("down_blocks.{level}.downsamplers.0.conv"), format!("input_blocks.{number}.0.op")));
        number += 1;
    }
    for (i, part) in ["resnets.0", "attentions.0", "resnets.1"].iter().enumerate() {
        blocks.push((format!("mid_block.{part}."), format!("middle_block.{i}.")));
    }
    number = 0;
    for up in 0..levels {
        let level = levels - 1 - up;
        for i in 0..=config.layers[level] {
            blocks.push((format!("up_blocks.{up}.resnets.{i}."), format!("output_blocks.{number}.0.")));
            blocks.push((format!("up_blocks.{up}.attentions.{i}."), format!("output_blocks.{number}.1.")));
            number += 1;
        }
        let member = 1 + usize::from(config.up_attention[up]);
        blocks.push((format!("up_blocks.{up}.upsamplers.0.conv"), format!("output_blocks.{}.{member}.conv", number - 1)));
    }
    blocks
}

/// A layer's original name, if it lies in this block.
pub(super) fn original_name(name: &str, new: &str, old: &str) -> Option<String> {
    const RESNET: [(&str, &str); 6] = [
        ("norm1", "in_layers.0"),
        ("norm2", "out_layers.0"),
        ("conv1", "in_layers.2"),
        ("time_emb_proj", "emb_layers.1"),
        ("conv2", "out_layers.3"),
        ("conv_shortcut", "skip_connection"),
    ];
    let rest = name.strip_prefix(new)?;
    let rest = RESNET.iter().find(|(part, _)| *part == rest).map_or(rest, |(_, original)| original);
    Some(format!("{old}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(component: usize, layer: Layer, part: Part) -> Option<Key> {
        Some(Key { component, layer, part })
    }

    #[test]
    fn every_spelling_is_read() {
        let flat = |name: &str| Layer::Flat(name.to_owned());
        let dotted = |name: &str| Layer::Dotted(name.to_owned());
        for (name, expected) in [
            ("lora_unet_mid_block_x_to_q.lora_down.weight", key(0, flat("mid_block_x_to_q"), Part::Down)),
            ("lora_te_text_model_fc1.alpha", key(1, flat("text_model_fc1"), Part::Alpha)),
            ("lora_te2_text_model_fc1.lora_mid.weight", key(2, flat("text_model_fc1"), Part::Mid)),
            ("unet.up_blocks.1.to_k.lora_A.weight", key(0, dotted("up_blocks.1.to_k"), Part::Down)),
            ("text_encoder.text_model.q_proj.lora_linear_layer.up.weight", key(1, dotted("text_model.q_proj"), Part::Up)),
            ("text_encoder_2.text_model.q_proj.lora_B.weight", key(2, dotted("text_model.q_proj"), Part::Up)),
            ("unet.m.attn1.processor.to_out_lora.up.weight", key(0, dotted("m.attn1.to_out.0"), Part::Up)),
            ("base_model.model.mid_block.a.to_q.lora_A.weight", key(0, dotted("mid_block.a.to_q"), Part::Down)),
            ("lora_unet_x.hada_w1_a", None),
            ("model.diffusion_model.x.weight", None),
        ] {
            assert_eq!(parse(name), expected, "{name}");
        }
    }

    #[test]
    fn kinds_that_are_something_else_are_known_by_name() {
        assert!(other_kind("lora_unet_x.dora_scale").is_some_and(|kind| kind.starts_with("DoRA")));
        assert!(other_kind("lora_unet_x.hada_w1_a").is_some_and(|kind| kind.starts_with("LoHa")));
        assert!(other_kind("lora_unet_x.lokr_w1").is_some_and(|kind| kind.starts_with("LoKr")));
        assert_eq!(other_kind("lora_unet_x.lora_up.weight"), None);
    }
}
