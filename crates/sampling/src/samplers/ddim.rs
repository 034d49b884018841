//! Denoising Diffusion Implicit Models (Song et al. 2021), as diffusers' `DDIMScheduler`.
//!
//! The previous timestep is always `t - T / n`, which with trailing spacing need not be the next one of the list: kept as it is. In the
//! k-diffusion convention it is A1111's own DDIM (`compvis.rs`).

use super::Sampler;
use super::compvis::{Steps, transferred};
use super::vp::Vp;
use crate::linear::{X, Z};
use crate::problem::Problem;
use crate::schedules::diffusers::integer_timesteps;
use crate::trajectory::{Evaluation, Trajectory};
use crate::{NoiseDraw, SamplingError};

pub(super) struct Ddim;

impl Sampler for Ddim {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let alpha_bars = problem.exact_levels()?.alphas_cumprod();
        let timesteps = integer_timesteps(problem)?;
        let after_last = if problem.config.set_alpha_to_one.unwrap_or(true) { 1.0 } else { alpha_bars[0] };
        let eta = problem.config.eta.unwrap_or(0.0);
        let stride = problem.training.len() / problem.steps;
        let evaluation = |step: usize| {
            let alpha_bar = alpha_bars[timesteps[step]];
            let next = timesteps[step].checked_sub(stride).map_or(after_last, |t| alpha_bars[t]);
            let Vp { alpha, sigma } = Vp::from_alpha_bar(alpha_bar);
            let variance = (1.0 - next) / (1.0 - alpha_bar) * (1.0 - alpha_bar / next);
            let noise = eta * variance.max(0.0).sqrt();
            let direction = (1.0 - next - noise * noise).max(0.0).sqrt();
            let update = next.sqrt() * problem.denoised_vp(alpha, sigma) + direction * problem.noise_vp(alpha, sigma) + noise * Z;
            let draw = if eta > 0.0 { NoiseDraw::Next } else { NoiseDraw::None };
            Evaluation::vp(step, timesteps[step] as f64, alpha, sigma).next(update).draw(draw)
        };
        Ok(Trajectory::new(1.0, (problem.first_step()..problem.steps).map(evaluation).collect()))
    }

    fn k_diffusion(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let steps = Steps::new(problem)?;
        let eta = problem.config.eta.unwrap_or(0.0);
        let evaluation = |number: usize| {
            let (at, next) = steps.levels(number);
            let variance = (1.0 - next) / (1.0 - at) * (1.0 - at / next);
            let noise = eta * variance.max(0.0).sqrt();
            let estimate = steps.noise(problem, number);
            let update = transferred(X, estimate, (at, next), noise) + noise * Z;
            let draw = if eta > 0.0 { NoiseDraw::Next } else { NoiseDraw::None };
            steps.evaluation(number, number).next(update).draw(draw)
        };
        Ok(Trajectory::new(1.0, (0..steps.count()).map(evaluation).collect()))
    }
}
