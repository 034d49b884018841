//! The timesteps of A1111's own samplers, DDIM and PLMS (`sd_samplers_timesteps.py`): every `T / n`-th one from 1 on, over the noise levels of
//! LDM's table rather than diffusers'.
//!
//! One evaluation fewer runs than there are timesteps, so that the latents end at the level of the first. A start picture joins at one
//! timestep further than the first that is evaluated. Both are A1111's, and kept.

use easel_types::Convention;

use super::vp::Vp;
use crate::SamplingError;
use crate::linear::Linear;
use crate::problem::Problem;
use crate::trajectory::Evaluation;

/// The timesteps a request runs through.
pub(super) struct Steps<'a> {
    alpha_bars: &'a [f64],
    /// Ascending; the last one runs first.
    timesteps: Vec<usize>,
    /// Where a start picture joins.
    start: Option<usize>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(problem: &Problem<'a>) -> Result<Self, SamplingError> {
        let alpha_bars = problem.training.levels(Convention::KDiffusion).alphas_cumprod();
        let steps = problem.steps + usize::from(problem.config.discard_next_to_last_sigma.unwrap_or(false));
        let last = alpha_bars.len() - 1;
        let stride = (alpha_bars.len() / steps).max(1);
        let mut timesteps: Vec<usize> = (0..alpha_bars.len()).step_by(stride).map(|t| (t + 1).min(last)).collect();
        let start = problem.encoded().map(|encoded| {
            let start = timesteps[encoded.min(timesteps.len() - 1)];
            timesteps.truncate(encoded);
            start
        });
        if timesteps.len() < 2 && start.is_none() {
            let expected = "2 or more: this sampler runs one evaluation fewer than it has timesteps";
            return Err(SamplingError::OutOfRange { name: "num_inference_steps", expected, got: problem.steps.to_string() });
        }
        Ok(Self { alpha_bars, timesteps, start })
    }

    /// How many steps run.
    pub(super) fn count(&self) -> usize {
        self.timesteps.len().saturating_sub(1)
    }

    /// The cumulative products that step `number` goes from and to.
    pub(super) fn levels(&self, number: usize) -> (f64, f64) {
        (self.alpha_bars[self.timestep(number)], self.alpha_bars[self.timestep(number + 1)])
    }

    /// An evaluation at the beginning of step `number`, as a part of step `step`.
    pub(super) fn evaluation(&self, number: usize, step: usize) -> Evaluation {
        let timestep = self.timestep(number);
        let Vp { alpha, sigma } = Vp::from_alpha_bar(self.alpha_bars[timestep]);
        let evaluation = Evaluation::vp(step, timestep as f64, alpha, sigma);
        match self.start.filter(|_| number == 0) {
            None => evaluation,
            Some(start) => {
                let Vp { alpha, sigma } = Vp::from_alpha_bar(self.alpha_bars[start]);
                evaluation.joins_at(alpha, sigma)
            }
        }
    }

    /// The estimate of the noise at the beginning of step `number`.
    pub(super) fn noise(&self, problem: &Problem, number: usize) -> Linear {
        let Vp { alpha, sigma } = Vp::from_alpha_bar(self.alpha_bars[self.timestep(number)]);
        problem.noise_vp(alpha, sigma)
    }

    fn timestep(&self, number: usize) -> usize {
        self.timesteps[self.timesteps.len() - 1 - number]
    }
}

/// Latents from one level to another along an estimate of the noise, a part of which is left to fresh noise of this deviation.
pub(super) fn transferred(latents: Linear, estimate: Linear, (at, next): (f64, f64), noise: f64) -> Linear {
    let denoised = (latents - (1.0 - at).sqrt() * estimate) / at.sqrt();
    next.sqrt() * denoised + (1.0 - next - noise * noise).max(0.0).sqrt() * estimate
}
