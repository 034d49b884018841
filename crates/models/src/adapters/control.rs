//! ControlNet files: a folder of diffusers', or one file under diffusers' names or under the original ones (`control_model.…`).

use std::{borrow::Cow, fs, path::Path};

use super::names::{original_blocks, original_name};
use crate::{
    ModelError,
    config::ConfigError,
    ops::{Loader, Ops, WeightSource},
    unet::{ControlConfig, ControlNet, UNetConfig},
    weights::{WeightSet, WeightsError},
};

/// The weights in a folder of diffusers'.
pub(super) const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";
const CONFIG: &str = "config.json";
/// A longer configuration is none.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
const ORIGINAL: &str = "control_model.";

/// A ControlNet on a device, and its numbers.
pub fn load<O: Ops>(ops: &O, path: &Path, unet: &UNetConfig) -> Result<(ControlNet<O>, u64), ModelError> {
    let file = if path.is_dir() { path.join(WEIGHTS) } else { path.to_owned() };
    let weights = WeightSet::open_file(&file)?;
    let original = weights.names().any(|name| name.starts_with(ORIGINAL)).then(|| original_blocks(unet));
    let source = Source { weights, original };
    let config = match path.is_dir() {
        true => ControlConfig::from_json(&read_config(&path.join(CONFIG))?, unet)?,
        false => ControlConfig { embedding: source.embedding(), ..ControlConfig::mirroring(unet) },
    };
    let numbers =
        source.weights.names().filter_map(|name| source.weights.shape(name)).map(|shape| shape.iter().product::<usize>());
    let numbers = numbers.sum::<usize>() as u64;
    Ok((ControlNet::load(config, &Loader::new(ops, &source))?, numbers))
}

fn read_config(path: &Path) -> Result<serde_json::Value, ModelError> {
    let bad = |reason: String| ConfigError { file: path.display().to_string(), reason };
    let length = fs::metadata(path).map_err(|error| bad(error.to_string()))?.len();
    if length > CONFIG_BYTES_MAX {
        return Err(bad(format!("{length} bytes are too many for a configuration")).into());
    }
    let text = fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    Ok(serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?)
}

/// A file's tensors under diffusers' names.
struct Source {
    weights: WeightSet,
    /// Where the blocks are, in a file with original names.
    original: Option<Vec<(String, String)>>,
}

impl Source {
    fn stored<'a>(&self, name: &'a str) -> Cow<'a, str> {
        match &self.original {
            None => Cow::Borrowed(name),
            Some(blocks) => Cow::Owned(format!("{ORIGINAL}{}", original(name, blocks))),
        }
    }

    /// The widths of the layers that see the picture, by their weights; without any, loading says which is missing.
    fn embedding(&self) -> Vec<usize> {
        let width = |name: &str| {
            let name = self.stored(&format!("controlnet_cond_embedding.{name}.weight")).into_owned();
            self.weights.shape(&name).and_then(|shape| shape.first().copied())
        };
        let first = width("conv_in").unwrap_or(1);
        std::iter::once(first).chain((0..7).map_while(|i| width(&format!("blocks.{}", 2 * i + 1)))).collect()
    }
}

impl WeightSource for Source {
    fn contains(&self, name: &str) -> bool {
        self.weights.contains(&self.stored(name))
    }

    fn f32(&self, name: &str, shape: &[usize]) -> Result<Cow<'_, [f32]>, WeightsError> {
        self.weights.numbers(&self.stored(name), shape)
    }

    fn forget(&self, name: &str) {
        self.weights.forget(&self.stored(name));
    }
}

/// A tensor's original name behind `control_model.`.
fn original(name: &str, blocks: &[(String, String)]) -> String {
    const ALONE: [(&str, &str); 7] = [
        ("conv_in", "input_blocks.0.0"),
        ("time_embedding.linear_1", "time_embed.0"),
        ("time_embedding.linear_2", "time_embed.2"),
        ("add_embedding.linear_1", "label_emb.0.0"),
        ("add_embedding.linear_2", "label_emb.0.2"),
        ("controlnet_mid_block", "middle_block_out.0"),
        ("controlnet_cond_embedding.conv_in", "input_hint_block.0"),
    ];
    let (layer, leaf) = name.rsplit_once('.').unwrap_or((name, ""));
    let number = |start: &str| layer.strip_prefix(start).and_then(|rest| rest.parse::<usize>().ok());
    let found = ALONE.iter().find(|(new, _)| *new == layer).map(|(_, old)| (*old).to_owned());
    let found = found.or_else(|| number("controlnet_down_blocks.").map(|i| format!("zero_convs.{i}.0")));
    // A SiLU stands between the layers.
    let found = found.or_else(|| number("controlnet_cond_embedding.blocks.").map(|i| format!("input_hint_block.{}", 2 * i + 2)));
    let found = found.or_else(|| (layer == "controlnet_cond_embedding.conv_out").then(|| "input_hint_block.14".to_owned()));
    let found = found.or_else(|| blocks.iter().find_map(|(new, old)| original_name(layer, new, old)));
    format!("{}.{leaf}", found.unwrap_or_else(|| layer.to_owned()))
}
