//! The noise levels one request runs through.

use std::ops::Range;

use crate::trajectory::{Evaluation, Trajectory};
use crate::{NoiseDraw, NoiseLevels};

/// Levels, model times and the part of them that runs; common ground of both conventions.
#[derive(Debug, Clone)]
pub(crate) struct Run<'a> {
    /// The training levels, for model times between the listed ones.
    pub(crate) levels: &'a NoiseLevels,
    /// Model times, one per step.
    pub(crate) timesteps: Vec<f64>,
    /// Sigmas, one more than steps.
    pub(crate) sigmas: Vec<f64>,
    /// The first step that runs; strength skips those before.
    pub(crate) first: usize,
    /// Scale of the initial noise.
    pub(crate) initial_noise: f64,
    /// Range of a Brownian motion over the whole schedule.
    pub(crate) brownian_range: (f64, f64),
}

impl Run<'_> {
    /// The steps that run.
    pub(crate) fn steps(&self) -> Range<usize> {
        self.first..self.timesteps.len()
    }

    /// The sigmas a step goes from and to.
    pub(crate) fn step(&self, step: usize) -> (f64, f64) {
        (self.sigmas[step], self.sigmas[step + 1])
    }

    /// Whether a step is the last one.
    pub(crate) fn is_last(&self, step: usize) -> bool {
        step + 1 == self.timesteps.len()
    }

    /// -ln sigma: the half-logarithm of the signal-to-noise ratio.
    pub(crate) fn lambda(&self, index: usize) -> f64 {
        -self.sigmas[index].ln()
    }

    /// How many of the last `order` levels, this one included, are distinct: coinciding levels have no slope between them.
    pub(crate) fn distinct(&self, step: usize, order: usize) -> usize {
        let order = order.min(step + 1);
        1 + (1..order).take_while(|back| self.sigmas[step - back] > self.sigmas[step + 1 - back]).count()
    }

    /// The evaluation of a step, on latents `x0 + sigma * eps`.
    pub(crate) fn evaluation(&self, step: usize) -> Evaluation {
        Evaluation::ve(step, self.timesteps[step], self.sigmas[step])
    }

    /// A second evaluation of a step, at a sigma within it. Masks join at the step's end, as in diffusers.
    pub(crate) fn evaluation_within(&self, step: usize, sigma: f64) -> Evaluation {
        Evaluation::ve(step, self.levels.timestep_of(sigma), sigma).joins_at(1.0, self.sigmas[step + 1])
    }

    /// A second evaluation of a step, at the sigma it goes to.
    pub(crate) fn evaluation_at_end(&self, step: usize) -> Evaluation {
        let sigma = self.sigmas[step + 1];
        let timestep = self.timesteps.get(step + 1).copied().unwrap_or_else(|| self.levels.timestep_of(sigma));
        Evaluation::ve(step, timestep, sigma)
    }

    /// The trajectory of these evaluations.
    pub(crate) fn trajectory(&self, evaluations: Vec<Evaluation>) -> Trajectory {
        let brownian = evaluations.iter().any(|evaluation| matches!(evaluation.noise(), NoiseDraw::Brownian { .. }));
        let trajectory = Trajectory::new(self.initial_noise, evaluations);
        if brownian { trajectory.with_brownian(self.brownian_range) } else { trajectory }
    }
}

/// The lowest positive and the highest sigma.
pub(crate) fn positive_range(sigmas: &[f64]) -> (f64, f64) {
    let positive = sigmas.iter().copied().filter(|&sigma| sigma > 0.0);
    let (low, high) = positive.fold((f64::INFINITY, 0.0f64), |(low, high), sigma| (low.min(sigma), high.max(sigma)));
    (low.min(high), high)
}
