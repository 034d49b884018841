//! What a picture was made with, as the text that goes into its file.

use easel_engine::Resolved;
use easel_imaging::{
    Infotext,
    infotext::{sampler_label, schedule_label},
};
use easel_types::NoiseKind;

/// A1111's infotext: its keys, its order, its spellings.
pub fn infotext(resolved: &Resolved) -> Infotext {
    let mut text = Infotext {
        prompt: worn(resolved),
        negative_prompt: resolved.negative_prompt.clone().unwrap_or_default(),
        parameters: Vec::new(),
    };
    text.push("Steps", resolved.num_inference_steps);
    text.push("Sampler", sampler_label(resolved.sampler));
    text.push("Schedule type", schedule_label(resolved.schedule));
    text.push("CFG scale", resolved.guidance_scale);
    text.push("Seed", resolved.seed);
    text.push("Size", format_args!("{}x{}", resolved.width, resolved.height));
    if let Some(hash) = &resolved.model_hash {
        text.push("Model hash", hash);
    }
    text.push("Model", &resolved.model);
    let noising = &resolved.noising;
    if let Some(other) = noising.variation {
        text.push("Variation seed", other.seed);
        text.push("Variation seed strength", other.strength);
    }
    if let Some((width, height)) = noising.resized_from {
        text.push("Seed resize from", format_args!("{width}x{height}"));
    }
    if let Some(strength) = resolved.strength {
        text.push("Denoising strength", strength);
    }
    // A1111 counts from 1 and writes what differs from 1.
    if let Some(left_out) = resolved.clip_skip.filter(|left_out| *left_out > 0) {
        text.push("Clip skip", left_out + 1);
    }
    if noising.later_seed_delta != 0 {
        text.push("ENSD", noising.later_seed_delta);
    }
    if let Some(eta) = resolved.eta {
        text.push("Eta", eta);
    }
    match resolved.noise {
        NoiseKind::TorchCpu => text.push("RNG", "CPU"),
        NoiseKind::Nv => text.push("RNG", "NV"),
        NoiseKind::TorchCuda => {}
    }
    for (key, value, usual) in [
        ("Sigma churn", noising.churn, 0.0),
        ("Sigma tmin", noising.churn_from, 0.0),
        ("Sigma tmax", noising.churn_to.unwrap_or(0.0), 0.0),
        ("Sigma noise", noising.step_factor, 1.0),
        ("NGMS", noising.unguided_below, 0.0),
    ] {
        if value != usual {
            text.push(key, value);
        }
    }
    if noising.unguided_always {
        text.push("NGMS all steps", "True");
    }
    if noising.start_factor != 1.0 && resolved.strength.is_some() {
        text.push("Noise multiplier", noising.start_factor);
    }
    if noising.discard_next_to_last == Some(true) {
        text.push("Discard penultimate sigma", "True");
    }
    for (key, files) in
        resolved.worn.get().into_iter().flat_map(|worn| [("Lora hashes", &worn.loras), ("TI hashes", &worn.words)])
    {
        if !files.is_empty() {
            text.push(key, hashes(files));
        }
    }
    text.push("Version", concat!("easel-", env!("CARGO_PKG_VERSION")));
    text
}

/// As A1111 writes them: what separates them is in no name.
fn hashes(files: &[(String, String)]) -> String {
    let listed = files.iter().map(|(name, hash)| format!("{}: {hash}", name.replace([':', ','], "")));
    listed.collect::<Vec<_>>().join(", ")
}

/// The prompt, and as tags the LoRAs that the request listed.
fn worn(resolved: &Resolved) -> String {
    let mut prompt = resolved.prompt.clone();
    for lora in &resolved.loras {
        let weights = match lora.weight == lora.text_encoder_weight {
            true => lora.weight.to_string(),
            false => format!("{}:{}", lora.text_encoder_weight, lora.weight),
        };
        prompt.push_str(&format!(" <lora:{}:{weights}>", lora.name));
    }
    prompt
}
