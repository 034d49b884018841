//! What text-to-image and image-to-image have in common: prompts, sampler, sizes, numbers.

use axum::http::StatusCode;
use easel_engine::Engine;
use easel_types::{Convention, GenerationRequest, SamplerKind, SigmaSchedule, TimestepSpacing};

use super::{noising, options::Options, samplers};
use crate::{
    ApiError,
    compat::{
        fields::{Fields, out_of_range, unknown_value},
        names,
    },
};

/// A1111's defaults.
const SAMPLER: &str = "Euler";
const STEPS: u32 = 50;
const GUIDANCE: f64 = 7.0;
const SIDE: u32 = 512;

/// An update rule and its noise levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampler {
    /// The update rule.
    pub kind: SamplerKind,
    /// The noise levels.
    pub schedule: SigmaSchedule,
}

impl Sampler {
    /// By their names; the sampler's may carry the schedule's, as A1111's old ones did.
    pub fn find(name: &str, scheduler: Option<&str>, field: &str) -> Result<Self, ApiError> {
        let unknown = || ApiError::new(StatusCode::NOT_FOUND, "sampler_not_found", "Sampler not found");
        let (kind, joined) = names::sampler(name).ok_or_else(unknown)?;
        let named = match scheduler.map(str::trim) {
            None | Some("") => None,
            Some(name) if name.eq_ignore_ascii_case("automatic") => None,
            Some(name) => Some(names::schedule(name).ok_or_else(|| unknown_value(field, "those of /sdapi/v1/schedulers", name))?),
        };
        Ok(Self { kind, schedule: named.or(joined).unwrap_or_else(|| samplers::automatic(kind)) })
    }

    /// Whose arithmetic it has.
    pub fn convention(self) -> Convention {
        samplers::convention(self.kind)
    }

    /// Where its timesteps fall.
    pub fn spacing(self) -> Option<TimestepSpacing> {
        samplers::spacing(self.kind)
    }

    /// Noise between the steps: as a request says, else as the caller has set it; nothing is said where that is the sampler's own.
    pub fn eta(self, asked: Option<f64>, options: &Options) -> Option<f64> {
        let own = samplers::own_eta(self.kind)?;
        let set = match own {
            samplers::Eta::Ancestral => options.eta_ancestral,
            samplers::Eta::Ddim => options.eta_ddim,
        };
        Some(asked.unwrap_or(set)).filter(|eta| *eta != own.usual())
    }
}

/// `sampler_name`, else what older clients call `sampler_index`.
pub fn sampler_name(fields: &Fields) -> Result<String, ApiError> {
    let filled = |name: &'static str| -> Result<Option<String>, ApiError> {
        Ok(fields.text(&[name])?.filter(|text| !text.trim().is_empty()))
    };
    Ok(filled("sampler_name")?.or(filled("sampler_index")?).unwrap_or_else(|| SAMPLER.to_owned()))
}

/// How many pictures: of one round, and rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Pictures that are drawn together.
    pub batch: u32,
    /// One after another.
    pub rounds: u32,
}

impl Count {
    /// As a request says, as far as the server goes.
    pub fn read(fields: &Fields, max: u32) -> Result<Self, ApiError> {
        let batch = fields.small(&["batch_size"])?.unwrap_or(1);
        let rounds = fields.small(&["n_iter"])?.unwrap_or(1);
        match batch.checked_mul(rounds) {
            Some(total) if (1..=max).contains(&total) => Ok(Self { batch, rounds }),
            _ => {
                let message = format!("`batch_size` times `n_iter` must be between 1 and {max}, got {batch} times {rounds}");
                Err(ApiError::invalid("batch_size", "out_of_range", message))
            }
        }
    }

    /// Pictures in all.
    pub fn total(self) -> u32 {
        self.batch * self.rounds
    }
}

/// A request for the pictures of one round, without what it starts from.
pub fn generation(fields: &Fields, options: &Options, count: Count, engine: &Engine) -> Result<GenerationRequest, ApiError> {
    let sampler = Sampler::find(&sampler_name(fields)?, fields.text(&["scheduler"])?.as_deref(), "scheduler")?;
    let model = match &options.missing {
        Some(missing) => missing.clone(),
        None => engine.find_model(options.checkpoint.as_ref())?.id.clone(),
    };
    Ok(GenerationRequest {
        model: Some(model),
        // A1111 gives an SDXL zeros for an empty one, as the model's own branch does.
        negative_prompt: fields.text(&["negative_prompt"])?.filter(|text| !text.is_empty()),
        width: Some(fields.small(&["width"])?.unwrap_or(SIDE)),
        height: Some(fields.small(&["height"])?.unwrap_or(SIDE)),
        num_inference_steps: Some(fields.small(&["steps"])?.unwrap_or(STEPS)),
        guidance_scale: Some(fields.number(&["cfg_scale"])?.unwrap_or(GUIDANCE)),
        sampler: Some(sampler.kind),
        schedule: Some(sampler.schedule),
        timestep_spacing: sampler.spacing(),
        convention: sampler.convention(),
        eta: sampler.eta(fields.number(&["eta"])?, options),
        clip_skip: options.clip_skip(),
        seed: seed(fields)?,
        noise: options.noise,
        noising: noising::read(fields, &options.noise_settings)?,
        num_images: count.batch,
        ..GenerationRequest::text_to_image(fields.text(&["prompt"])?.unwrap_or_default())
    })
}

/// -1 is a random one.
fn seed(fields: &Fields) -> Result<Option<u64>, ApiError> {
    match fields.integer(&["seed"])? {
        None | Some(-1) => Ok(None),
        Some(seed) => u64::try_from(seed).map(Some).map_err(|_| out_of_range("seed", "between 0 and 2^64 - 1, or -1", seed)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn fields(value: Value) -> Fields {
        let Value::Object(object) = value else { panic!("an object") };
        Fields(object)
    }

    #[test]
    fn old_and_new_names_say_the_same() {
        let karras = Sampler { kind: SamplerKind::Dpmpp2m, schedule: SigmaSchedule::Karras };
        for (name, scheduler) in [
            ("DPM++ 2M Karras", None),
            ("DPM++ 2M", Some("Karras")),
            ("DPM++ 2M", Some("karras")),
            ("DPM++ 2M", Some("Automatic")),
            ("k_dpmpp_2m", None),
        ] {
            assert_eq!(Sampler::find(name, scheduler, "scheduler"), Ok(karras), "{name} {scheduler:?}");
        }
        let uniform = Sampler { schedule: SigmaSchedule::Normal, ..karras };
        assert_eq!(Sampler::find("DPM++ 2M", Some("Uniform"), "scheduler"), Ok(uniform));
        let error = Sampler::find("Eular", None, "scheduler").unwrap_err();
        assert_eq!((error.status().as_u16(), error.code()), (404, "sampler_not_found"));
        assert_eq!(Sampler::find("Euler", Some("karas"), "scheduler").unwrap_err().code(), "invalid_value");
    }

    #[test]
    fn the_newer_field_counts() {
        assert_eq!(sampler_name(&fields(json!({"sampler_name": "LMS", "sampler_index": "Euler a"}))).unwrap(), "LMS");
        assert_eq!(sampler_name(&fields(json!({"sampler_name": null, "sampler_index": "Euler a"}))).unwrap(), "Euler a");
        assert_eq!(sampler_name(&fields(json!({}))).unwrap(), "Euler");
    }

    #[test]
    fn noise_is_said_only_where_it_differs() {
        let options = Options::default();
        let of = |kind| Sampler { kind, schedule: SigmaSchedule::Normal };
        assert_eq!(of(SamplerKind::EulerAncestral).eta(Some(1.0), &options), None);
        assert_eq!(of(SamplerKind::EulerAncestral).eta(Some(0.5), &options), Some(0.5));
        assert_eq!(of(SamplerKind::Euler).eta(Some(0.5), &options), None, "it has none");
        assert_eq!(of(SamplerKind::Ddim).eta(Some(1.0), &options), Some(1.0));
        assert_eq!(of(SamplerKind::Ddim).eta(None, &Options { eta_ddim: 0.3, ..options }), Some(0.3));
    }

    #[test]
    fn pictures_are_counted_together() {
        let count = |batch: u32, rounds: u32| Count::read(&fields(json!({"batch_size": batch, "n_iter": rounds})), 10);
        assert_eq!(count(2, 5).map(Count::total), Ok(10));
        for (batch, rounds) in [(0, 1), (1, 0), (11, 1), (4, 3), (4_000_000_000, 4_000_000_000)] {
            assert_eq!(count(batch, rounds).unwrap_err().code(), "out_of_range", "{batch} {rounds}");
        }
    }
}
