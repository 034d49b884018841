//! A1111's second pass: what was drawn is enlarged, and drawn over at a share of the steps.

use easel_imaging::{Infotext, Kernel};
use easel_types::{GenerationRequest, Handover, LatentScaling, ModelId, Noising, SamplerKind, SigmaSchedule};

use super::{
    checkpoints, infotext,
    parameters::{self, Sampler},
    upscalers,
};
use crate::{
    ApiError,
    compat::fields::{Fields, out_of_range, unknown_value},
};
use easel_engine::Engine;

/// A1111's own limits.
const SCALE_MAX: f64 = 8.0;
/// What the text of a picture calls the prompt.
const PROMPT: &str = "Hires prompt";

/// The second pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Hires {
    /// Pixels of the result.
    pub width: u32,
    /// Pixels of the result.
    pub height: u32,
    /// What of the enlarged picture is drawn over: its middle, if the shape changes.
    pub enlarged: (u32, u32),
    /// What it is enlarged with.
    pub kernel: Kernel,
    /// How latents are enlarged with it, if they are.
    pub latent: Option<LatentScaling>,
    /// The share that is redrawn.
    pub strength: f64,
    /// Steps, if others than in the first pass.
    pub steps: Option<u32>,
    /// The model, if another.
    pub model: Option<ModelId>,
    /// The sampler, if another.
    pub sampler: Option<Sampler>,
    /// The prompt, if another.
    pub prompt: Option<String>,
    /// What to avoid, if something else.
    pub negative_prompt: Option<String>,
    /// The guidance, if another.
    pub guidance: Option<f64>,
    /// What the text of the picture says of it.
    told: Vec<(&'static str, String)>,
}

impl Hires {
    /// The second pass a request asks for. `first` is the size of the first.
    pub fn read(fields: &Fields, first: (u32, u32), multiple: u32, engine: &Engine) -> Result<Self, ApiError> {
        let scale = fields.number(&["hr_scale"])?.unwrap_or(2.0);
        if !(scale > 0.0 && scale <= SCALE_MAX) {
            return Err(out_of_range("hr_scale", "more than 0 and at most 8", scale));
        }
        let asked = (fields.small(&["hr_resize_x"])?.unwrap_or(0), fields.small(&["hr_resize_y"])?.unwrap_or(0));
        let target = Target::of(first, scale, asked);
        let named = fields.text(&["hr_upscaler"])?.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| "Latent".to_owned());
        let kernel = upscalers::find(&named).ok_or_else(|| unknown_value("hr_upscaler", &upscalers::known(), &named))?;
        let latent = upscalers::latent(&named);
        let own = |name: &'static str| -> Result<Option<String>, ApiError> {
            let same = |text: &str| text.trim().is_empty() || text.trim().to_ascii_lowercase().starts_with("use same");
            Ok(fields.text(&[name])?.filter(|text| !same(text)))
        };
        let checkpoint = own("hr_checkpoint_name")?;
        let (sampler_name, scheduler) = (own("hr_sampler_name")?, own("hr_scheduler")?);
        let sampler = match (&sampler_name, &scheduler) {
            (None, None) => None,
            (name, scheduler) => {
                let name = name.clone().map_or_else(|| parameters::sampler_name(fields), Ok)?;
                Some(Sampler::find(&name, scheduler.as_deref(), "hr_scheduler")?)
            }
        };
        let round = |side: u32| (side / multiple.max(1) * multiple.max(1)).max(multiple.max(1));
        let steps = fields.small(&["hr_second_pass_steps"])?.filter(|steps| *steps > 0);
        let (prompt, negative_prompt) = (own("hr_prompt")?, own("hr_negative_prompt")?);
        let guidance = fields.number(&["hr_cfg"])?.filter(|guidance| *guidance > 0.0);
        let mut told = vec![target.told(scale)];
        let mut tell = |key, value: Option<String>| told.extend(value.map(|value| (key, value)));
        tell("Hires steps", steps.map(|steps| steps.to_string()));
        tell("Hires upscaler", Some(named));
        tell("Hires checkpoint", checkpoint.clone());
        tell("Hires sampler", sampler_name);
        tell("Hires schedule type", scheduler);
        tell(PROMPT, prompt.clone());
        tell("Hires negative prompt", negative_prompt.clone());
        tell("Hires CFG Scale", guidance.map(|guidance| guidance.to_string()));
        Ok(Self {
            width: round(target.size.0),
            height: round(target.size.1),
            enlarged: target.enlarged,
            kernel,
            latent,
            strength: fields.number(&["denoising_strength"])?.unwrap_or(0.75),
            steps,
            model: checkpoint.map(|name| checkpoints::find(&name, engine)).transpose()?.flatten(),
            sampler,
            prompt,
            negative_prompt,
            guidance,
            told,
        })
    }

    /// What it says is to be drawn, and what is told of that.
    pub fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let told = self.told.iter_mut().filter(|(key, _)| *key == PROMPT).map(|(_, value)| value);
        self.prompt.iter_mut().chain(told)
    }

    /// The request of the second pass but for its picture and seed.
    pub fn request(&self, first: &GenerationRequest) -> GenerationRequest {
        let sampler = self.sampler.unwrap_or(Sampler {
            kind: first.sampler.unwrap_or(SamplerKind::Euler),
            schedule: first.schedule.unwrap_or(SigmaSchedule::Normal),
        });
        let same = self.sampler.is_none();
        GenerationRequest {
            model: self.model.clone().or_else(|| first.model.clone()),
            prompt: self.prompt.clone().unwrap_or_else(|| first.prompt.clone()),
            negative_prompt: self.negative_prompt.clone().or_else(|| first.negative_prompt.clone()),
            width: Some(self.width),
            height: Some(self.height),
            num_inference_steps: self.steps.or(first.num_inference_steps),
            guidance_scale: self.guidance.or(first.guidance_scale),
            sampler: Some(sampler.kind),
            schedule: Some(sampler.schedule),
            convention: if same { first.convention } else { sampler.convention() },
            timestep_spacing: if same { first.timestep_spacing } else { sampler.spacing() },
            eta: if same { first.eta } else { None },
            // A second pass runs all its steps, and takes its noise as it is.
            noising: Noising { whole_steps: true, start_factor: 1.0, ..first.noising.clone() },
            handover: Handover::default(),
            num_images: 1,
            ..first.clone()
        }
    }

    /// What is written into a picture of the second pass: A1111 tells the first, and what was done after it.
    pub fn tell(&self, text: &mut Infotext, strength: f64) {
        let model = text.parameters.iter().position(|(key, _)| key == "Model");
        let after = model.map_or(text.parameters.len(), |at| at + 1);
        text.parameters.insert(after, ("Denoising strength".to_owned(), strength.to_string()));
        infotext::insert(text, self.told.clone());
    }

    /// What it adds to `extra_generation_params`.
    pub fn told(&self) -> &[(&'static str, String)] {
        &self.told
    }
}

/// How large the result becomes.
struct Target {
    size: (u32, u32),
    enlarged: (u32, u32),
    resized: bool,
}

impl Target {
    fn of((width, height): (u32, u32), scale: f64, (x, y): (u32, u32)) -> Self {
        let by = |side: u32, to: u32, from: u32| (u64::from(to) * u64::from(side) / u64::from(from.max(1))).max(1) as u32;
        let scaled = |side: u32| (f64::from(side) * scale) as u32;
        let enlarged = match (x, y) {
            (0, 0) => (scaled(width), scaled(height)),
            (x, 0) => (x, by(height, x, width)),
            (0, y) => (by(width, y, height), y),
            // As large as covers the size; what hangs over is cut off.
            (x, y) if u64::from(width) * u64::from(y) < u64::from(x) * u64::from(height) => (x, by(height, x, width)),
            (_, y) => (by(width, y, height), y),
        };
        let size = if x > 0 && y > 0 { (x, y) } else { enlarged };
        Self { size, enlarged, resized: x > 0 || y > 0 }
    }

    fn told(&self, scale: f64) -> (&'static str, String) {
        if self.resized {
            return ("Hires resize", format!("{}x{}", self.size.0, self.size.1));
        }
        ("Hires upscale", scale.to_string())
    }
}

#[cfg(test)]
mod tests {
    use easel_types::Convention;

    use super::*;

    fn target(first: (u32, u32), scale: f64, asked: (u32, u32)) -> ((u32, u32), (u32, u32)) {
        let target = Target::of(first, scale, asked);
        (target.size, target.enlarged)
    }

    #[test]
    fn the_size_is_a_factor_or_what_is_asked_for() {
        assert_eq!(target((512, 768), 2.0, (0, 0)), ((1024, 1536), (1024, 1536)));
        assert_eq!(target((512, 768), 2.0, (1024, 0)), ((1024, 1536), (1024, 1536)));
        assert_eq!(target((512, 768), 2.0, (0, 768)), ((512, 768), (512, 768)));
        assert_eq!(target((512, 512), 2.0, (1024, 768)), ((1024, 768), (1024, 1024)), "covered, and cut");
        assert_eq!(target((512, 512), 2.0, (768, 1024)), ((768, 1024), (1024, 1024)));
        assert_eq!(Target::of((512, 512), 1.5, (0, 0)).told(1.5), ("Hires upscale", "1.5".to_owned()));
        assert_eq!(Target::of((512, 512), 2.0, (768, 1024)).told(2.0), ("Hires resize", "768x1024".to_owned()));
    }

    #[test]
    fn another_sampler_has_its_own_arithmetic() {
        let first = GenerationRequest {
            sampler: Some(SamplerKind::Euler),
            convention: Convention::KDiffusion,
            eta: Some(0.5),
            ..GenerationRequest::text_to_image("a cat")
        };
        let hires = Hires {
            width: 256,
            height: 256,
            enlarged: (256, 256),
            kernel: Kernel::Bilinear,
            latent: None,
            strength: 0.5,
            steps: None,
            model: None,
            sampler: Some(Sampler { kind: SamplerKind::Deis, schedule: SigmaSchedule::Normal }),
            prompt: None,
            negative_prompt: None,
            guidance: None,
            told: Vec::new(),
        };
        let second = hires.request(&first);
        assert_eq!((second.convention, second.eta, second.width), (Convention::Diffusers, None, Some(256)));
        let second = Hires { sampler: None, ..hires }.request(&first);
        assert_eq!((second.convention, second.eta), (Convention::KDiffusion, Some(0.5)));
    }
}
