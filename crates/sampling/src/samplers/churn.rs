//! Churn as k-diffusion does it (Karras et al. 2022, algorithm 2): before the model is asked, the latents are raised to a higher level with
//! fresh noise. The row before has to add it, and the table's start for the first step.

use crate::NoiseDraw;
use crate::linear::{Linear, Z};
use crate::problem::Problem;
use crate::schedules::run::Run;
use crate::trajectory::{Evaluation, Trajectory};

/// A draw whose noise is not added: k-diffusion draws in every step, and what follows must find the stream where it would be there. As an f32
/// it is zero.
const DRAWN_FOR_NOTHING: f64 = f64::MIN_POSITIVE;

/// How much the levels of a range are raised.
#[derive(Debug, Clone, Copy)]
pub(super) struct Churn {
    gamma: f64,
    low: f64,
    high: f64,
}

impl Churn {
    /// None at all.
    pub(super) const NONE: Churn = Churn { gamma: 0.0, low: 0.0, high: f64::INFINITY };

    /// As a request says, in k-diffusion's terms; diffusers' have no range.
    pub(super) fn new(problem: &Problem, steps: usize) -> Self {
        let config = problem.config;
        let gamma = (config.s_churn / steps as f64).min(std::f64::consts::SQRT_2 - 1.0);
        let high = config.s_tmax.filter(|high| *high > 0.0).unwrap_or(f64::INFINITY);
        Self { gamma, low: config.s_tmin, high }
    }

    /// By which share a level is raised.
    pub(super) fn gamma(self, sigma: f64) -> f64 {
        if (self.low..=self.high).contains(&sigma) { self.gamma } else { 0.0 }
    }

    /// The raised level.
    pub(super) fn raised(self, sigma: f64) -> f64 {
        sigma * (1.0 + self.gamma(sigma))
    }

    /// The noise that raises a level.
    pub(super) fn noise(self, sigma: f64) -> f64 {
        sigma * ((1.0 + self.gamma(sigma)).powi(2) - 1.0).sqrt()
    }

    /// A step's first evaluation, at its raised level.
    pub(super) fn evaluation(self, run: &Run, step: usize) -> Evaluation {
        let sigma = run.sigmas[step];
        if self.gamma(sigma) == 0.0 {
            return run.evaluation(step);
        }
        let raised = self.raised(sigma);
        let evaluation = Evaluation::ve(step, run.levels.timestep_of(raised), raised);
        // The start adds its churn as a draw of its own.
        if step == run.first { evaluation.joins_at(1.0, sigma) } else { evaluation }
    }

    /// Ends a step with this update and raises the next level.
    pub(super) fn finish(self, run: &Run, step: usize, evaluation: Evaluation, update: Linear) -> Evaluation {
        if self.gamma == 0.0 || run.is_last(step) {
            return evaluation.next(update);
        }
        evaluation.next(update + self.noise(run.sigmas[step + 1]) * Z).draw(NoiseDraw::Next)
    }

    /// The trajectory of these evaluations, the first level raised.
    pub(super) fn trajectory(self, run: &Run, evaluations: Vec<Evaluation>) -> Trajectory {
        let first = self.noise(run.sigmas[run.first.min(run.sigmas.len() - 1)]);
        let churn = if self.gamma == 0.0 { 0.0 } else { first.max(DRAWN_FOR_NOTHING) };
        run.trajectory(evaluations).with_churn(churn)
    }
}
