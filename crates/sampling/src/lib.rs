//! Samplers and sigma schedules as tables of numbers, and noise as torch draws it.
//!
//! Every sampler update is linear in the latents, the model output, at most three stored tensors and fresh noise, and all coefficients
//! are known before the first step. [`table`] turns (sampler, schedule, steps, prediction type, strength) into that table in f64; whoever
//! holds the tensors only multiplies and adds. No tensors and no device here, so a sampler is a pure function and is tested as such.

mod config;
mod error;
mod row;
mod training;

pub use config::{FinalSigma, SamplerConfig, SolverType};
pub use error::SamplingError;
pub use row::{Blend, NoiseDraw, Row, Start, Table};
pub use training::{BetaSchedule, PredictionType, TrainingConfig, TrainingSchedule};
