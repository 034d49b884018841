//! The denoiser: `model.diffusion_model.*` to diffusers' `UNet2DConditionModel`.
//!
//! The original numbers its blocks in one row (`input_blocks.7.1.…`), diffusers nests them (`down_blocks.2.attentions.0.…`). What each
//! block is shows in what it contains, so the nesting is found by walking the row: a block with `op` ends a level on the way down, a
//! block with an upsampling `conv` ends one on the way up.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    super::{Change, Family, View, WeightSet},
    Source, WeightsError,
    source::{index, is_dense},
};

const PREFIX: &str = "model.diffusion_model.";
/// Channels per attention head in 2.x and XL.
const HEAD_CHANNELS: usize = 64;
/// Numbers (sizes and crop) that XL conditions on beside the pooled text.
const XL_SIZES: usize = 6;

/// The mapped denoiser.
pub(super) struct Unet {
    pub weights: WeightSet,
    pub config: Value,
    pub in_channels: usize,
}

/// What one member of a block is, by what it contains.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Conv,
    Resnet,
    Attention,
    Down,
    Up,
}

/// One resolution level.
#[derive(Default)]
struct Level {
    channels: usize,
    resnets: usize,
    /// Transformer layers of each attention.
    depths: Vec<usize>,
}

/// Names of a block's member, by its number in the block.
type Block = BTreeMap<usize, Vec<String>>;

pub(super) fn map(source: &Source, family: Family, projection: Option<usize>) -> Result<Unet, WeightsError> {
    let mut walk = Walk { source, views: BTreeMap::new() };
    for (stored, name) in [
        ("time_embed.0", "time_embedding.linear_1"),
        ("time_embed.2", "time_embedding.linear_2"),
        ("out.0", "conv_norm_out"),
        ("out.2", "conv_out"),
    ] {
        walk.pair(stored, name)?;
    }
    let down = walk.down()?;
    let mid_depth = walk.middle()?;
    let up = walk.up()?;
    walk.check_symmetry(&down, &up, mid_depth)?;
    let in_channels = source.shape(&format!("{PREFIX}input_blocks.0.0.weight"), 4)?[1];
    if !matches!(in_channels, 4 | 9) {
        return Err(source
            .unsupported(format!("the denoiser takes {in_channels} channels; 4 (pictures) and 9 (inpainting) are supported")));
    }
    let mut config = walk.config(family, &down, &up, mid_depth, in_channels)?;
    walk.label_embedding(projection, &mut config)?;
    Ok(Unet { weights: source.component(walk.views), config, in_channels })
}

struct Walk<'a> {
    source: &'a Source,
    views: BTreeMap<String, View>,
}

impl Walk<'_> {
    fn take(&mut self, stored: &str, name: String) -> Result<(), WeightsError> {
        let view = self.source.view(&format!("{PREFIX}{stored}"), Change::None)?;
        self.views.insert(name, view);
        Ok(())
    }

    /// Weight and bias of one layer.
    fn pair(&mut self, stored: &str, name: &str) -> Result<(), WeightsError> {
        for leaf in ["weight", "bias"] {
            self.take(&format!("{stored}.{leaf}"), format!("{name}.{leaf}"))?;
        }
        Ok(())
    }

    /// The blocks below `row.`, numbered without a gap.
    fn blocks(&self, row: &str) -> Result<Vec<Block>, WeightsError> {
        let prefix = format!("{PREFIX}{row}.");
        let mut blocks: BTreeMap<usize, Block> = BTreeMap::new();
        for name in self.source.below(&prefix) {
            let Some((block, (member, rest))) = index(name).and_then(|(block, rest)| Some((block, index(rest)?))) else {
                return Err(self.strange(&format!("{row}.{name}")));
            };
            blocks.entry(block).or_default().entry(member).or_default().push(rest.to_owned());
        }
        if blocks.is_empty() || !is_dense(&blocks) || !blocks.values().all(is_dense) {
            return Err(self
                .source
                .unsupported(format!("the blocks {PREFIX}{row} are not numbered 0, 1, 2, …: the file is incomplete")));
        }
        Ok(blocks.into_values().collect())
    }

    fn strange(&self, name: &str) -> WeightsError {
        WeightsError::tensor(self.source.file().path(), &format!("{PREFIX}{name}"), "not a part of a Stable Diffusion denoiser")
    }

    fn kind(&self, at: &str, names: &[String]) -> Result<Kind, WeightsError> {
        let any = |prefix: &str| names.iter().any(|name| name.starts_with(prefix));
        if any("in_layers.") {
            Ok(Kind::Resnet)
        } else if any("transformer_blocks.") {
            Ok(Kind::Attention)
        } else if any("op.") {
            Ok(Kind::Down)
        } else if any("conv.") {
            Ok(Kind::Up)
        } else if any("weight") {
            Ok(Kind::Conv)
        } else {
            Err(self.strange(&format!("{at}.{}", names.first().map_or("", String::as_str))))
        }
    }

    fn kinds(&self, at: &str, block: &Block) -> Result<Vec<Kind>, WeightsError> {
        block.iter().map(|(member, names)| self.kind(&format!("{at}.{member}"), names)).collect()
    }

    /// Takes a residual block and returns its output channels.
    fn resnet(&mut self, at: &str, names: &[String], to: &str) -> Result<usize, WeightsError> {
        const PARTS: [(&str, &str); 6] = [
            ("in_layers.0.", "norm1."),
            ("in_layers.2.", "conv1."),
            ("emb_layers.1.", "time_emb_proj."),
            ("out_layers.0.", "norm2."),
            ("out_layers.3.", "conv2."),
            ("skip_connection.", "conv_shortcut."),
        ];
        for name in names {
            let part = PARTS.iter().find_map(|(old, new)| Some((new, name.strip_prefix(old)?)));
            let Some((new, leaf)) = part else {
                return Err(self.strange(&format!("{at}.{name}")));
            };
            self.take(&format!("{at}.{name}"), format!("{to}.{new}{leaf}"))?;
        }
        Ok(self.source.shape(&format!("{PREFIX}{at}.in_layers.2.weight"), 4)?[0])
    }

    /// Takes a transformer, whose names are the same in both layouts, and returns its layers.
    fn attention(&mut self, at: &str, names: &[String], to: &str) -> Result<usize, WeightsError> {
        let mut layers = BTreeMap::new();
        for name in names {
            if let Some((layer, _)) = name.strip_prefix("transformer_blocks.").and_then(index) {
                layers.insert(layer, ());
            }
            self.take(&format!("{at}.{name}"), format!("{to}.{name}"))?;
        }
        if !is_dense(&layers) {
            return Err(self
                .source
                .unsupported(format!("the layers of {PREFIX}{at} are not numbered 0, 1, 2, …: the file is incomplete")));
        }
        Ok(layers.len())
    }

    fn down(&mut self) -> Result<Vec<Level>, WeightsError> {
        let mut levels = vec![Level::default()];
        for (number, block) in self.blocks("input_blocks")?.iter().enumerate() {
            let at = format!("input_blocks.{number}");
            let (last, level) = (levels.len() - 1, levels.last_mut().expect("there is always a level; this is a bug"));
            let to = format!("down_blocks.{last}");
            match self.kinds(&at, block)?.as_slice() {
                [Kind::Conv] if number == 0 => self.pair(&format!("{at}.0"), "conv_in")?,
                [Kind::Down] if level.resnets > 0 => {
                    self.pair(&format!("{at}.0.op"), &format!("{to}.downsamplers.0.conv"))?;
                    levels.push(Level::default());
                }
                [Kind::Resnet, rest @ ..] if number > 0 && matches!(rest, [] | [Kind::Attention]) => {
                    level.channels = self.resnet(&format!("{at}.0"), &block[&0], &format!("{to}.resnets.{}", level.resnets))?;
                    if let [Kind::Attention] = rest {
                        let name = format!("{to}.attentions.{}", level.resnets);
                        level.depths.push(self.attention(&format!("{at}.1"), &block[&1], &name)?);
                    }
                    level.resnets += 1;
                }
                _ => return Err(self.strange(&at)),
            }
        }
        Ok(levels)
    }

    /// Returns the transformer layers of the middle.
    fn middle(&mut self) -> Result<usize, WeightsError> {
        let prefix = format!("{PREFIX}middle_block.");
        let mut block = Block::new();
        for name in self.source.below(&prefix) {
            let (member, rest) = index(name).ok_or_else(|| self.strange(&format!("middle_block.{name}")))?;
            block.entry(member).or_default().push(rest.to_owned());
        }
        if self.kinds("middle_block", &block)? != [Kind::Resnet, Kind::Attention, Kind::Resnet] || !is_dense(&block) {
            return Err(self.source.unsupported("the middle of the denoiser is not residual, attention, residual"));
        }
        self.resnet("middle_block.0", &block[&0], "mid_block.resnets.0")?;
        let depth = self.attention("middle_block.1", &block[&1], "mid_block.attentions.0")?;
        self.resnet("middle_block.2", &block[&2], "mid_block.resnets.1")?;
        Ok(depth)
    }

    fn up(&mut self) -> Result<Vec<Level>, WeightsError> {
        let mut levels = vec![Level::default()];
        let blocks = self.blocks("output_blocks")?;
        for (number, block) in blocks.iter().enumerate() {
            let at = format!("output_blocks.{number}");
            let (last, level) = (levels.len() - 1, levels.last_mut().expect("there is always a level; this is a bug"));
            let to = format!("up_blocks.{last}");
            let kinds = self.kinds(&at, block)?;
            let (ends, attention) = match kinds.as_slice() {
                [Kind::Resnet] => (None, false),
                [Kind::Resnet, Kind::Attention] => (None, true),
                [Kind::Resnet, Kind::Up] => (Some(1), false),
                [Kind::Resnet, Kind::Attention, Kind::Up] => (Some(2), true),
                _ => return Err(self.strange(&at)),
            };
            level.channels = self.resnet(&format!("{at}.0"), &block[&0], &format!("{to}.resnets.{}", level.resnets))?;
            if attention {
                level.depths.push(self.attention(
                    &format!("{at}.1"),
                    &block[&1],
                    &format!("{to}.attentions.{}", level.resnets),
                )?);
            }
            level.resnets += 1;
            if let Some(member) = ends {
                self.pair(&format!("{at}.{member}.conv"), &format!("{to}.upsamplers.0.conv"))?;
                levels.push(Level::default());
            }
        }
        Ok(levels)
    }

    /// diffusers' configuration says each level once; a file whose way up differs from its way down cannot be written in it.
    fn check_symmetry(&self, down: &[Level], up: &[Level], mid_depth: usize) -> Result<(), WeightsError> {
        let uniform = |level: &Level| {
            level.depths.is_empty() || (level.depths.len() == level.resnets && level.depths.iter().all(|d| *d == level.depths[0]))
        };
        let mirrored = down.len() == up.len()
            && down.iter().zip(up.iter().rev()).all(|(down, up)| {
                up.resnets == down.resnets + 1 && up.channels == down.channels && up.depths.first() == down.depths.first()
            });
        if !mirrored || !down.iter().chain(up).all(uniform) || mid_depth == 0 {
            return Err(self
                .source
                .unsupported("the denoiser's way up does not mirror its way down; such distilled models are not supported"));
        }
        let deepest = down.last().and_then(|level| level.depths.first().copied());
        if deepest.is_some_and(|deepest| deepest != mid_depth) {
            return Err(self.source.unsupported(
                "the middle of the denoiser is not as deep as its lowest level; such distilled models are not supported",
            ));
        }
        Ok(())
    }

    fn config(
        &self,
        family: Family,
        down: &[Level],
        up: &[Level],
        mid_depth: usize,
        in_channels: usize,
    ) -> Result<Value, WeightsError> {
        let named = |levels: &[Level], with: &str, without: &str| -> Vec<String> {
            levels.iter().map(|level| if level.depths.is_empty() { without } else { with }.to_owned()).collect()
        };
        let channels: Vec<usize> = down.iter().map(|level| level.channels).collect();
        let heads = match family {
            Family::Sd1 => json!(8),
            Family::Sd2 | Family::Sdxl => json!(channels.iter().map(|c| (c / HEAD_CHANNELS).max(1)).collect::<Vec<_>>()),
        };
        // A level without attention has no depth of its own; the last stands for the middle, too.
        let mut depths: Vec<usize> = down.iter().map(|level| level.depths.first().copied().unwrap_or(1)).collect();
        if let Some(last) = depths.last_mut() {
            *last = mid_depth;
        }
        let resnets: Vec<usize> = down.iter().map(|level| level.resnets).collect();
        let middle = format!("{PREFIX}middle_block.1.");
        let context = self.source.shape(&format!("{middle}transformer_blocks.0.attn2.to_k.weight"), 2)?[1];
        let project = self.source.file().header().tensors.get(&format!("{middle}proj_in.weight"));
        Ok(json!({
            "_class_name": "UNet2DConditionModel",
            "in_channels": in_channels,
            "out_channels": self.source.shape(&format!("{PREFIX}out.2.weight"), 4)?[0],
            "block_out_channels": channels,
            "layers_per_block": all_or_each(&resnets),
            "down_block_types": named(down, "CrossAttnDownBlock2D", "DownBlock2D"),
            "up_block_types": named(up, "CrossAttnUpBlock2D", "UpBlock2D"),
            "cross_attention_dim": context,
            "transformer_layers_per_block": all_or_each(&depths),
            "attention_head_dim": heads,
            "use_linear_projection": project.is_some_and(|info| info.shape.len() == 2),
            "norm_num_groups": 32,
            "norm_eps": 1e-5,
            "act_fn": "silu",
            "flip_sin_to_cos": true,
            "freq_shift": 0,
        }))
    }

    /// XL's embedding of sizes and pooled text. Another model's class embedding is not supported.
    fn label_embedding(&mut self, projection: Option<usize>, config: &mut Value) -> Result<(), WeightsError> {
        let Some(pooled) = projection else {
            if self.source.has(&format!("{PREFIX}label_emb.")) {
                return Err(self.source.unsupported(
                    "the denoiser takes a class or picture embedding (an upscaler or unCLIP model), which is not supported",
                ));
            }
            return Ok(());
        };
        self.pair("label_emb.0.0", "add_embedding.linear_1")?;
        self.pair("label_emb.0.2", "add_embedding.linear_2")?;
        let input = self.source.shape(&format!("{PREFIX}label_emb.0.0.weight"), 2)?[1];
        let sizes = input.checked_sub(pooled).filter(|rest| *rest > 0 && rest.is_multiple_of(XL_SIZES));
        let Some(sizes) = sizes else {
            return Err(self.source.unsupported(format!(
                "the size embedding takes {input} values, which is not the pooled text's {pooled} and six numbers"
            )));
        };
        config["addition_embed_type"] = json!("text_time");
        config["addition_time_embed_dim"] = json!(sizes / XL_SIZES);
        config["projection_class_embeddings_input_dim"] = json!(input);
        Ok(())
    }
}

/// One number if all are equal, else the list: how diffusers writes it.
fn all_or_each(values: &[usize]) -> Value {
    match values {
        [first, rest @ ..] if rest.iter().all(|value| value == first) => json!(first),
        _ => json!(values),
    }
}
