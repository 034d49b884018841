//! Trajectory consistency distillation (Zheng et al. 2024), as diffusers' `TCDScheduler`; `eta` is the paper's gamma.
//!
//! Without eta it is deterministic, which is what diffusers' pipelines do unless told otherwise.

use super::Sampler;
use super::lcm::distilled_timesteps;
use super::vp::Vp;
use crate::linear::Z;
use crate::problem::Problem;
use crate::trajectory::{Evaluation, Trajectory};
use crate::{NoiseDraw, SamplingError};

pub(super) struct Tcd;

impl Sampler for Tcd {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let alpha_bars = problem.exact_levels()?.alphas_cumprod();
        let timesteps = distilled_timesteps(problem)?;
        let eta = problem.config.eta.unwrap_or(0.0);
        let evaluation = |step: usize| {
            let Vp { alpha, sigma } = Vp::from_alpha_bar(alpha_bars[timesteps[step]]);
            let next = timesteps.get(step + 1).copied();
            let between = ((1.0 - eta) * next.unwrap_or(0) as f64).floor() as usize;
            let target = Vp::from_alpha_bar(alpha_bars[between]);
            let jump = target.alpha * problem.denoised_vp(alpha, sigma) + target.sigma * problem.noise_vp(alpha, sigma);
            let evaluation = Evaluation::vp(step, timesteps[step] as f64, alpha, sigma);
            match next {
                Some(next) if eta > 0.0 => {
                    let ratio = alpha_bars[next] / alpha_bars[between];
                    evaluation.next(ratio.sqrt() * jump + (1.0 - ratio).max(0.0).sqrt() * Z).draw(NoiseDraw::Next)
                }
                _ => evaluation.next(jump),
            }
        };
        Ok(Trajectory::new(1.0, (problem.first_step()..problem.steps).map(evaluation).collect()))
    }
}
