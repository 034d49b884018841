//! DPM-Solver-2 as k-diffusion writes it (`sample_dpm_2`, `sample_dpm_2_ancestral`): a midpoint step in ln sigma, two evaluations a step.
//!
//! h1 holds the latents a step started from.

use super::Sampler;
use super::ancestral::ancestral_step;
use super::churn::Churn;
use crate::linear::{H1, X, Z};
use crate::problem::Problem;
use crate::schedules::diffusers::{ModelTime, ve_run};
use crate::schedules::k_diffusion::k_run;
use crate::schedules::run::Run;
use crate::trajectory::{Evaluation, Trajectory};
use crate::{NoiseDraw, SamplingError};

/// With or without ancestral noise.
pub(super) struct Dpm2 {
    pub(super) ancestral: bool,
}

impl Sampler for Dpm2 {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let run = ve_run(problem, problem.training.plain_levels(), ModelTime::RoundedKarras)?;
        Ok(run.trajectory(run.steps().flat_map(|step| self.evaluations(problem, &run, Churn::NONE, step)).collect()))
    }

    fn k_diffusion(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let run = k_run(problem);
        // The ancestral variant has noise of its own.
        let churn = if self.ancestral { Churn::NONE } else { Churn::new(problem, run.steps().len()) };
        let evaluations = run.steps().flat_map(|step| self.evaluations(problem, &run, churn, step)).collect();
        Ok(churn.trajectory(&run, evaluations))
    }
}

impl Dpm2 {
    fn evaluations(&self, problem: &Problem, run: &Run, churn: Churn, step: usize) -> Vec<Evaluation> {
        let (sigma, next) = run.step(step);
        let raised = churn.raised(sigma);
        let eta = if self.ancestral { problem.config.eta.unwrap_or(1.0) } else { 0.0 };
        let (down, up) = ancestral_step(raised, next, eta);
        let derivative = problem.derivative_ve(raised);
        let first = churn.evaluation(run, step);
        if down == 0.0 {
            return vec![first.next(X + (down - raised) * derivative)];
        }
        let middle = (raised * down).sqrt();
        let second = run.evaluation_within(step, middle);
        let update = H1 + (down - raised) * problem.derivative_ve(middle);
        let second = match self.ancestral {
            true => second.next(update + up * Z).draw(NoiseDraw::Next),
            false => churn.finish(run, step, second, update),
        };
        vec![first.next(X + (middle - raised) * derivative).keep(1, X), second]
    }
}
