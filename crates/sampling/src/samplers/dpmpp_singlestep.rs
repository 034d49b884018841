//! DPM-Solver++ singlestep of order 2 and 3 (Lu et al. 2022), as diffusers' `DPMSolverSinglestepScheduler`: steps go in groups, and every
//! step of a group starts again from where the group did.
//!
//! h1 holds the group's first latents, h2 its first predicted picture, h3 its second.

use easel_types::{SigmaSchedule, TimestepSpacing};

use super::Sampler;
use super::vp::Vp;
use crate::linear::{H1, H2, H3, Linear, X};
use crate::problem::Problem;
use crate::schedules::diffusers::{LastLevel, solver_run};
use crate::schedules::run::Run;
use crate::trajectory::{Evaluation, Trajectory};
use crate::{SamplingError, SolverType};

/// Of order 2 or 3.
pub(super) struct DpmppSinglestep {
    pub(super) order: usize,
}

impl Sampler for DpmppSinglestep {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        if problem.config.schedule == SigmaSchedule::SgmUniform {
            return Err(problem.unsupported("use normal, or dpmpp_2m"));
        }
        // The class has no timestep spacing.
        let run = solver_run(problem, problem.training.plain_levels(), TimestepSpacing::Linspace, LastLevel::Training)?;
        let order = problem.config.solver_order.map_or(self.order, |order| order as usize);
        let orders = orders(problem, order);
        let mut group = run.first;
        let evaluation = |step: usize| {
            let from = Vp::from_sigma(run.sigmas[step]);
            let denoised = problem.denoised_vp(from.alpha, from.sigma);
            // A start inside a group, or levels that coincide, make a shorter group.
            let order = orders[step].min(step - group + 1);
            let order = if run.distinct(step, order) < order { 1 } else { order };
            if order == 1 {
                group = step;
            }
            let evaluation = Evaluation::vp(step, run.timesteps[step], from.alpha, from.sigma);
            let evaluation = evaluation.next(update(problem, &run, step, order, denoised));
            match order {
                1 => evaluation.keep(1, X).keep(2, denoised),
                2 => evaluation.keep(3, denoised),
                _ => evaluation,
            }
        };
        Ok(run.trajectory(run.steps().map(evaluation).collect()))
    }
}

/// The place of every step in its group, from 1.
fn orders(problem: &Problem, order: usize) -> Vec<usize> {
    let (steps, to_zero) = (problem.steps, !problem.ends_at_sigma_min());
    let lower_at_end = to_zero || !steps.is_multiple_of(order) || problem.config.lower_order_final.unwrap_or(false);
    let mut orders: Vec<usize> = (0..steps).map(|step| step % order + 1).collect();
    if lower_at_end && steps.is_multiple_of(order) {
        // The last group ends one order lower, so that its final step has order 1.
        orders[steps - 1] = 1;
    }
    if to_zero {
        orders[steps - 1] = 1;
    }
    orders
}

fn update(problem: &Problem, run: &Run, step: usize, order: usize, denoised: Linear) -> Linear {
    let next = run.sigmas[step + 1];
    if next == 0.0 {
        return denoised;
    }
    let first = step + 1 - order;
    let base = Vp::from_sigma(run.sigmas[first]);
    let to = Vp::from_sigma(next);
    let h = run.lambda(step + 1) - run.lambda(first);
    if h == 0.0 {
        return X;
    }
    let decay = (-h).exp_m1();
    let exponential = decay / h + 1.0;
    let heun = problem.config.solver_type == Some(SolverType::Heun);
    if order == 1 {
        return to.sigma / base.sigma * X - to.alpha * decay * denoised;
    }
    let start = to.sigma / base.sigma * H1 - to.alpha * decay * H2;
    let ratio = |index: usize| (run.lambda(index) - run.lambda(first)) / h;
    let slope = (denoised - H2) / ratio(step);
    match (order, heun) {
        (2, false) => start - 0.5 * to.alpha * decay * slope,
        (2, true) | (_, false) => start + to.alpha * exponential * slope,
        _ => {
            let (r0, r1) = (ratio(step), ratio(step - 1));
            let middle = (H3 - H2) / r1;
            let d1 = (r0 * middle - r1 * slope) / (r0 - r1);
            let d2 = 2.0 * (slope - middle) / (r0 - r1);
            start + to.alpha * exponential * d1 - to.alpha * ((decay + h) / (h * h) - 0.5) * d2
        }
    }
}
