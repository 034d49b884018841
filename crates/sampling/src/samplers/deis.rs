//! DEIS (Zhang & Chen 2023) in its logarithmic form, as diffusers' `DEISMultistepScheduler`: the polynomial through the last noise estimates
//! in ln sigma, integrated exactly.
//!
//! The last level is never zero. h1 and h2 hold the noise estimated one and two steps ago.

use super::Sampler;
use super::dpmpp_multistep::FEW_STEPS;
use super::vp::Vp;
use crate::SamplingError;
use crate::linear::{H1, H2, Linear, X};
use crate::problem::Problem;
use crate::schedules::diffusers::{LastLevel, solver_run};
use crate::schedules::run::Run;
use crate::trajectory::{Evaluation, Trajectory};

const ORDER: usize = 2;

pub(super) struct Deis;

impl Sampler for Deis {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let run = solver_run(problem, problem.training.plain_levels(), problem.spacing(), LastLevel::Positive)?;
        let evaluation = |step: usize| {
            let at = Vp::from_sigma(run.sigmas[step]);
            let noise = problem.noise_vp(at.alpha, at.sigma);
            let next = update(&run, step, order_at(problem, &run, step), noise);
            Evaluation::vp(step, run.timesteps[step], at.alpha, at.sigma).next(next).keep(1, noise).keep(2, H1)
        };
        Ok(run.trajectory(run.steps().map(evaluation).collect()))
    }
}

fn order_at(problem: &Problem, run: &Run, step: usize) -> usize {
    let order = problem.config.solver_order.map_or(ORDER, |order| order as usize).min(step - run.first + 1);
    let few = problem.steps < FEW_STEPS && problem.config.lower_order_final.unwrap_or(true);
    let order = match problem.steps - 1 - step {
        0 if few => 1,
        1 if few => order.min(2),
        _ => order,
    };
    run.distinct(step, order)
}

fn update(run: &Run, step: usize, order: usize, noise: Linear) -> Linear {
    let (from, to) = run.step(step);
    let alpha = |sigma: f64| Vp::from_sigma(sigma).alpha;
    let level = |back: usize| run.sigmas[step - back];
    let estimates = match order {
        1 => (to - from) * noise,
        2 => {
            let weight = |b, c| second(to, b, c) - second(from, b, c);
            let (v, w) = (from, level(1));
            weight(v, w) * noise + weight(w, v) * H1
        }
        _ => {
            let weight = |b, c, d| third(to, b, c, d) - third(from, b, c, d);
            let (v, w, y) = (from, level(1), level(2));
            weight(v, w, y) * noise + weight(w, y, v) * H1 + weight(y, v, w) * H2
        }
    };
    alpha(to) * (X / alpha(from) + estimates)
}

/// Antiderivative of the linear polynomial in ln t that is 1 at b and 0 at c.
fn second(t: f64, b: f64, c: f64) -> f64 {
    t * (t.ln() - c.ln() - 1.0) / (b.ln() - c.ln())
}

/// Antiderivative of the quadratic polynomial in ln t that is 1 at b and 0 at c and d.
fn third(t: f64, b: f64, c: f64, d: f64) -> f64 {
    let [t_ln, b, c, d] = [t, b, c, d].map(f64::ln);
    t * (c * (d - t_ln + 1.0) - d * t_ln + d + t_ln * t_ln - 2.0 * t_ln + 2.0) / ((b - c) * (b - d))
}
