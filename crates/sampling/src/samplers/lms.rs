//! Linear multistep of order 4 (k-diffusion's `sample_lms`): the integral of the polynomial through the last derivatives.
//!
//! h1 to h3 hold the derivatives of the last three steps, newest first.

use super::Sampler;
use crate::SamplingError;
use crate::linear::{H1, H2, H3, X};
use crate::problem::Problem;
use crate::schedules::diffusers::{ModelTime, ve_run};
use crate::schedules::k_diffusion::k_run;
use crate::schedules::run::Run;
use crate::trajectory::Trajectory;

const ORDER: usize = 4;

pub(super) struct Lms;

impl Sampler for Lms {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        Ok(trajectory(problem, &ve_run(problem, problem.training.plain_levels(), ModelTime::Fractional)?))
    }

    fn k_diffusion(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        Ok(trajectory(problem, &k_run(problem)))
    }
}

fn trajectory(problem: &Problem, run: &Run) -> Trajectory {
    let evaluation = |step: usize| {
        let derivative = problem.derivative_ve(run.sigmas[step]);
        let stored = [derivative, H1, H2, H3];
        // diffusers counts skipped img2img steps too, and leaves out the terms whose derivatives it does not have.
        let order = run.distinct(step, ORDER);
        let seen = order.min(step - run.first + 1);
        let update = (0..seen).fold(X, |sum, back| sum + coefficient(&run.sigmas, step, order, back) * stored[back]);
        run.evaluation(step).next(update).push(derivative)
    };
    run.trajectory(run.steps().map(evaluation).collect())
}

/// The integral over the step of the Lagrange polynomial that is 1 at `sigmas[step - back]`.
fn coefficient(sigmas: &[f64], step: usize, order: usize, back: usize) -> f64 {
    let polynomial = |tau: f64| -> f64 {
        let others = (0..order).filter(|&other| other != back);
        others.map(|other| (tau - sigmas[step - other]) / (sigmas[step - back] - sigmas[step - other])).product()
    };
    // Two Gauss–Legendre points are exact for the cubic polynomials of order 4.
    let (middle, half) = ((sigmas[step] + sigmas[step + 1]) / 2.0, (sigmas[step + 1] - sigmas[step]) / 2.0);
    let point = half / 3f64.sqrt();
    half * (polynomial(middle - point) + polynomial(middle + point))
}
