//! Pseudo linear multistep (Liu et al. 2022) without the Runge–Kutta warm-up, as diffusers' `PNDMScheduler` with `skip_prk_steps`.
//!
//! The second timestep is evaluated twice, so there is one evaluation more than steps. h1 to h3 hold the last model outputs, newest first;
//! between the first two evaluations h2 holds the latents both start from. With strength below 1 the list is cut and the warm-up starts
//! over, so that its second evaluation is whatever comes next in the list: diffusers does so.
//!
//! In the k-diffusion convention it is A1111's own PLMS (`compvis.rs`): its first step is Heun's, over the first two timesteps.

use super::Sampler;
use super::compvis::{Steps, transferred};
use super::vp::Vp;
use crate::linear::{H1, H2, H3, Linear, M, X};
use crate::problem::Problem;
use crate::schedules::diffusers::integer_timesteps;
use crate::trajectory::{Evaluation, Trajectory};
use crate::{PredictionType, SamplingError};

pub(super) struct Pndm;

impl Sampler for Pndm {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let mut timesteps = integer_timesteps(problem)?;
        if problem.steps > 1 {
            timesteps.insert(1, timesteps[1]);
        }
        let transfer = Transfer::new(problem);
        let stride = (problem.training.len() / problem.steps) as i64;
        let first = problem.first_step();
        let remaining = if first == problem.steps { &[] } else { &timesteps[first..] };
        let evaluation = |(count, &timestep): (usize, &usize)| {
            let t = timestep as i64;
            let Vp { alpha, sigma } = Vp::from_alpha_bar(transfer.alpha_bar(t));
            // The doubled evaluation belongs to the step before it.
            let evaluation = Evaluation::vp(count.saturating_sub(1), timestep as f64, alpha, sigma);
            match count {
                0 => evaluation.next(transfer.update(X, t, t - stride, M)).keep(1, M).keep(2, X),
                1 => evaluation.next(transfer.update(H2, t + stride, t, (M + H1) / 2.0)),
                _ => evaluation.next(transfer.update(X, t, t - stride, multistep(count))).push(M),
            }
        };
        Ok(Trajectory::new(1.0, remaining.iter().enumerate().map(evaluation).collect()))
    }

    fn k_diffusion(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let steps = Steps::new(problem)?;
        let mut evaluations = Vec::with_capacity(steps.count() + 1);
        for number in 0..steps.count() {
            let levels = steps.levels(number);
            let estimate = steps.noise(problem, number);
            let evaluation = steps.evaluation(number, number);
            if number > 0 {
                // History holds estimates of the noise, not outputs: for a velocity they differ.
                let next = transferred(X, multistep(number + 1).with_output(estimate), levels, 0.0);
                evaluations.push(evaluation.next(next).push(estimate));
                continue;
            }
            evaluations.push(evaluation.next(transferred(X, estimate, levels, 0.0)).keep(1, estimate).keep(2, X));
            let mean = (steps.noise(problem, 1) + H1) / 2.0;
            evaluations.push(steps.evaluation(1, 0).next(transferred(H2, mean, levels, 0.0)));
        }
        Ok(Trajectory::new(1.0, evaluations))
    }
}

/// Adams–Bashforth weights; the repeated evaluation does not count.
fn multistep(count: usize) -> Linear {
    match count {
        2 => (3.0 * M - H1) / 2.0,
        3 => (23.0 * M - 16.0 * H1 + 5.0 * H2) / 12.0,
        _ => (55.0 * M - 59.0 * H1 + 37.0 * H2 - 9.0 * H3) / 24.0,
    }
}

/// Equation 9 of the paper: from one timestep to another along a noise estimate.
struct Transfer<'a> {
    alpha_bars: &'a [f64],
    after_last: f64,
    prediction: PredictionType,
}

impl<'a> Transfer<'a> {
    fn new(problem: &Problem<'a>) -> Self {
        let alpha_bars = problem.training.plain_levels().alphas_cumprod();
        let after_last = if problem.config.set_alpha_to_one.unwrap_or(false) { 1.0 } else { alpha_bars[0] };
        Self { alpha_bars, after_last, prediction: problem.prediction() }
    }

    fn alpha_bar(&self, timestep: i64) -> f64 {
        match usize::try_from(timestep) {
            Ok(index) => self.alpha_bars[index.min(self.alpha_bars.len() - 1)],
            Err(_) => self.after_last,
        }
    }

    fn update(&self, latents: Linear, from: i64, to: i64, output: Linear) -> Linear {
        let (at, next) = (self.alpha_bar(from), self.alpha_bar(to));
        let Vp { alpha, sigma } = Vp::from_alpha_bar(at);
        let noise = match self.prediction {
            PredictionType::VPrediction => alpha * output + sigma * latents,
            PredictionType::Sample => (latents - alpha * output) / sigma,
            PredictionType::Epsilon | PredictionType::Flow => output,
        };
        let divisor = at * (1.0 - next).sqrt() + (at * (1.0 - at) * next).sqrt();
        (next / at).sqrt() * latents - (next - at) / divisor * noise
    }
}
