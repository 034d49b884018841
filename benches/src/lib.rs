//! What the benches share: models of any published size with random weights, and the built-in model.
//!
//! Random weights cost the same arithmetic as trained ones as long as nothing overflows, so they are scaled like a fresh initialisation.

use std::{borrow::Cow, path::PathBuf, sync::Arc};

use easel_models::{
    ModelError,
    ops::{Loader, WeightSource, cpu::CpuOps},
    text::{ClipConfig, ClipText},
    unet::{UNet, UNetConfig},
    vae::{Vae, VaeConfig},
    weights::WeightsError,
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};

/// Weights for any name and shape: uniform with the variance that keeps activations in range.
pub struct RandomWeights;

impl WeightSource for RandomWeights {
    fn contains(&self, _name: &str) -> bool {
        false
    }

    fn f32(&self, name: &str, shape: &[usize]) -> Result<Cow<'_, [f32]>, WeightsError> {
        let count: usize = shape.iter().product();
        if name.ends_with("bias") {
            return Ok(vec![0.0; count].into());
        }
        if shape.len() == 1 {
            return Ok(vec![1.0; count].into());
        }
        let mut rng = SmallRng::seed_from_u64(count as u64);
        let limit = (3.0 / shape[1..].iter().product::<usize>() as f32).sqrt();
        Ok((0..count).map(|_| rng.random_range(-limit..limit)).collect())
    }

    fn forget(&self, _name: &str) {}
}

/// The networks of a model.
pub struct Networks {
    /// The processor.
    pub ops: Arc<CpuOps>,
    /// The text encoder.
    pub text: ClipText<CpuOps>,
    /// The denoiser.
    pub unet: UNet<CpuOps>,
    /// The autoencoder.
    pub vae: Vae<CpuOps>,
}

/// The public configuration of Stable Diffusion 1.5.
fn sd15() -> [Value; 3] {
    let text = json!({
        "vocab_size": 49408, "hidden_size": 768, "intermediate_size": 3072, "projection_dim": 768,
        "num_hidden_layers": 12, "num_attention_heads": 12, "hidden_act": "quick_gelu"
    });
    let unet = json!({
        "sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8, "block_out_channels": [320, 640, 1280, 1280]
    });
    let vae = json!({
        "sample_size": 512, "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
        "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
        "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]
    });
    [text, unet, vae]
}

/// Networks of Stable Diffusion 1.5's size with random weights, on the processor.
pub fn random_sd15() -> Result<Networks, ModelError> {
    let ops = Arc::new(CpuOps::default());
    let [text, unet, vae] = sd15();
    let root = Loader::new(ops.as_ref(), &RandomWeights);
    Ok(Networks {
        text: ClipText::load(ClipConfig::from_json("text_encoder", &text)?, &root)?,
        unet: UNet::load(UNetConfig::from_json(&unet)?, &root)?,
        vae: Vae::load(VaeConfig::from_json(&vae)?, &root)?,
        ops: ops.clone(),
    })
}

/// The folder of the built-in model.
pub fn builtin() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/builtin")
}
