//! DPM-Solver++ SDE (k-diffusion's `sample_dpmpp_sde`, diffusers' `DPMSolverSDEScheduler`): two evaluations a step, each with noise of the
//! request's Brownian motion.
//!
//! h1 holds the latents a step started from.

use super::Sampler;
use super::ancestral::ancestral_step;
use crate::linear::{H1, Linear, X, Z};
use crate::problem::Problem;
use crate::schedules::diffusers::{ModelTime, ve_run};
use crate::schedules::k_diffusion::k_run;
use crate::schedules::run::Run;
use crate::trajectory::{Evaluation, Trajectory};
use crate::{NoiseDraw, SamplingError};

pub(super) struct DpmppSde;

impl Sampler for DpmppSde {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        Ok(trajectory(problem, &ve_run(problem, problem.training.plain_levels(), ModelTime::Fractional)?))
    }

    fn k_diffusion(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        Ok(trajectory(problem, &k_run(problem)))
    }
}

fn trajectory(problem: &Problem, run: &Run) -> Trajectory {
    run.trajectory(run.steps().flat_map(|step| evaluations(problem, run, step)).collect())
}

fn evaluations(problem: &Problem, run: &Run, step: usize) -> Vec<Evaluation> {
    let (sigma, next) = run.step(step);
    let denoised = problem.denoised_ve(sigma);
    if next == 0.0 {
        return vec![run.evaluation(step).next(denoised)];
    }
    let eta = problem.config.eta.unwrap_or(1.0);
    let update = |base: Linear, to: f64, denoised: Linear| {
        let (down, up) = ancestral_step(sigma, to, eta);
        down / sigma * base + (1.0 - down / sigma) * denoised + up * Z
    };
    let middle = (sigma * next).sqrt();
    let [from, half, whole] = motion_times(sigma, next);
    vec![
        run.evaluation(step).next(update(X, middle, denoised)).keep(1, X).draw(NoiseDraw::Brownian { from, to: half }),
        run.evaluation_within(step, middle)
            .next(update(H1, next, problem.denoised_ve(middle)))
            .draw(NoiseDraw::Brownian { from, to: whole }),
    ]
}

/// Start, middle and end of a step as times of the Brownian motion. Both libraries pass sigmas through a float32 logarithm and back, and
/// the motion is rough enough to tell the last bit.
fn motion_times(sigma: f64, next: f64) -> [f64; 3] {
    let ln = |sigma: f64| -(sigma.ln() as f32);
    let (t, end) = (ln(sigma), ln(next));
    [t, t + (end - t) * 0.5, end].map(|t| f64::from(f64::from(-t).exp() as f32))
}
