//! Which family a checkpoint belongs to, or what else it is.

use super::{super::Family, Source, WeightsError};

/// What a file with these names is, when it is not a checkpoint. The first match counts.
const NOT_A_CHECKPOINT: [(&str, &str); 15] = [
    ("lora_unet_", "a LoRA; put it into the LoRA folder"),
    ("lora_te", "a LoRA; put it into the LoRA folder"),
    ("unet.", "a LoRA or a component in the diffusers layout, not a checkpoint"),
    ("control_model.", "a ControlNet; put it into the ControlNet folder"),
    ("controlnet_cond_embedding.", "a ControlNet; put it into the ControlNet folder"),
    ("model.diffusion_model.double_blocks.", "a FLUX model, which is not supported as a single file"),
    ("double_blocks.", "a FLUX model, which is not supported as a single file"),
    ("model.diffusion_model.joint_blocks.", "a Stable Diffusion 3 model, which is not supported as a single file"),
    ("joint_blocks.", "a Stable Diffusion 3 model, which is not supported as a single file"),
    ("emb_params", "a textual inversion embedding, not a checkpoint"),
    ("string_to_param", "a textual inversion embedding, not a checkpoint"),
    ("clip_l", "a textual inversion embedding, not a checkpoint"),
    ("down_blocks.", "a denoiser in the diffusers layout; open the model's folder, not this file"),
    ("encoder.", "an autoencoder or a text encoder alone, not a checkpoint"),
    ("text_model.", "a text encoder alone, not a checkpoint"),
];

pub(super) fn family(source: &Source) -> Result<Family, WeightsError> {
    let has = |prefix| source.has(prefix);
    if !has("model.diffusion_model.input_blocks.") {
        let what = NOT_A_CHECKPOINT.iter().find(|(prefix, _)| source.has(prefix));
        let what = what.map_or("of an unknown kind: it has no model.diffusion_model.input_blocks", |(_, what)| *what);
        return Err(source.unsupported(format!("not a Stable Diffusion 1.x, 2.x or XL checkpoint but {what}")));
    }
    if has("edm_mean") {
        return Err(source.unsupported("trained with the EDM noise schedule (Playground 2.5), which is not supported"));
    }
    if has("depth_model.") {
        return Err(source.unsupported("a depth-to-image model, which is not supported"));
    }
    let family = if has("conditioner.embedders.1.model.") {
        Family::Sdxl
    } else if has("conditioner.embedders.0.model.") {
        return Err(source.unsupported("an XL refiner, which is not supported; use the XL base model"));
    } else if has("cond_stage_model.model.") {
        Family::Sd2
    } else if has("cond_stage_model.transformer.") {
        Family::Sd1
    } else {
        return Err(source.unsupported("has no text encoder (a denoiser alone); get the full checkpoint"));
    };
    if !has("first_stage_model.") && !has("vae.") && super::vae_beside(source.file().path()).is_none() {
        return Err(source.unsupported("has no autoencoder; get the checkpoint with the VAE baked in"));
    }
    Ok(family)
}
