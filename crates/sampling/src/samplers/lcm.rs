//! Latent consistency models (Luo et al. 2023): every step predicts the picture and noises it again to the next level.
//!
//! diffusers' `LCMScheduler` steps through the fifty timesteps the models were distilled on; k-diffusion hosts use any schedule.

use easel_types::SigmaSchedule;

use super::Sampler;
use super::vp::Vp;
use crate::linear::{X, Z};
use crate::problem::Problem;
use crate::schedules::k_diffusion::k_run;
use crate::trajectory::{Evaluation, Trajectory};
use crate::{NoiseDraw, SamplingError};

/// Timesteps the models were distilled on.
const DISTILLED_STEPS: usize = 50;
/// Scale of timesteps in the boundary condition.
const TIMESTEP_SCALING: f64 = 10.0;
/// Standard deviation of the data, squared.
const DATA_VARIANCE: f64 = 0.25;

pub(super) struct Lcm;

impl Sampler for Lcm {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let alpha_bars = problem.exact_levels()?.alphas_cumprod();
        let timesteps = distilled_timesteps(problem)?;
        let evaluation = |step: usize| {
            let Vp { alpha, sigma } = Vp::from_alpha_bar(alpha_bars[timesteps[step]]);
            let scaled = TIMESTEP_SCALING * timesteps[step] as f64;
            let skip = DATA_VARIANCE / (scaled * scaled + DATA_VARIANCE);
            let out = scaled / (scaled * scaled + DATA_VARIANCE).sqrt();
            let denoised = out * problem.denoised_vp(alpha, sigma) + skip * X;
            let evaluation = Evaluation::vp(step, timesteps[step] as f64, alpha, sigma);
            match timesteps.get(step + 1).map(|&next| Vp::from_alpha_bar(alpha_bars[next])) {
                None => evaluation.next(denoised),
                Some(next) => evaluation.next(next.alpha * denoised + next.sigma * Z).draw(NoiseDraw::Next),
            }
        };
        Ok(Trajectory::new(1.0, (problem.first_step()..problem.steps).map(evaluation).collect()))
    }

    fn k_diffusion(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let run = k_run(problem);
        let evaluation = |step: usize| {
            let (sigma, next) = run.step(step);
            let draw = if next > 0.0 { NoiseDraw::Next } else { NoiseDraw::None };
            run.evaluation(step).next(problem.denoised_ve(sigma) + next * Z).draw(draw)
        };
        Ok(run.trajectory(run.steps().map(evaluation).collect()))
    }
}

/// Descending timesteps among those of the distillation; shared with TCD.
pub(super) fn distilled_timesteps(problem: &Problem) -> Result<Vec<usize>, SamplingError> {
    if problem.config.schedule != SigmaSchedule::Normal {
        return Err(problem.unsupported("use normal"));
    }
    if problem.steps > DISTILLED_STEPS || problem.training.len() < DISTILLED_STEPS {
        let got = problem.steps.to_string();
        return Err(SamplingError::OutOfRange { name: "num_inference_steps", expected: "1 to 50 for lcm and tcd", got });
    }
    let stride = problem.training.len() / DISTILLED_STEPS;
    let spread = DISTILLED_STEPS as f64 / problem.steps as f64;
    let at = |step: usize| (DISTILLED_STEPS - (step as f64 * spread) as usize) * stride - 1;
    Ok((0..problem.steps).map(at).collect())
}
