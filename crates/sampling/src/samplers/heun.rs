//! Heun's second-order method (Karras et al. 2022, algorithm 2): two evaluations a step, the last step one.
//!
//! h1 holds the latents a step started from, h2 its first derivative.

use super::Sampler;
use super::churn::Churn;
use crate::SamplingError;
use crate::linear::{H1, H2, X};
use crate::problem::Problem;
use crate::schedules::diffusers::{ModelTime, ve_run};
use crate::schedules::k_diffusion::k_run;
use crate::schedules::run::Run;
use crate::trajectory::{Evaluation, Trajectory};

pub(super) struct Heun;

impl Sampler for Heun {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let run = ve_run(problem, problem.training.plain_levels(), ModelTime::Fractional)?;
        Ok(run.trajectory(run.steps().flat_map(|step| evaluations(problem, &run, Churn::NONE, step)).collect()))
    }

    fn k_diffusion(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let run = k_run(problem);
        let churn = Churn::new(problem, run.steps().len());
        let evaluations = run.steps().flat_map(|step| evaluations(problem, &run, churn, step)).collect();
        Ok(churn.trajectory(&run, evaluations))
    }
}

fn evaluations(problem: &Problem, run: &Run, churn: Churn, step: usize) -> Vec<Evaluation> {
    let (sigma, next) = run.step(step);
    let raised = churn.raised(sigma);
    let span = next - raised;
    let first = problem.derivative_ve(raised);
    let euler = churn.evaluation(run, step).next(X + span * first);
    if next == 0.0 {
        return vec![euler];
    }
    let slope = (H2 + problem.derivative_ve(next)) / 2.0;
    let corrected = churn.finish(run, step, run.evaluation_at_end(step), H1 + span * slope);
    vec![euler.keep(1, X).keep(2, first), corrected]
}
