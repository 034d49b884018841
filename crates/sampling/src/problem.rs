//! What a sampler is given: the validated question of one [`crate::table`] call, with the conversions every sampler needs.

use easel_types::{Convention, SigmaSchedule, TimestepSpacing};

use crate::linear::{Linear, M, X};
use crate::{FinalSigma, NoiseLevels, PredictionType, SamplerConfig, SamplingError, TrainingSchedule};

/// The most steps a request may ask for.
pub(crate) const MAX_STEPS: u32 = 1000;

/// A1111 takes the share that is redrawn for no more than this.
const STRENGTH_MAX: f64 = 0.999;

/// A validated question.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Problem<'a> {
    /// The sampler and its options.
    pub(crate) config: &'a SamplerConfig,
    /// The model's noise levels.
    pub(crate) training: &'a TrainingSchedule,
    /// Steps of the whole schedule, before strength takes some away.
    pub(crate) steps: usize,
    /// Steps that run whatever the strength, where the request says so.
    whole: Option<usize>,
    /// Strength of an img2img request.
    pub(crate) strength: Option<f64>,
}

fn in_range(name: &'static str, expected: &'static str, value: f64, low: f64, high: f64) -> Result<(), SamplingError> {
    match value >= low && value <= high {
        true => Ok(()),
        false => Err(SamplingError::OutOfRange { name, expected, got: value.to_string() }),
    }
}

impl<'a> Problem<'a> {
    pub(crate) fn new(
        config: &'a SamplerConfig,
        training: &'a TrainingSchedule,
        steps: u32,
        strength: Option<f64>,
    ) -> Result<Self, SamplingError> {
        let limit = f64::from(MAX_STEPS.min(training.config().num_train_timesteps));
        in_range("num_inference_steps", "1 to 1000, at most the training steps", steps.into(), 1.0, limit)?;
        in_range("strength", "0 to 1", strength.unwrap_or(0.0), 0.0, 1.0)?;
        in_range("eta", "0 to 1", config.eta.unwrap_or(0.0), 0.0, 1.0)?;
        in_range("s_churn", "0 to 1000", config.s_churn, 0.0, 1000.0)?;
        in_range("s_tmin", "0 to 1000", config.s_tmin, 0.0, 1000.0)?;
        in_range("s_tmax", "0 to 1000", config.s_tmax.unwrap_or(0.0), 0.0, 1000.0)?;
        in_range("s_noise", "0 to 10", config.s_noise, 0.0, 10.0)?;
        in_range("s_min_uncond", "0 to 1000", config.s_min_uncond, 0.0, 1000.0)?;
        in_range("solver_order", "1 to 3", config.solver_order.unwrap_or(1).into(), 1.0, 3.0)?;
        let steps_offset = config.steps_offset.unwrap_or(training.config().steps_offset);
        in_range("steps_offset", "below the training steps", steps_offset.into(), 0.0, training.len() as f64 - 1.0)?;
        let asked = steps as usize;
        let whole = strength.filter(|strength| config.whole_steps && *strength > 0.0);
        let steps = whole.map_or(asked, |strength| (f64::from(steps) / strength.min(STRENGTH_MAX)) as usize);
        if steps > training.len() {
            let expected = "fewer, or a higher strength: with `whole_steps` the schedule is steps / strength long";
            return Err(SamplingError::OutOfRange { name: "num_inference_steps", expected, got: asked.to_string() });
        }
        Ok(Self { config, training, steps, whole: whole.map(|_| asked), strength })
    }

    /// A1111's `t_enc`: how far into the schedule, counted from its end, a picture is taken. None to start from noise alone.
    pub(crate) fn encoded(&self) -> Option<usize> {
        let strength = self.strength?;
        Some(match self.whole {
            Some(asked) => asked - 1,
            None => (strength.min(STRENGTH_MAX) * self.steps as f64) as usize,
        })
    }

    /// The first step that runs (diffusers): strength leaves `int(n * strength)` of them.
    pub(crate) fn first_step(&self) -> usize {
        let share = self.strength.map_or(self.steps, |strength| (self.steps as f64 * strength) as usize);
        let kept = self.whole.unwrap_or(share);
        self.steps - kept.min(self.steps)
    }

    /// What the model's output stands for.
    pub(crate) fn prediction(&self) -> PredictionType {
        self.training.config().prediction_type
    }

    /// Offset of `leading` timesteps.
    pub(crate) fn steps_offset(&self) -> f64 {
        self.config.steps_offset.unwrap_or(self.training.config().steps_offset).into()
    }

    /// Where timesteps fall; `sgm_uniform` is what diffusers calls trailing.
    pub(crate) fn spacing(&self) -> TimestepSpacing {
        match self.config.schedule {
            SigmaSchedule::SgmUniform => TimestepSpacing::Trailing,
            _ => self.config.timestep_spacing.unwrap_or(self.training.config().timestep_spacing),
        }
    }

    /// Whether the last noise level is the lowest training level instead of zero.
    pub(crate) fn ends_at_sigma_min(&self) -> bool {
        self.config.final_sigma == Some(FinalSigma::SigmaMin)
    }

    /// The levels of samplers that work on `alphas_cumprod`. Without signal at the last step only v and sample prediction make sense.
    pub(crate) fn exact_levels(&self) -> Result<&'a NoiseLevels, SamplingError> {
        if self.training.config().rescale_betas_zero_snr && self.prediction() == PredictionType::Epsilon {
            let why =
                "a zero-SNR schedule has no signal at its last step, which noise prediction cannot recover; use v_prediction";
            return Err(SamplingError::Unsupported(why.into()));
        }
        Ok(self.training.exact_levels())
    }

    /// The clean picture as a form over latents `x0 + sigma * eps`.
    pub(crate) fn denoised_ve(&self, sigma: f64) -> Linear {
        match self.prediction() {
            PredictionType::Epsilon | PredictionType::Flow => X - sigma * M,
            PredictionType::VPrediction => X / (sigma * sigma + 1.0) - sigma / (sigma * sigma + 1.0).sqrt() * M,
            PredictionType::Sample => M,
        }
    }

    /// The ODE's derivative `(x - denoised) / sigma` over the same latents.
    pub(crate) fn derivative_ve(&self, sigma: f64) -> Linear {
        match self.prediction() {
            PredictionType::Epsilon | PredictionType::Flow => M,
            _ => (X - self.denoised_ve(sigma)) / sigma,
        }
    }

    /// The clean picture as a form over latents `alpha * x0 + sigma * eps`.
    pub(crate) fn denoised_vp(&self, alpha: f64, sigma: f64) -> Linear {
        match self.prediction() {
            PredictionType::Epsilon | PredictionType::Flow => (X - sigma * M) / alpha,
            PredictionType::VPrediction => alpha * X - sigma * M,
            PredictionType::Sample => M,
        }
    }

    /// The noise as a form over the same latents.
    pub(crate) fn noise_vp(&self, alpha: f64, sigma: f64) -> Linear {
        match self.prediction() {
            PredictionType::Epsilon | PredictionType::Flow => M,
            PredictionType::VPrediction => alpha * M + sigma * X,
            PredictionType::Sample => (X - alpha * M) / sigma,
        }
    }

    /// The error for a sampler or schedule that the convention does not define.
    pub(crate) fn unsupported(&self, instead: &str) -> SamplingError {
        let convention = match self.config.convention {
            Convention::Diffusers => "diffusers",
            Convention::KDiffusion => "k_diffusion",
        };
        let (kind, schedule) = (self.config.kind, self.config.schedule);
        SamplingError::Unsupported(format!(
            "{kind} with schedule {schedule} is not defined in the {convention} convention; {instead}"
        ))
    }
}
