//! Ancestral sampling of Ho et al. 2020 with the fixed small variance, as diffusers' `DDPMScheduler`.

use super::Sampler;
use super::vp::Vp;
use crate::linear::{X, Z};
use crate::problem::Problem;
use crate::schedules::diffusers::integer_timesteps;
use crate::trajectory::{Evaluation, Trajectory};
use crate::{NoiseDraw, SamplingError};

/// diffusers' smallest variance.
const SMALLEST_VARIANCE: f64 = 1e-20;

pub(super) struct Ddpm;

impl Sampler for Ddpm {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let alpha_bars = problem.exact_levels()?.alphas_cumprod();
        let timesteps = integer_timesteps(problem)?;
        let evaluation = |step: usize| {
            let alpha_bar = alpha_bars[timesteps[step]];
            let next = timesteps.get(step + 1).map_or(1.0, |&t| alpha_bars[t]);
            let (ratio, noise) = (alpha_bar / next, 1.0 - alpha_bar);
            let Vp { alpha, sigma } = Vp::from_alpha_bar(alpha_bar);
            let picture = next.sqrt() * (1.0 - ratio) / noise;
            let latents = ratio.sqrt() * (1.0 - next) / noise;
            let mean = picture * problem.denoised_vp(alpha, sigma) + latents * X;
            let evaluation = Evaluation::vp(step, timesteps[step] as f64, alpha, sigma);
            if timesteps[step] == 0 {
                return evaluation.next(mean);
            }
            let variance = ((1.0 - next) / noise * (1.0 - ratio)).max(SMALLEST_VARIANCE);
            evaluation.next(mean + variance.sqrt() * Z).draw(NoiseDraw::Next)
        };
        Ok(Trajectory::new(1.0, (problem.first_step()..problem.steps).map(evaluation).collect()))
    }
}
