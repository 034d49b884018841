//! Churn as k-diffusion does it (Karras et al. 2022, algorithm 2): before the model is asked, the latents are raised to a higher level with
//! fresh noise. The row before has to add it, and the table's start for the first step.

use crate::NoiseDraw;
use crate::linear::{Linear, Z};
use crate::problem::Problem;
use crate::schedules::run::Run;
use crate::trajectory::{Evaluation, Trajectory};

/// How much every level is raised.
#[derive(Debug, Clone, Copy)]
pub(super) struct Churn {
    gamma: f64,
}

impl Churn {
    /// None at all.
    pub(super) const NONE: Churn = Churn { gamma: 0.0 };

    pub(super) fn new(problem: &Problem, steps: usize) -> Self {
        Self { gamma: (problem.config.s_churn / steps as f64).min(std::f64::consts::SQRT_2 - 1.0) }
    }

    pub(super) fn gamma(self) -> f64 {
        self.gamma
    }

    /// The raised level.
    pub(super) fn raised(self, sigma: f64) -> f64 {
        sigma * (1.0 + self.gamma)
    }

    /// The noise that raises a level.
    pub(super) fn noise(self, sigma: f64) -> f64 {
        sigma * ((1.0 + self.gamma).powi(2) - 1.0).sqrt()
    }

    /// A step's first evaluation, at its raised level.
    pub(super) fn evaluation(self, run: &Run, step: usize) -> Evaluation {
        let sigma = run.sigmas[step];
        if self.gamma == 0.0 {
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
        run.trajectory(evaluations).with_churn(self.noise(run.sigmas[run.first.min(run.sigmas.len() - 1)]))
    }
}
