//! DPM-Solver++(2S) with ancestral noise (k-diffusion's `sample_dpmpp_2s_ancestral`): two evaluations a step.
//!
//! h1 holds the latents a step started from.

use super::Sampler;
use super::ancestral::ancestral_step;
use crate::linear::{H1, X, Z};
use crate::problem::Problem;
use crate::schedules::k_diffusion::k_run;
use crate::schedules::run::Run;
use crate::trajectory::{Evaluation, Trajectory};
use crate::{NoiseDraw, SamplingError};

pub(super) struct Dpmpp2sAncestral;

impl Sampler for Dpmpp2sAncestral {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        Err(problem.unsupported("use the k_diffusion convention, or dpmpp_2s"))
    }

    fn k_diffusion(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let run = k_run(problem);
        Ok(run.trajectory(run.steps().flat_map(|step| evaluations(problem, &run, step)).collect()))
    }
}

fn evaluations(problem: &Problem, run: &Run, step: usize) -> Vec<Evaluation> {
    let (sigma, next) = run.step(step);
    let (down, up) = ancestral_step(sigma, next, problem.config.eta.unwrap_or(1.0));
    if down == 0.0 {
        return vec![run.evaluation(step).next(X - sigma * problem.derivative_ve(sigma))];
    }
    let h = (sigma / down).ln();
    let middle = (sigma * down).sqrt();
    let first = middle / sigma * X - (-h / 2.0).exp_m1() * problem.denoised_ve(sigma);
    let second = down / sigma * H1 - (-h).exp_m1() * problem.denoised_ve(middle) + up * Z;
    vec![run.evaluation(step).next(first).keep(1, X), run.evaluation_within(step, middle).next(second).draw(NoiseDraw::Next)]
}
