//! Samplers and sigma schedules as tables of numbers, and noise as torch draws it.
//!
//! Every sampler update is linear in the latents, the model output, at most three stored tensors and fresh noise, and all coefficients
//! are known before the first step. [`table`] turns (sampler, schedule, steps, prediction type, strength) into that table in f64; whoever
//! holds the tensors only multiplies and adds. No tensors and no device here, so a sampler is a pure function and is tested as such.
//!
//! A new sampler is one file in `samplers/`, a new schedule one file in `schedules/`; each module's header says how to register it.

mod config;
mod diffusers;
mod error;
mod linear;
mod noise;
mod problem;
mod row;
mod samplers;
mod schedules;
mod training;
mod trajectory;

pub use config::{FinalSigma, SamplerConfig, SolverType};
pub use diffusers::{from_diffusers, sampler_from_diffusers};
pub use error::SamplingError;
pub use noise::{
    BrownianTree, FirstNoise, Half, NoisePrecision, NoiseSource, NoiseStream, Nv, TorchCpu, TorchCuda, noise_source, seed_resize,
    slerp,
};
pub use row::{Blend, NoiseDraw, Row, Start, Table};
pub use training::{AlignYourSteps, BetaSchedule, NoiseLevels, PredictionType, TrainingConfig, TrainingSchedule};

use problem::Problem;

/// Turns a sampler's configuration into its table of coefficients.
///
/// `strength` is `None` to start from pure noise and `Some` to start from an encoded picture, of whose steps it leaves
/// `min(int(steps * strength), steps)` (diffusers) or `int(min(strength, 0.999) * steps) + 1` (k-diffusion); when none is left the table has
/// no rows. Inpainting at full strength passes `None`: diffusers starts it from pure noise too, and [`Row::blend`] is right either way.
pub fn table(
    config: &SamplerConfig,
    training: &TrainingSchedule,
    steps: u32,
    strength: Option<f64>,
) -> Result<Table, SamplingError> {
    let problem = Problem::new(config, training, steps, strength)?;
    samplers::trajectory(&problem)?.into_table(strength.is_some())
}
