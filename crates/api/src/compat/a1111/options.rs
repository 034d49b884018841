//! A1111's settings, of each caller their own: a switch of one is nobody else's. They are kept in the database, for
//! all nodes and until they are changed.
//!
//! Clients send back everything they were shown with one value changed, and settings of A1111's disk and pages besides: those are taken and
//! change nothing. A setting that would change pictures and is not here is refused by name.

use easel_engine::Engine;
use easel_imaging::Format;
use easel_types::{ModelId, NoiseKind};
use serde_json::{Map, Value, json};

use super::{checkpoints, flag::flag, foreign, noising::NoiseSettings};
use crate::{
    ApiError,
    compat::fields::{Fields, out_of_range, unknown_value},
};

/// Evaluations between two previews.
const PREVIEW_EVERY: u32 = 2;
/// A1111's own limit.
const CLIP_STOP_MAX: i128 = 12;

/// Settings of a caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The model; `None` is the server's default.
    pub checkpoint: Option<ModelId>,
    /// A1111's "Clip skip", from 1.
    pub clip_stop: u32,
    /// The pictures' file format.
    pub format: Format,
    /// For JPEG and lossy WebP.
    pub quality: u8,
    /// For WebP.
    pub lossless: bool,
    /// Where the noise comes from.
    pub noise: NoiseKind,
    /// Noise of ancestral samplers.
    pub eta_ancestral: f64,
    /// Noise of DDIM.
    pub eta_ddim: f64,
    /// Churn, noise between the steps and at the start, ENSD.
    pub noise_settings: NoiseSettings,
    /// Comments are taken out of prompts.
    pub comments: bool,
    /// Whether there are previews.
    pub previews: bool,
    /// Evaluations between two of them.
    pub preview_every: u32,
    /// What transparent pictures are laid on.
    pub background: [u8; 3],
    /// The model of this one request, where it is not here and somebody else may draw with it.
    pub missing: Option<ModelId>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            checkpoint: None,
            clip_stop: 1,
            format: Format::Png,
            quality: 80,
            lossless: false,
            noise: NoiseKind::TorchCuda,
            eta_ancestral: 1.0,
            eta_ddim: 0.0,
            noise_settings: NoiseSettings::default(),
            comments: true,
            previews: true,
            preview_every: PREVIEW_EVERY,
            background: [255; 3],
            missing: None,
        }
    }
}

impl Options {
    /// With these values instead.
    pub fn with(&self, values: &Map<String, Value>, engine: &Engine) -> Result<Self, ApiError> {
        let fields = Fields(values.clone());
        let mut options = self.clone();
        for (name, value) in values.iter().filter(|(_, value)| !value.is_null()) {
            options.set(name, value, &fields, engine)?;
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &Value, fields: &Fields, engine: &Engine) -> Result<(), ApiError> {
        match name {
            "sd_model_checkpoint" => {
                let name = fields.text(&["sd_model_checkpoint"])?.unwrap_or_default();
                self.checkpoint = match &self.missing {
                    Some(missing) if missing.0 == name.trim() => None,
                    _ => checkpoints::find(&name, engine)?,
                };
            }
            // Says again what the model is; clients send it back as it was shown.
            "sd_checkpoint_hash" => {}
            "CLIP_stop_at_last_layers" => {
                let stop = fields.integer(&["CLIP_stop_at_last_layers"])?.unwrap_or(1);
                if !(1..=CLIP_STOP_MAX).contains(&stop) {
                    return Err(out_of_range("CLIP_stop_at_last_layers", "between 1 and 12", stop));
                }
                self.clip_stop = stop as u32;
            }
            "samples_format" => {
                let format = fields.text(&["samples_format"])?.unwrap_or_default();
                let known = format.trim().parse();
                self.format = known.map_err(|_| unknown_value("samples_format", "png, jpg, webp", &format))?;
            }
            "jpeg_quality" => match fields.integer(&["jpeg_quality"])?.unwrap_or(80) {
                quality @ 1..=100 => self.quality = quality as u8,
                other => return Err(out_of_range("jpeg_quality", "between 1 and 100", other)),
            },
            "webp_lossless" => self.lossless = flag(fields, "webp_lossless")?.unwrap_or(false),
            "randn_source" => {
                let source = fields.text(&["randn_source"])?.unwrap_or_default();
                self.noise = noise(&source).ok_or_else(|| unknown_value("randn_source", "GPU, CPU, NV", &source))?;
            }
            "eta_ancestral" => self.eta_ancestral = share(fields, "eta_ancestral")?,
            "eta_ddim" => self.eta_ddim = share(fields, "eta_ddim")?,
            "enable_prompt_comments" => self.comments = flag(fields, "enable_prompt_comments")?.unwrap_or(true),
            "live_previews_enable" => self.previews = flag(fields, "live_previews_enable")?.unwrap_or(true),
            "show_progress_every_n_steps" => {
                let every = fields.integer(&["show_progress_every_n_steps"])?.unwrap_or(i128::from(PREVIEW_EVERY));
                // A1111's -1 is a preview at the end alone.
                self.preview_every = u32::try_from(every).unwrap_or(0);
            }
            "img2img_background_color" => {
                let colour = fields.text(&["img2img_background_color"])?.unwrap_or_default();
                self.background = hex(&colour).ok_or_else(|| unknown_value("img2img_background_color", "#rrggbb", &colour))?;
            }
            other if self.noise_settings.set(other, fields)? => {}
            other => foreign::check(other, value)?,
        }
        Ok(())
    }

    /// As clients read them.
    pub fn to_json(&self, engine: &Engine) -> Value {
        let model = engine.find_model(self.checkpoint.as_ref()).ok();
        let [red, green, blue] = self.background;
        let noise = &self.noise_settings;
        json!({
            "sd_model_checkpoint": model.as_ref().map(|model| checkpoints::title(model)).unwrap_or_default(),
            "sd_checkpoint_hash": model.and_then(|model| model.hash.clone()).unwrap_or_default(),
            "sd_vae": "Automatic",
            "CLIP_stop_at_last_layers": self.clip_stop,
            "samples_format": if self.format == Format::Jpeg { "jpg" } else { self.format.name() },
            "jpeg_quality": self.quality,
            "webp_lossless": self.lossless,
            "randn_source": source(self.noise),
            "eta_ancestral": self.eta_ancestral,
            "eta_ddim": self.eta_ddim,
            "eta_noise_seed_delta": noise.seed_delta,
            "initial_noise_multiplier": noise.multiplier,
            "s_churn": noise.churn,
            "s_tmin": noise.churn_from,
            "s_tmax": noise.churn_to,
            "s_noise": noise.factor,
            "s_min_uncond": noise.unguided_below,
            "s_min_uncond_all": noise.unguided_always,
            "img2img_fix_steps": noise.whole_steps,
            "always_discard_next_to_last_sigma": noise.discard,
            "enable_prompt_comments": self.comments,
            "live_previews_enable": self.previews,
            "show_progress_every_n_steps": self.preview_every,
            "img2img_background_color": format!("#{red:02x}{green:02x}{blue:02x}"),
            "samples_save": true,
            "enable_pnginfo": true,
            "return_grid": false,
            "grid_save": false,
        })
    }

    /// As they are kept: what is shown otherwise than to everybody, as JSON; nothing if all is as usual.
    pub fn kept(&self, engine: &Engine) -> Option<String> {
        let (Value::Object(own), usual) = (self.to_json(engine), Self::default().to_json(engine)) else { return None };
        let changed: Map<String, Value> = own.into_iter().filter(|(name, value)| usual[name] != *value).collect();
        (!changed.is_empty()).then(|| Value::Object(changed).to_string())
    }

    /// As they were kept. A model that has gone since is the server's default again.
    pub fn from_kept(text: &str, engine: &Engine) -> Self {
        let Ok(mut values) = serde_json::from_str::<Map<String, Value>>(text) else { return Self::default() };
        Self::default().with(&values, engine).unwrap_or_else(|_| {
            values.remove("sd_model_checkpoint");
            Self::default().with(&values, engine).unwrap_or_default()
        })
    }

    /// Text encoder layers left out at the end. A1111's 1 is what the model does anyway.
    pub fn clip_skip(&self) -> Option<u32> {
        (self.clip_stop > 1).then(|| self.clip_stop - 1)
    }

    /// Evaluations between two previews; 0 for none.
    pub fn preview_every(&self) -> u32 {
        if self.previews { self.preview_every } else { 0 }
    }
}

/// A1111's names for where noise comes from.
pub fn noise(source: &str) -> Option<NoiseKind> {
    match source.trim().to_ascii_uppercase().as_str() {
        "GPU" => Some(NoiseKind::TorchCuda),
        "CPU" => Some(NoiseKind::TorchCpu),
        "NV" => Some(NoiseKind::Nv),
        _ => None,
    }
}

fn source(noise: NoiseKind) -> &'static str {
    match noise {
        NoiseKind::TorchCuda => "GPU",
        NoiseKind::TorchCpu => "CPU",
        NoiseKind::Nv => "NV",
    }
}

fn share(fields: &Fields, name: &'static str) -> Result<f64, ApiError> {
    let share = fields.number(&[name])?.unwrap_or_default();
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(out_of_range(name, "between 0 and 1", share)) }
}

fn hex(colour: &str) -> Option<[u8; 3]> {
    let digits = colour.trim().trim_start_matches('#');
    let number = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 6)?;
    let [_, red, green, blue] = number.to_be_bytes();
    Some([red, green, blue])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_six_digits() {
        assert_eq!(hex("#ff8000"), Some([255, 128, 0]));
        for bad in ["", "#fff", "red", "#ff80000", "#gg8000"] {
            assert_eq!(hex(bad), None, "{bad}");
        }
    }
}
