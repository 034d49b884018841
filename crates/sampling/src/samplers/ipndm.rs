//! Improved PNDM as diffusers' `IPNDMScheduler`: Adams–Bashforth on a cosine schedule of its own, which ignores the model's training betas and
//! prediction type. Made for models trained that way; there is no way to start it from a picture.
//!
//! h1 to h3 hold the last estimates, newest first.

use easel_types::SigmaSchedule;

use super::Sampler;
use crate::SamplingError;
use crate::linear::{H1, H2, H3, M, X};
use crate::problem::Problem;
use crate::trajectory::{Evaluation, Trajectory};

pub(super) struct Ipndm;

impl Sampler for Ipndm {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        if problem.config.schedule != SigmaSchedule::Normal {
            return Err(problem.unsupported("use normal"));
        }
        if problem.strength.is_some() {
            return Err(SamplingError::Unsupported("ipndm cannot start from a picture; use another sampler such as pndm".into()));
        }
        let steps = problem.steps;
        let sigma = |step: usize| (std::f64::consts::FRAC_PI_2 * (steps - step) as f64 / steps as f64).sin().powi(2);
        let alpha = |step: usize| (1.0 - sigma(step).powi(2)).max(0.0).sqrt();
        let evaluation = |step: usize| {
            let (from, to) = ((alpha(step), sigma(step)), (alpha(step + 1), sigma(step + 1)));
            let newest = from.1 * X + from.0 * M;
            let estimate = match step {
                0 => newest,
                1 => (3.0 * newest - H1) / 2.0,
                2 => (23.0 * newest - 16.0 * H1 + 5.0 * H2) / 12.0,
                _ => (55.0 * newest - 59.0 * H1 + 37.0 * H2 - 9.0 * H3) / 24.0,
            };
            let next = to.0 / from.0.max(1e-8) * (X - from.1 * estimate) + to.1 * estimate;
            let timestep = from.1.atan2(from.0) / std::f64::consts::FRAC_PI_2;
            Evaluation::vp(step, timestep, from.0, from.1).next(next).push(newest)
        };
        Ok(Trajectory::new(1.0, (0..steps).map(evaluation).collect()))
    }
}
