//! Reading diffusers' scheduler configurations.
//!
//! A model folder's `scheduler_config.json` describes the model's training and its own sampler; [`from_diffusers`] reads both. Keys that the
//! scheduler class does not accept are ignored, as diffusers ignores them; accepted ones that would need arithmetic Easel does not do are
//! refused, rather than giving a silently different picture. A value of the wrong type is an error whether the class accepts it or not:
//! somebody meant something by it. A new class is one entry in `classes.rs`.

mod classes;

use easel_types::{Convention, SamplerKind, SigmaSchedule, TimestepSpacing};
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::classes::{CLASSES, Class, FLAGS, HARMLESS, NUMBERS, TEXTS};
use crate::{AlignYourSteps, FinalSigma, PredictionType, SamplerConfig, SamplingError, SolverType, TrainingConfig};

/// Where a model folder's file names its class.
const MODEL_KEY: &str = "_class_name";

/// Reads a model folder's `scheduler_config.json`: its sampler and the training behind it.
pub fn from_diffusers(json: &Value) -> Result<(SamplerConfig, TrainingConfig), SamplingError> {
    let options = Options::new(json, MODEL_KEY)?;
    let training = options.training()?;
    Ok((options.sampler(options.number("steps_offset")?.unwrap_or(0))?, training))
}

/// Reads a sampler alone, to be used on a model whose training is known: `{"class": "EulerDiscreteScheduler", "use_karras_sigmas": true, …}`.
///
/// What `spec` leaves out has the default of the diffusers class, except the offset of `leading` timesteps, which is the model's.
pub fn sampler_from_diffusers(spec: &Value, training: &TrainingConfig) -> Result<SamplerConfig, SamplingError> {
    let options = Options::new(spec, "class")?;
    options.sampler(options.number("steps_offset")?.unwrap_or(training.steps_offset))
}

/// A configuration seen through the options its class accepts.
struct Options<'a> {
    class: &'static Class,
    json: &'a Value,
}

impl<'a> Options<'a> {
    fn new(json: &'a Value, class_key: &str) -> Result<Self, SamplingError> {
        let Some(name) = json.get(class_key).and_then(Value::as_str) else {
            return Err(SamplingError::Config(format!("no `{class_key}`")));
        };
        // Flax and parallel variants compute the same numbers.
        let plain = name.trim_start_matches("Flax").replace("ParallelScheduler", "Scheduler");
        let class = CLASSES.iter().find(|class| class.name == plain).ok_or_else(|| {
            let known = CLASSES.iter().map(|class| class.name).collect::<Vec<_>>().join(", ");
            let name: String = name.chars().take(64).collect();
            SamplingError::Unsupported(format!("scheduler class `{name}` is not supported; known: {known}"))
        })?;
        check_types(json)?;
        let options = Self { class, json };
        options.refuse_what_would_be_different(class_key == MODEL_KEY)?;
        Ok(options)
    }

    fn refuse_what_would_be_different(&self, in_model_folder: bool) -> Result<(), SamplingError> {
        // The Stable Diffusion pipelines of diffusers switch clipping off, whatever the model folder says.
        let matters = |key: &str| !(in_model_folder && key == "clip_sample");
        for (key, harmless) in HARMLESS.iter().filter(|(key, _)| matters(key)) {
            let given = self.get(key).map(ToString::to_string);
            let by_default = self.class.defaults.iter().find(|(name, _)| name == key).map(|(_, value)| value.to_string());
            let Some(value) = given.or(by_default) else { continue };
            if !harmless.contains(&value.as_str()) {
                let class = self.class.name;
                let shown: String = value.chars().take(64).collect();
                let message = format!("{class} with {key} = {shown} is not supported; supported: {}", harmless.join(", "));
                return Err(SamplingError::Unsupported(message));
            }
        }
        Ok(())
    }

    /// The value of an option that the class accepts and the configuration sets.
    fn get(&self, key: &str) -> Option<&'a Value> {
        let accepted = self.class.accepts.iter().flat_map(|group| group.iter()).any(|name| *name == key);
        self.json.get(key).filter(|value| accepted && !value.is_null())
    }

    fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SamplingError> {
        let parse = |value: &Value| {
            serde_json::from_value(value.clone()).map_err(|error| SamplingError::Config(format!("`{key}`: {error}")))
        };
        self.get(key).map(parse).transpose()
    }

    fn number(&self, key: &str) -> Result<Option<u32>, SamplingError> {
        self.read(key)
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, SamplingError> {
        self.read(key)
    }

    fn text(&self, key: &str) -> Result<Option<String>, SamplingError> {
        self.read(key)
    }

    fn training(&self) -> Result<TrainingConfig, SamplingError> {
        let (beta_start, beta_end, beta_schedule) = self.class.betas;
        let prediction_type = match (self.class.kind, self.text("prediction_type")?.as_deref()) {
            (SamplerKind::FlowMatchEuler, _) => PredictionType::Flow,
            (_, None | Some("epsilon")) => PredictionType::Epsilon,
            (_, Some("v_prediction")) => PredictionType::VPrediction,
            (_, Some("sample")) => PredictionType::Sample,
            (_, Some(other)) => return Err(SamplingError::Unsupported(format!("prediction type `{other}` is not supported"))),
        };
        Ok(TrainingConfig {
            beta_start: self.read("beta_start")?.unwrap_or(beta_start),
            beta_end: self.read("beta_end")?.unwrap_or(beta_end),
            beta_schedule: self.read("beta_schedule")?.unwrap_or(beta_schedule),
            num_train_timesteps: self.number("num_train_timesteps")?.unwrap_or(1000),
            prediction_type,
            steps_offset: self.number("steps_offset")?.unwrap_or(0),
            timestep_spacing: self.spacing()?,
            rescale_betas_zero_snr: self.flag("rescale_betas_zero_snr")?.unwrap_or(false),
            shift: self.read("shift")?.unwrap_or(1.0),
            align_your_steps: AlignYourSteps::default(),
        })
    }

    fn spacing(&self) -> Result<TimestepSpacing, SamplingError> {
        Ok(self.read("timestep_spacing")?.unwrap_or(self.class.spacing))
    }

    fn sampler(&self, steps_offset: u32) -> Result<SamplerConfig, SamplingError> {
        let solver_order = self.number("solver_order")?;
        let final_sigma = match self.text("final_sigmas_type")?.as_deref() {
            None => None,
            Some("zero") => Some(FinalSigma::Zero),
            Some("sigma_min") => Some(FinalSigma::SigmaMin),
            Some(other) => return Err(SamplingError::Config(format!("`final_sigmas_type`: unknown `{other}`"))),
        };
        Ok(SamplerConfig {
            kind: self.kind(solver_order.unwrap_or(2))?,
            schedule: self.schedule()?,
            convention: Convention::Diffusers,
            timestep_spacing: Some(self.spacing()?),
            steps_offset: Some(steps_offset),
            eta: self.json.get("eta").and_then(Value::as_f64),
            s_churn: 0.0,
            s_tmin: 0.0,
            s_tmax: None,
            s_noise: 1.0,
            s_min_uncond: 0.0,
            s_min_uncond_all: false,
            whole_steps: false,
            solver_order,
            solver_type: self.solver_type()?,
            final_sigma,
            set_alpha_to_one: self.flag("set_alpha_to_one")?,
            lower_order_final: self.flag("lower_order_final")?,
            euler_at_final: self.flag("euler_at_final")?.unwrap_or(false),
            discard_next_to_last_sigma: None,
        })
    }

    fn schedule(&self) -> Result<SigmaSchedule, SamplingError> {
        let schedules = [
            ("use_karras_sigmas", SigmaSchedule::Karras),
            ("use_exponential_sigmas", SigmaSchedule::Exponential),
            ("use_beta_sigmas", SigmaSchedule::Beta),
        ];
        let mut chosen = Vec::new();
        for (key, schedule) in schedules {
            if self.flag(key)? == Some(true) {
                chosen.push(schedule);
            }
        }
        match chosen[..] {
            [] => Ok(SigmaSchedule::Normal),
            [schedule] => Ok(schedule),
            _ => Err(SamplingError::Config(
                "only one of use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas can be set".into(),
            )),
        }
    }

    /// The solvers of one class have names of their own.
    fn kind(&self, solver_order: u32) -> Result<SamplerKind, SamplingError> {
        let stochastic = self.text("algorithm_type")?.is_some_and(|algorithm| algorithm == "sde-dpmsolver++");
        let heun = self.solver_type()? == Some(SolverType::Heun);
        match (self.class.kind, stochastic) {
            (SamplerKind::Dpmpp2m, false) if solver_order == 3 => Ok(SamplerKind::Dpmpp3m),
            (SamplerKind::Dpmpp2m, true) if solver_order == 3 => Ok(SamplerKind::Dpmpp3mSde),
            (SamplerKind::Dpmpp2m, true) if heun => Ok(SamplerKind::Dpmpp2mSdeHeun),
            (SamplerKind::Dpmpp2m, true) => Ok(SamplerKind::Dpmpp2mSde),
            (SamplerKind::Dpmpp2s, true) => {
                let why = "DPMSolverSinglestepScheduler with algorithm_type = sde-dpmsolver++ is not supported; use the multistep scheduler";
                Err(SamplingError::Unsupported(why.into()))
            }
            (SamplerKind::Dpmpp2s, false) if solver_order == 3 => Ok(SamplerKind::Dpmpp3s),
            (kind, _) => Ok(kind),
        }
    }

    /// A solver type of another class means this class's default, as in diffusers.
    fn solver_type(&self) -> Result<Option<SolverType>, SamplingError> {
        let unipc = self.class.kind == SamplerKind::UniPc;
        Ok(match self.text("solver_type")?.as_deref() {
            None => None,
            Some("heun") if !unipc => Some(SolverType::Heun),
            Some("bh1") if unipc => Some(SolverType::Bh1),
            Some("midpoint" | "heun" | "logrho" | "bh1" | "bh2") if unipc => Some(SolverType::Bh2),
            Some("midpoint" | "logrho" | "bh1" | "bh2") => Some(SolverType::Midpoint),
            Some(other) => return Err(SamplingError::Config(format!("`solver_type`: unknown `{other}`"))),
        })
    }
}

/// The options Easel reads are of their types, or null.
fn check_types(json: &Value) -> Result<(), SamplingError> {
    let check = |keys: &[&str], fits: fn(&Value) -> bool, expected: &str| {
        let given = |key: &&&str| json.get(**key).is_some_and(|value| !value.is_null() && !fits(value));
        let Some(key) = keys.iter().find(given) else { return Ok(()) };
        let shown: String = json[*key].to_string().chars().take(64).collect();
        Err(SamplingError::Config(format!("`{key}` must be {expected}, got {shown}")))
    };
    check(FLAGS, Value::is_boolean, "true or false")?;
    check(NUMBERS, Value::is_number, "a number")?;
    check(TEXTS, Value::is_string, "a string")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::BetaSchedule;

    #[test]
    fn stable_diffusion_15_reads_as_it_is() {
        let (sampler, training) = from_diffusers(&json!({
            "_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", "beta_end": 0.012, "beta_schedule": "scaled_linear",
            "beta_start": 0.00085, "num_train_timesteps": 1000, "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1,
            "trained_betas": null, "clip_sample": false
        }))
        .unwrap();
        assert_eq!(training, TrainingConfig::default());
        assert_eq!((sampler.kind, sampler.schedule), (SamplerKind::Pndm, SigmaSchedule::Normal));
        assert_eq!((sampler.steps_offset, sampler.set_alpha_to_one), (Some(1), Some(false)));
    }

    #[test]
    fn class_defaults_fill_what_is_absent() {
        let spec =
            json!({"class": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": true});
        let sampler = sampler_from_diffusers(&spec, &TrainingConfig::default()).unwrap();
        assert_eq!((sampler.kind, sampler.schedule), (SamplerKind::Dpmpp2mSde, SigmaSchedule::Karras));
        assert_eq!((sampler.timestep_spacing, sampler.steps_offset), (Some(TimestepSpacing::Linspace), Some(1)));
        assert!(from_diffusers(&json!({"_class_name": "DDIMScheduler", "clip_sample": true})).is_ok());
        let (_, training) = from_diffusers(&json!({"_class_name": "EulerDiscreteScheduler"})).unwrap();
        assert_eq!((training.beta_end, training.beta_schedule, training.steps_offset), (0.02, BetaSchedule::Linear, 0));
    }

    #[test]
    fn options_a_class_does_not_know_are_ignored() {
        let spec = json!({"class": "EulerAncestralDiscreteScheduler", "use_karras_sigmas": true, "thresholding": true});
        let sampler = sampler_from_diffusers(&spec, &TrainingConfig::default()).unwrap();
        assert_eq!(sampler.schedule, SigmaSchedule::Normal);
    }

    #[test]
    fn what_would_give_another_picture_is_refused() {
        for spec in [
            json!({"class": "DDIMScheduler"}),
            json!({"class": "DDIMScheduler", "clip_sample": false, "thresholding": true}),
            json!({"class": "PNDMScheduler"}),
            json!({"class": "DPMSolverMultistepScheduler", "use_lu_lambdas": true}),
            json!({"class": "DPMSolverMultistepScheduler", "algorithm_type": "dpmsolver"}),
            json!({"class": "UniPCMultistepScheduler", "disable_corrector": [0]}),
            json!({"class": "EulerDiscreteScheduler", "use_karras_sigmas": true, "use_beta_sigmas": true}),
            json!({"class": "EulerDiscreteScheduler", "timestep_spacing": "sideways"}),
            json!({"class": "ScoreSdeVeScheduler"}),
            json!({"clss": 3}),
            json!(null),
        ] {
            let result = sampler_from_diffusers(&spec, &TrainingConfig::default());
            assert!(result.is_err(), "{spec} gave {result:?}");
        }
    }

    #[test]
    fn a_wrong_type_is_an_error_in_every_class() {
        for class in CLASSES {
            for (key, value) in FLAGS
                .iter()
                .map(|key| (key, json!("yes")))
                .chain(NUMBERS.iter().map(|key| (key, json!("many"))))
                .chain(TEXTS.iter().map(|key| (key, json!(7))))
            {
                let mut config = json!({ "_class_name": class.name, "clip_sample": false, "skip_prk_steps": true });
                config[key] = value;
                let error = from_diffusers(&config).unwrap_err();
                assert!(
                    matches!(&error, SamplingError::Config(why) if why.contains(&format!("`{key}`"))),
                    "{}: {error}",
                    class.name
                );
                config[key] = json!(null);
                assert!(!matches!(from_diffusers(&config), Err(SamplingError::Config(_))), "{}: {key} may be null", class.name);
            }
        }
    }
}
