//! The autoencoder: `first_stage_model.*` to diffusers' `AutoencoderKL`.
//!
//! Differences: the original counts the decoder's levels from the output, diffusers from the latents; the original's attention is made of
//! 1x1 convolutions, diffusers' of linear layers with the same numbers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    super::{Change, Family, View, WeightSet},
    Source, WeightsError,
    source::{index, is_dense},
};

pub(super) struct Vae {
    pub weights: WeightSet,
    pub config: Value,
}

/// Residual blocks per level.
type Levels = BTreeMap<usize, BTreeMap<usize, ()>>;

pub(super) fn map(source: &Source, family: Family) -> Result<Vae, WeightsError> {
    // A file of its own has no prefix.
    let prefix = ["first_stage_model.", "vae."].into_iter().find(|prefix| source.has(prefix)).unwrap_or_default();
    let encoder = levels(source, prefix, "encoder.down.")?;
    let decoder = levels(source, prefix, "decoder.up.")?;
    let layers = encoder[&0].len();
    let even = encoder.values().all(|level| level.len() == layers) && decoder.values().all(|level| level.len() == layers + 1);
    if encoder.len() != decoder.len() || !even {
        return Err(source.unsupported("the autoencoder's decoder does not mirror its encoder"));
    }
    let mut views = BTreeMap::new();
    for name in source.below(prefix) {
        if let Some((to, view)) = rename(source, prefix, name, decoder.len())? {
            views.insert(to, view);
        }
    }
    let config = config(source, prefix, family, encoder.len(), layers)?;
    Ok(Vae { weights: source.component(views), config })
}

fn levels(source: &Source, prefix: &str, row: &str) -> Result<Levels, WeightsError> {
    let mut levels = Levels::new();
    let full = format!("{prefix}{row}");
    for name in source.below(&full) {
        let Some((level, rest)) = index(name) else { continue };
        let blocks = levels.entry(level).or_default();
        if let Some((block, _)) = rest.strip_prefix("block.").and_then(index) {
            blocks.insert(block, ());
        }
    }
    if levels.is_empty() || !is_dense(&levels) || levels.values().any(|blocks| blocks.is_empty() || !is_dense(blocks)) {
        return Err(source.unsupported(format!("the levels {full} are not numbered 0, 1, 2, …: the autoencoder is incomplete")));
    }
    Ok(levels)
}

/// The diffusers name of a stored tensor; nothing for what training leaves in a file (`loss.*`).
fn rename(source: &Source, prefix: &str, name: &str, levels: usize) -> Result<Option<(String, View)>, WeightsError> {
    let stored = format!("{prefix}{name}");
    let Some((half, rest)) = name.split_once('.').filter(|(half, _)| matches!(*half, "encoder" | "decoder")) else {
        if name.starts_with("quant_conv.") || name.starts_with("post_quant_conv.") {
            return Ok(Some((name.to_owned(), source.view(&stored, Change::None)?)));
        }
        return Ok(None);
    };
    let Some(to) = rename_half(rest, levels) else {
        return Err(WeightsError::tensor(source.file().path(), &stored, "not a part of a Stable Diffusion autoencoder"));
    };
    let mut view = source.view(&stored, Change::None)?;
    if to.starts_with("mid_block.attentions.") && !to.contains("group_norm") && to.ends_with(".weight") {
        let rows = source.file().header().tensors[&stored].shape.first().copied().unwrap_or(0);
        view = view.reshaped(&[rows, rows])?;
    }
    Ok(Some((format!("{half}.{to}"), view)))
}

fn rename_half(name: &str, levels: usize) -> Option<String> {
    const MIDDLE: [(&str, &str); 7] = [
        ("mid.block_1.", "mid_block.resnets.0."),
        ("mid.block_2.", "mid_block.resnets.1."),
        ("mid.attn_1.norm.", "mid_block.attentions.0.group_norm."),
        ("mid.attn_1.q.", "mid_block.attentions.0.to_q."),
        ("mid.attn_1.k.", "mid_block.attentions.0.to_k."),
        ("mid.attn_1.v.", "mid_block.attentions.0.to_v."),
        ("mid.attn_1.proj_out.", "mid_block.attentions.0.to_out.0."),
    ];
    if name.starts_with("conv_in.") || name.starts_with("conv_out.") {
        return Some(name.to_owned());
    }
    if let Some(leaf) = name.strip_prefix("norm_out.") {
        return Some(format!("conv_norm_out.{leaf}"));
    }
    if let Some((new, leaf)) = MIDDLE.iter().find_map(|(old, new)| Some((new, name.strip_prefix(old)?))) {
        return Some(format!("{new}{}", shortcut(leaf)));
    }
    let (row, (level, rest)) = match (name.strip_prefix("down."), name.strip_prefix("up.")) {
        (Some(rest), _) => ("down_blocks", index(rest)?),
        (_, Some(rest)) => ("up_blocks", index(rest).and_then(|(level, rest)| Some((levels.checked_sub(level + 1)?, rest)))?),
        _ => return None,
    };
    if let Some((block, leaf)) = rest.strip_prefix("block.").and_then(index) {
        return Some(format!("{row}.{level}.resnets.{block}.{}", shortcut(leaf)));
    }
    let samplers = [("downsample.", "downsamplers.0."), ("upsample.", "upsamplers.0.")];
    let (new, leaf) = samplers.iter().find_map(|(old, new)| Some((new, rest.strip_prefix(old)?)))?;
    Some(format!("{row}.{level}.{new}{leaf}"))
}

fn shortcut(leaf: &str) -> String {
    leaf.replace("nin_shortcut.", "conv_shortcut.")
}

fn config(source: &Source, prefix: &str, family: Family, levels: usize, layers: usize) -> Result<Value, WeightsError> {
    let shape = |name: &str| source.shape(&format!("{prefix}{name}"), 4);
    let mut channels = Vec::with_capacity(levels);
    for level in 0..levels {
        channels.push(shape(&format!("encoder.down.{level}.block.0.conv1.weight"))?[0]);
    }
    let (scale, side) = match family {
        Family::Sd1 => (0.18215, 512),
        Family::Sd2 => (0.18215, 768),
        Family::Sdxl => (0.13025, 1024),
    };
    Ok(json!({
        "_class_name": "AutoencoderKL",
        "in_channels": shape("encoder.conv_in.weight")?[1],
        "out_channels": shape("decoder.conv_out.weight")?[0],
        "latent_channels": shape("decoder.conv_in.weight")?[1],
        "block_out_channels": channels,
        "layers_per_block": layers,
        "down_block_types": vec!["DownEncoderBlock2D"; levels],
        "up_block_types": vec!["UpDecoderBlock2D"; levels],
        "norm_num_groups": 32,
        "act_fn": "silu",
        "sample_size": side,
        "scaling_factor": scale,
        "force_upcast": true,
        "use_quant_conv": source.has(&format!("{prefix}quant_conv.")),
        "use_post_quant_conv": source.has(&format!("{prefix}post_quant_conv.")),
    }))
}
