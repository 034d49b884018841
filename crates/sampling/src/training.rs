//! The noise levels a model was trained on.
//!
//! Computed in the order of operations of torch (float32 with fused multiply-adds where torch has them), because the schedules of all
//! samplers derive from these numbers and a picture should not depend on who computed them. k-diffusion's hosts (A1111, ComfyUI) compute
//! the betas in f64 instead, so that convention has its own copy.

use easel_types::{Convention, TimestepSpacing};
use serde::{Deserialize, Serialize};

use crate::SamplingError;

/// What the denoiser's output stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictionType {
    /// The noise.
    Epsilon,
    /// The velocity `alpha * eps - sigma * x0` (Salimans & Ho 2022).
    VPrediction,
    /// The clean picture.
    Sample,
    /// The velocity of a rectified flow, `eps - x0`.
    Flow,
}

/// How beta grows over the training steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BetaSchedule {
    /// `linspace(beta_start, beta_end, T)`.
    Linear,
    /// `linspace(sqrt(beta_start), sqrt(beta_end), T)²`: Stable Diffusion.
    ScaledLinear,
    /// The cosine schedule of Nichol & Dhariwal 2021.
    SquaredcosCapV2,
}

/// Whose levels the schedule `align_your_steps` takes: they were published for one model family each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlignYourSteps {
    /// Stable Diffusion 1.5, and whatever has no table of its own.
    #[default]
    StableDiffusion,
    /// Stable Diffusion XL.
    StableDiffusionXl,
}

/// The model's own part of a diffusers `scheduler_config.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingConfig {
    /// First beta.
    pub beta_start: f64,
    /// Last beta.
    pub beta_end: f64,
    /// Growth between them.
    pub beta_schedule: BetaSchedule,
    /// Training steps T.
    pub num_train_timesteps: u32,
    /// What the output stands for.
    pub prediction_type: PredictionType,
    /// Offset added to `leading` timesteps.
    pub steps_offset: u32,
    /// Default spacing of the model's own scheduler.
    pub timestep_spacing: TimestepSpacing,
    /// Rescales the betas to zero terminal signal-to-noise ratio (Lin et al. 2024).
    pub rescale_betas_zero_snr: bool,
    /// Shift of a flow-matching schedule; 1 elsewhere.
    pub shift: f64,
    /// The model family's table of Align Your Steps; no scheduler configuration says it.
    #[serde(default)]
    pub align_your_steps: AlignYourSteps,
}

impl Default for TrainingConfig {
    /// Stable Diffusion 1.x.
    fn default() -> Self {
        Self {
            beta_start: 0.00085,
            beta_end: 0.012,
            beta_schedule: BetaSchedule::ScaledLinear,
            num_train_timesteps: 1000,
            prediction_type: PredictionType::Epsilon,
            steps_offset: 1,
            timestep_spacing: TimestepSpacing::Leading,
            rescale_betas_zero_snr: false,
            shift: 1.0,
            align_your_steps: AlignYourSteps::StableDiffusion,
        }
    }
}

/// One list of training noise levels in its three forms; every number is exactly a float32.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseLevels {
    alphas_cumprod: Vec<f64>,
    sigmas: Vec<f64>,
    log_sigmas: Vec<f64>,
}

impl NoiseLevels {
    fn new(alphas_cumprod: &[f32]) -> Self {
        let sigmas: Vec<f32> = alphas_cumprod.iter().map(|&a| ((1.0 - a) / a).sqrt()).collect();
        Self {
            alphas_cumprod: alphas_cumprod.iter().map(|&a| a.into()).collect(),
            log_sigmas: sigmas.iter().map(|&s| f64::from(f64::from(s).ln() as f32)).collect(),
            sigmas: sigmas.iter().map(|&s| s.into()).collect(),
        }
    }

    /// Cumulative products of `1 - beta`, by training step.
    pub fn alphas_cumprod(&self) -> &[f64] {
        &self.alphas_cumprod
    }

    /// `sqrt((1 - alphas_cumprod) / alphas_cumprod)`, ascending.
    pub fn sigmas(&self) -> &[f64] {
        &self.sigmas
    }

    /// Natural logarithms of the sigmas.
    pub fn log_sigmas(&self) -> &[f64] {
        &self.log_sigmas
    }

    /// The lowest sigma.
    pub fn sigma_min(&self) -> f64 {
        self.sigmas[0]
    }

    /// The highest sigma.
    pub fn sigma_max(&self) -> f64 {
        self.sigmas[self.sigmas.len() - 1]
    }

    /// Sigma at a fractional training step, linear in sigma as diffusers interpolates.
    pub fn sigma_at(&self, timestep: f64) -> f64 {
        interpolate(&self.sigmas, timestep)
    }

    /// Sigma at a fractional training step, linear in ln sigma as k-diffusion interpolates.
    pub fn sigma_at_log(&self, timestep: f64) -> f64 {
        interpolate(&self.log_sigmas, timestep).exp()
    }

    /// The fractional training step of a sigma, linear in ln sigma and clamped to the range.
    pub fn timestep_of(&self, sigma: f64) -> f64 {
        let log = sigma.max(1e-10).ln();
        let above = self.log_sigmas.partition_point(|&level| level <= log);
        let low = above.saturating_sub(1).min(self.log_sigmas.len() - 2);
        let (from, to) = (self.log_sigmas[low], self.log_sigmas[low + 1]);
        if to <= from {
            return low as f64;
        }
        low as f64 + ((log - from) / (to - from)).clamp(0.0, 1.0)
    }
}

fn interpolate(values: &[f64], at: f64) -> f64 {
    let last = values.len() - 1;
    let at = at.clamp(0.0, last as f64);
    let low = (at as usize).min(last - 1);
    let weight = at - low as f64;
    if weight == 0.0 { values[low] } else { values[low] + weight * (values[low + 1] - values[low]) }
}

/// The smallest terminal signal level of schedulers that need a finite sigma (diffusers).
const FLOOR_DIFFUSERS: f32 = 1.0 / 16_777_216.0;
/// The same in A1111 and ComfyUI.
const FLOOR_K_DIFFUSION: f32 = 4.897_345_3e-8;

/// The training noise levels, computed once per model.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingSchedule {
    config: TrainingConfig,
    plain: NoiseLevels,
    floored: NoiseLevels,
    exact: NoiseLevels,
    k_diffusion: NoiseLevels,
}

impl TrainingSchedule {
    /// Computes the tables in the order of operations of torch, so that they are equal to the bit.
    pub fn new(config: TrainingConfig) -> Result<Self, SamplingError> {
        check(&config)?;
        let plain = cumulative(&betas_f32(&config));
        let mut ldm = ldm_cumulative(&config);
        let (mut floored, mut exact) = (plain.clone(), plain.clone());
        if config.rescale_betas_zero_snr {
            exact = cumulative(&rescaled_betas(&plain));
            floored = exact.clone();
            *floored.last_mut().expect("a schedule has at least two steps") = FLOOR_DIFFUSERS;
            ldm = rescaled_cumulative(&ldm);
            *ldm.last_mut().expect("a schedule has at least two steps") = FLOOR_K_DIFFUSION;
        }
        for levels in [&plain, &floored, &ldm] {
            if levels.iter().any(|a| !(*a > 0.0 && *a < 1.0)) || levels.windows(2).any(|pair| pair[1] > pair[0]) {
                return Err(SamplingError::Config("these betas leave no signal or no noise at some training step".into()));
            }
        }
        Ok(Self {
            plain: NoiseLevels::new(&plain),
            floored: NoiseLevels::new(&floored),
            exact: NoiseLevels::new(&exact),
            k_diffusion: NoiseLevels::new(&ldm),
            config,
        })
    }

    /// What it was made from.
    pub fn config(&self) -> &TrainingConfig {
        &self.config
    }

    /// Training steps T.
    pub fn len(&self) -> usize {
        self.plain.sigmas.len()
    }

    /// Never; a schedule has at least two steps.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The levels with every sigma finite, as Euler (diffusers) or any k-diffusion sampler uses them.
    pub fn levels(&self, convention: Convention) -> &NoiseLevels {
        match convention {
            Convention::Diffusers => &self.floored,
            Convention::KDiffusion => &self.k_diffusion,
        }
    }

    /// The levels of samplers that work on `alphas_cumprod`; with zero terminal SNR the last is exactly 0 and its sigma infinite.
    pub fn exact_levels(&self) -> &NoiseLevels {
        &self.exact
    }

    /// The levels without the zero-SNR rescaling, for samplers whose diffusers class has no such option.
    pub fn plain_levels(&self) -> &NoiseLevels {
        &self.plain
    }
}

fn check(config: &TrainingConfig) -> Result<(), SamplingError> {
    let beta = |name, got: f64| match got > 0.0 && got < 1.0 {
        true => Ok(()),
        false => Err(SamplingError::OutOfRange { name, expected: "between 0 and 1", got: got.to_string() }),
    };
    beta("beta_start", config.beta_start)?;
    beta("beta_end", config.beta_end)?;
    if !(10..=10_000).contains(&config.num_train_timesteps) {
        let got = config.num_train_timesteps.to_string();
        return Err(SamplingError::OutOfRange { name: "num_train_timesteps", expected: "10 to 10000", got });
    }
    if !(config.shift.is_finite() && config.shift > 0.0 && config.shift <= 1000.0) {
        return Err(SamplingError::OutOfRange {
            name: "shift",
            expected: "above 0, at most 1000",
            got: config.shift.to_string(),
        });
    }
    Ok(())
}

/// `torch.linspace` in float32: from both ends towards the middle, fused.
fn linspace_f32(start: f64, end: f64, count: usize) -> Vec<f32> {
    let (start, end) = (start as f32, end as f32);
    let step = (end - start) / (count - 1) as f32;
    let at = |i: usize| match i < count / 2 {
        true => step.mul_add(i as f32, start),
        false => (-step).mul_add((count - 1 - i) as f32, end),
    };
    (0..count).map(at).collect()
}

fn cosine_beta(step: usize, count: usize) -> f64 {
    let level = |t: f64| ((t + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos().powi(2);
    (1.0 - level((step + 1) as f64 / count as f64) / level(step as f64 / count as f64)).min(0.999)
}

fn betas_f32(config: &TrainingConfig) -> Vec<f32> {
    let count = config.num_train_timesteps as usize;
    match config.beta_schedule {
        BetaSchedule::Linear => linspace_f32(config.beta_start, config.beta_end, count),
        BetaSchedule::ScaledLinear => {
            linspace_f32(config.beta_start.sqrt(), config.beta_end.sqrt(), count).into_iter().map(|root| root * root).collect()
        }
        BetaSchedule::SquaredcosCapV2 => (0..count).map(|step| cosine_beta(step, count) as f32).collect(),
    }
}

/// `torch.cumprod(1 - betas)`: accumulates in f64 and rounds every element.
fn cumulative(betas: &[f32]) -> Vec<f32> {
    let mut product = 1.0f64;
    let step = |beta: &f32| {
        product *= f64::from(1.0 - beta);
        product as f32
    };
    betas.iter().map(step).collect()
}

/// The levels as LDM, A1111 and ComfyUI compute them: in f64, rounded at the end.
fn ldm_cumulative(config: &TrainingConfig) -> Vec<f32> {
    let count = config.num_train_timesteps as usize;
    let line = |a: f64, b: f64, i: usize| a + (b - a) * i as f64 / (count - 1) as f64;
    let mut product = 1.0;
    let step = |i: usize| {
        product *= 1.0
            - match config.beta_schedule {
                BetaSchedule::Linear => line(config.beta_start, config.beta_end, i),
                BetaSchedule::ScaledLinear => line(config.beta_start.sqrt(), config.beta_end.sqrt(), i).powi(2),
                BetaSchedule::SquaredcosCapV2 => cosine_beta(i, count),
            };
        product as f32
    };
    (0..count).map(step).collect()
}

/// Shifts and stretches `sqrt(alphas_cumprod)` so that its first value stays and its last becomes 0 (Lin et al. 2024, algorithm 1).
fn rescaled_cumulative(alphas_cumprod: &[f32]) -> Vec<f32> {
    let (first, last) = (alphas_cumprod[0].sqrt(), alphas_cumprod[alphas_cumprod.len() - 1].sqrt());
    let scale = first / (first - last);
    alphas_cumprod.iter().map(|a| ((a.sqrt() - last) * scale).powi(2)).collect()
}

fn rescaled_betas(alphas_cumprod: &[f32]) -> Vec<f32> {
    let bars = rescaled_cumulative(alphas_cumprod);
    (0..bars.len()).map(|i| 1.0 - if i == 0 { bars[0] } else { bars[i] / bars[i - 1] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_diffusion_has_the_known_range() {
        let schedule = TrainingSchedule::new(TrainingConfig::default()).unwrap();
        let levels = schedule.levels(Convention::Diffusers);
        assert!((levels.sigma_min() - 0.029_167_5).abs() < 1e-6, "{}", levels.sigma_min());
        assert!((levels.sigma_max() - 14.614_647).abs() < 1e-5, "{}", levels.sigma_max());
        assert_eq!(levels.timestep_of(levels.sigmas()[417]).round(), 417.0);
        assert_eq!(levels.timestep_of(1e9), 999.0);
        assert_eq!(levels.timestep_of(0.0), 0.0);
    }

    #[test]
    fn zero_snr_ends_without_signal() {
        let config = TrainingConfig { rescale_betas_zero_snr: true, ..TrainingConfig::default() };
        let schedule = TrainingSchedule::new(config).unwrap();
        assert_eq!(schedule.exact_levels().alphas_cumprod()[999], 0.0);
        assert_eq!(schedule.levels(Convention::Diffusers).sigma_max().round(), 4096.0);
    }

    #[test]
    fn nonsense_is_refused() {
        for config in [
            TrainingConfig { beta_end: f64::NAN, ..TrainingConfig::default() },
            TrainingConfig { beta_end: 0.999_999, beta_start: 0.9, ..TrainingConfig::default() },
            TrainingConfig { num_train_timesteps: 0, ..TrainingConfig::default() },
            TrainingConfig { shift: -1.0, ..TrainingConfig::default() },
        ] {
            assert!(TrainingSchedule::new(config).is_err());
        }
    }
}
