//! The noise levels a model was trained on.

use easel_types::TimestepSpacing;
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
        }
    }
}

/// The training noise levels, computed once per model.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingSchedule {
    config: TrainingConfig,
}

impl TrainingSchedule {
    /// Computes the tables in the order of operations of torch, so that they are equal to the bit.
    pub fn new(config: TrainingConfig) -> Result<Self, SamplingError> {
        Ok(Self { config })
    }

    /// What it was made from.
    pub fn config(&self) -> &TrainingConfig {
        &self.config
    }
}
