//! Euler's method on the probability-flow ODE (Karras et al. 2022, algorithm 2), with optional churn.
//!
//! k-diffusion adds churn before the model is asked; diffusers adds it after, so that the model saw less noise than the step removes.

use easel_types::Convention;

use super::Sampler;
use super::churn::Churn;
use crate::linear::{Linear, X, Z};
use crate::problem::Problem;
use crate::schedules::diffusers::{ModelTime, ve_run};
use crate::schedules::k_diffusion::k_run;
use crate::trajectory::Trajectory;
use crate::{NoiseDraw, PredictionType, SamplingError};

pub(super) struct Euler;

impl Sampler for Euler {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let run = ve_run(problem, problem.training.levels(Convention::Diffusers), ModelTime::Fractional)?;
        let churn = Churn::new(problem, problem.steps);
        let evaluation = |step: usize| {
            let (sigma, next) = run.step(step);
            if churn.gamma(sigma) > 0.0 {
                return run.evaluation(step).next(churned(problem, churn, sigma, next)).draw(NoiseDraw::Next);
            }
            run.evaluation(step).next(X + (next - sigma) * problem.derivative_ve(sigma))
        };
        Ok(run.trajectory(run.steps().map(evaluation).collect()))
    }

    fn k_diffusion(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let run = k_run(problem);
        let churn = Churn::new(problem, run.steps().len());
        let evaluation = |step: usize| {
            let (sigma, next) = run.step(step);
            let raised = churn.raised(sigma);
            let update = X + (next - raised) * problem.derivative_ve(raised);
            churn.finish(&run, step, churn.evaluation(&run, step), update)
        };
        Ok(churn.trajectory(&run, run.steps().map(evaluation).collect()))
    }
}

/// diffusers' churn: noise is added to the latents after the model has seen them.
fn churned(problem: &Problem, churn: Churn, sigma: f64, next: f64) -> Linear {
    let raised = churn.raised(sigma);
    let noisy = X + churn.noise(sigma) * Z;
    // Noise prediction is scaled by the raised sigma, velocity by the one the model saw.
    let seen = if problem.prediction() == PredictionType::Epsilon { raised } else { sigma };
    let denoised = problem.denoised_ve(seen).with_latents(noisy);
    noisy + (next - raised) / raised * (noisy - denoised)
}
