//! Euler with ancestral noise (k-diffusion's `sample_euler_ancestral`).
//!
//! diffusers draws noise in the last step too, where its coefficient is zero; k-diffusion does not.

use easel_types::Convention;

use super::Sampler;
use super::ancestral::ancestral_step;
use crate::linear::{Linear, X, Z};
use crate::problem::Problem;
use crate::schedules::diffusers::{ModelTime, ve_run};
use crate::schedules::k_diffusion::k_run;
use crate::trajectory::Trajectory;
use crate::{NoiseDraw, SamplingError};

pub(super) struct EulerAncestral;

impl Sampler for EulerAncestral {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let run = ve_run(problem, problem.training.levels(Convention::Diffusers), ModelTime::Fractional)?;
        let evaluation = |step| run.evaluation(step).next(update(problem, run.step(step))).draw(NoiseDraw::Next);
        Ok(run.trajectory(run.steps().map(evaluation).collect()))
    }

    fn k_diffusion(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let run = k_run(problem);
        let evaluation = |step| {
            let draw = if run.sigmas[step + 1] > 0.0 { NoiseDraw::Next } else { NoiseDraw::None };
            run.evaluation(step).next(update(problem, run.step(step))).draw(draw)
        };
        Ok(run.trajectory(run.steps().map(evaluation).collect()))
    }
}

fn update(problem: &Problem, (sigma, next): (f64, f64)) -> Linear {
    let (down, up) = ancestral_step(sigma, next, problem.config.eta.unwrap_or(1.0));
    X + (down - sigma) * problem.derivative_ve(sigma) + up * Z
}
