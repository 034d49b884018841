//! Euler on a rectified flow (Stable Diffusion 3, Esser et al. 2024), as diffusers' `FlowMatchEulerDiscreteScheduler` with a fixed shift.
//!
//! Latents are `(1 - s) * x0 + s * eps`. The class shifts the range of levels when it is made and the levels themselves again for a
//! request; both are kept.

use easel_types::SigmaSchedule;

use super::Sampler;
use crate::linear::{M, X};
use crate::problem::Problem;
use crate::schedules::{as_f32, respaced};
use crate::trajectory::{Evaluation, Trajectory};
use crate::{PredictionType, SamplingError};

pub(super) struct FlowMatchEuler;

impl Sampler for FlowMatchEuler {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        if problem.prediction() != PredictionType::Flow {
            return Err(problem.unsupported("this model was not trained as a flow; use euler"));
        }
        let training_steps = problem.training.len() as f64;
        let sigmas = levels(problem, training_steps)?;
        let evaluation = |step: usize| {
            let (sigma, next) = (sigmas[step], sigmas[step + 1]);
            let timestep = f64::from((sigma * training_steps) as f32);
            Evaluation::vp(step, timestep, 1.0 - sigma, sigma).next(X + (next - sigma) * M)
        };
        Ok(Trajectory::new(1.0, (problem.first_step()..problem.steps).map(evaluation).collect()))
    }
}

fn levels(problem: &Problem, training_steps: f64) -> Result<Vec<f64>, SamplingError> {
    let shift = problem.training.config().shift;
    let shifted = |sigma: f64| shift * sigma / (1.0 + (shift - 1.0) * sigma);
    let (low, high) = (shifted(1.0 / training_steps), 1.0);
    let last = (problem.steps.max(2) - 1) as f64;
    let at = |step: usize| shifted(high + (low - high) * step as f64 / last);
    let mut sigmas: Vec<f64> = (0..problem.steps).map(at).collect();
    match problem.config.schedule {
        SigmaSchedule::Normal => {}
        SigmaSchedule::Karras | SigmaSchedule::Exponential | SigmaSchedule::Beta => {
            let range = (sigmas[sigmas.len() - 1], sigmas[0]);
            let levels = problem.training.plain_levels();
            sigmas = respaced(problem, problem.steps, range, levels);
        }
        _ => return Err(problem.unsupported("use normal, karras, exponential or beta")),
    }
    sigmas.push(0.0);
    Ok(as_f32(sigmas))
}
