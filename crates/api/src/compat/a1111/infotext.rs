//! Infotext back to a request: each key to the field it was written from.

use easel_imaging::Infotext;
use serde_json::{Map, Value, json};

use super::repaint;

/// Keys, the fields they come from, and whether those are numbers.
const FIELDS: [(&str, &str, bool); 12] = [
    ("Steps", "steps", true),
    ("Sampler", "sampler_name", false),
    ("Schedule type", "scheduler", false),
    ("CFG scale", "cfg_scale", true),
    ("Seed", "seed", true),
    ("Denoising strength", "denoising_strength", true),
    ("Eta", "eta", true),
    ("Hires upscale", "hr_scale", true),
    ("Hires steps", "hr_second_pass_steps", true),
    ("Hires upscaler", "hr_upscaler", false),
    ("Hires CFG Scale", "hr_cfg", true),
    ("Hires prompt", "hr_prompt", false),
];
const MORE: [(&str, &str, bool); 14] = [
    ("Hires negative prompt", "hr_negative_prompt", false),
    ("Hires sampler", "hr_sampler_name", false),
    ("Hires schedule type", "hr_scheduler", false),
    ("Hires checkpoint", "hr_checkpoint_name", false),
    ("Variation seed", "subseed", true),
    ("Variation seed strength", "subseed_strength", true),
    ("Sigma churn", "s_churn", true),
    ("Sigma tmin", "s_tmin", true),
    ("Sigma tmax", "s_tmax", true),
    ("Sigma noise", "s_noise", true),
    ("NGMS", "s_min_uncond", true),
    ("Noise multiplier", "initial_noise_multiplier", true),
    ("Mask blur", "mask_blur", true),
    ("Masked area padding", "inpaint_full_res_padding", true),
];

/// Settings that a text tells, with their keys.
const SETTINGS: [(&str, &str, bool); 4] = [
    ("Clip skip", "CLIP_stop_at_last_layers", true),
    ("ENSD", "eta_noise_seed_delta", true),
    ("RNG", "randn_source", false),
    ("VAE", "sd_vae", false),
];

/// The fields of a request that would make this picture again.
pub fn fields(text: &Infotext) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("prompt".to_owned(), Value::from(text.prompt.as_str()));
    fields.insert("negative_prompt".to_owned(), Value::from(text.negative_prompt.as_str()));
    for (key, field, is_number) in FIELDS.iter().chain(&MORE) {
        if let Some(value) = text.get(key) {
            fields.insert((*field).to_owned(), written(value, *is_number));
        }
    }
    if let Some((width, height)) = text.size("Size") {
        fields.insert("width".to_owned(), Value::from(width));
        fields.insert("height".to_owned(), Value::from(height));
    }
    if let Some((width, height)) = text.size("Seed resize from") {
        fields.insert("seed_resize_from_w".to_owned(), Value::from(width));
        fields.insert("seed_resize_from_h".to_owned(), Value::from(height));
    }
    if let Some(fill) = text.get("Masked content").and_then(repaint::fill_of) {
        fields.insert("inpainting_fill".to_owned(), Value::from(fill));
    }
    if let Some((width, height)) = text.size("Hires resize") {
        fields.insert("hr_resize_x".to_owned(), Value::from(width));
        fields.insert("hr_resize_y".to_owned(), Value::from(height));
    }
    if ["Hires upscale", "Hires resize", "Hires upscaler"].iter().any(|key| text.get(key).is_some()) {
        fields.insert("enable_hr".to_owned(), Value::from(true));
    }
    fields.insert("override_settings".to_owned(), Value::Object(settings(text)));
    fields
}

fn settings(text: &Infotext) -> Map<String, Value> {
    let mut settings = Map::new();
    // What is not written is A1111's default, whatever the reader has set.
    settings.insert("CLIP_stop_at_last_layers".to_owned(), Value::from(1));
    settings.insert("randn_source".to_owned(), Value::from("GPU"));
    for (key, setting) in
        [("Discard penultimate sigma", "always_discard_next_to_last_sigma"), ("NGMS all steps", "s_min_uncond_all")]
    {
        if text.get(key) == Some("True") {
            settings.insert(setting.to_owned(), Value::from(true));
        }
    }
    for (key, setting, is_number) in SETTINGS {
        if let Some(value) = text.get(key) {
            settings.insert(setting.to_owned(), written(value, is_number));
        }
    }
    if let Some(model) = text.get("Model") {
        let title = text.get("Model hash").map_or_else(|| model.to_owned(), |hash| format!("{model} [{hash}]"));
        settings.insert("sd_model_checkpoint".to_owned(), Value::from(title));
    }
    settings
}

/// Numbers are written as JSON has them; one that is none stays a text, and is complained about as such.
fn written(value: &str, is_number: bool) -> Value {
    let number = || serde_json::from_str::<Value>(value).ok().filter(Value::is_number);
    if is_number { number().unwrap_or_else(|| Value::from(value)) } else { Value::from(value) }
}

/// Fills in what a request does not say itself from a text that it brings.
pub fn fill(body: &mut Map<String, Value>, text: &str) {
    let read = fields(&Infotext::parse(text));
    for (name, value) in read {
        match (name.as_str(), body.get_mut(&name), value) {
            ("override_settings", Some(Value::Object(own)), Value::Object(settings)) => {
                settings.into_iter().for_each(|(name, value)| {
                    own.entry(name).or_insert(value);
                });
            }
            (_, Some(own), value) if own.is_null() => *own = value,
            (_, Some(_), _) => {}
            (_, None, value) => drop(body.insert(name, value)),
        }
    }
}

/// As A1111 shows what a text says: its keys, the prompts among them, sizes apart, and what it would assume.
pub fn shown(text: &Infotext) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("Prompt".to_owned(), Value::from(text.prompt.as_str()));
    shown.insert("Negative prompt".to_owned(), Value::from(text.negative_prompt.as_str()));
    for (key, value) in &text.parameters {
        match text.size(key).filter(|_| key == "Size" || key == "Hires resize") {
            Some((width, height)) => {
                shown.insert(format!("{key}-1"), Value::from(width.to_string()));
                shown.insert(format!("{key}-2"), Value::from(height.to_string()));
            }
            None => drop(shown.insert(key.clone(), Value::from(value.as_str()))),
        }
    }
    let assumed = json!({"Clip skip": "1", "Schedule type": "Automatic", "RNG": "GPU", "Hires resize-1": 0, "Hires resize-2": 0});
    if let (Value::Object(assumed), false) = (assumed, text.parameters.is_empty()) {
        assumed.into_iter().for_each(|(key, value)| {
            shown.entry(key).or_insert(value);
        });
    }
    shown
}

/// Adds parameters before the last one, which is the version.
pub fn insert(text: &mut Infotext, parameters: impl IntoIterator<Item = (&'static str, String)>) {
    let version = text.parameters.pop();
    text.parameters.extend(parameters.into_iter().map(|(key, value)| (key.to_owned(), value)));
    text.parameters.extend(version);
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a cat\nNegative prompt: a dog\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 5, \
                        Size: 512x768, Model hash: 0123456789, Model: sd, Denoising strength: 0.7, Clip skip: 2, RNG: CPU, \
                        Hires resize: 1024x1536, Hires upscaler: Latent, Version: v1.10.1";

    #[test]
    fn keys_become_fields() {
        let read = Value::Object(fields(&Infotext::parse(TEXT)));
        let expected = json!({
            "prompt": "a cat", "negative_prompt": "a dog", "steps": 20, "sampler_name": "DPM++ 2M", "scheduler": "Karras",
            "cfg_scale": 7.5, "seed": 5, "width": 512, "height": 768, "denoising_strength": 0.7, "enable_hr": true,
            "hr_resize_x": 1024, "hr_resize_y": 1536, "hr_upscaler": "Latent",
            "override_settings": {
                "CLIP_stop_at_last_layers": 2, "randn_source": "CPU", "sd_model_checkpoint": "sd [0123456789]",
            },
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn what_a_request_says_itself_stays() {
        let Value::Object(mut body) = json!({"steps": 4, "seed": null, "override_settings": {"randn_source": "NV"}}) else {
            panic!("an object")
        };
        fill(&mut body, TEXT);
        let settings = &body["override_settings"];
        assert_eq!((&body["steps"], &body["seed"], &body["width"]), (&json!(4), &json!(5), &json!(512)));
        assert_eq!((&settings["randn_source"], &settings["CLIP_stop_at_last_layers"]), (&json!("NV"), &json!(2)));
    }

    #[test]
    fn sizes_are_shown_apart() {
        let shown = shown(&Infotext::parse(TEXT));
        assert_eq!(
            (&shown["Size-1"], &shown["Size-2"], &shown["Hires resize-1"]),
            (&json!("512"), &json!("768"), &json!("1024"))
        );
        assert_eq!((&shown["Prompt"], &shown["Sampler"]), (&json!("a cat"), &json!("DPM++ 2M")));
    }

    #[test]
    fn the_version_stays_last() {
        let mut text = Infotext::parse(TEXT);
        insert(&mut text, [("Mask blur", "4".to_owned())]);
        assert!(text.to_string().ends_with("Mask blur: 4, Version: v1.10.1"), "{text}");
    }
}
