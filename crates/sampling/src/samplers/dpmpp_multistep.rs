//! The multistep DPM-Solver++ family (Lu et al. 2022): 2M and 3M, as ODE and as SDE, after diffusers' `DPMSolverMultistepScheduler` and
//! k-diffusion's `sample_dpmpp_2m`, `sample_dpmpp_2m_sde` and `sample_dpmpp_3m_sde`.
//!
//! The two libraries share the formulas up to the scale of the latents. h1 and h2 hold the clean pictures predicted one and two steps ago.
//! The order is raised step by step at the start and lowered at the end, where a step to level zero is simply the predicted picture.

use easel_types::Convention;

use super::Sampler;
use super::vp::Vp;
use crate::linear::{H1, H2, Linear, X, Z};
use crate::problem::Problem;
use crate::schedules::diffusers::{LastLevel, solver_run};
use crate::schedules::k_diffusion::k_run;
use crate::schedules::run::Run;
use crate::trajectory::{Evaluation, Trajectory};
use crate::{NoiseDraw, SamplingError, SolverType};

/// A member of the family.
pub(super) struct DpmppMultistep {
    order: usize,
    stochastic: bool,
    heun: bool,
}

pub(super) const DPMPP_2M: DpmppMultistep = DpmppMultistep { order: 2, stochastic: false, heun: false };
pub(super) const DPMPP_2M_SDE: DpmppMultistep = DpmppMultistep { order: 2, stochastic: true, heun: false };
pub(super) const DPMPP_2M_SDE_HEUN: DpmppMultistep = DpmppMultistep { order: 2, stochastic: true, heun: true };
pub(super) const DPMPP_3M: DpmppMultistep = DpmppMultistep { order: 3, stochastic: false, heun: false };
pub(super) const DPMPP_3M_SDE: DpmppMultistep = DpmppMultistep { order: 3, stochastic: true, heun: false };

/// Fewer steps than this end with lower orders (diffusers' `lower_order_final`).
pub(super) const FEW_STEPS: usize = 15;

/// The scalars of one step.
struct Step {
    /// Factor of the latents.
    x: f64,
    /// Scale of the clean picture in the latents.
    alpha: f64,
    noise: f64,
    /// The exponent of the decay: h for the ODE, (1 + eta) h for the SDE.
    span: f64,
    /// Lengths of the last two steps over this one's.
    ratios: [f64; 2],
    order: usize,
    /// The Heun form of the second-order term instead of the midpoint's.
    heun: bool,
    /// The constant in the third-order term.
    third: f64,
}

impl Sampler for DpmppMultistep {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let levels = problem.training.levels(Convention::Diffusers);
        let run = solver_run(problem, levels, problem.spacing(), LastLevel::Training)?;
        let evaluation = |step: usize| {
            let from = Vp::from_sigma(run.sigmas[step]);
            let denoised = problem.denoised_vp(from.alpha, from.sigma);
            let draw = if self.stochastic { NoiseDraw::Next } else { NoiseDraw::None };
            Evaluation::vp(step, run.timesteps[step], from.alpha, from.sigma)
                .next(self.vp_update(problem, &run, step, denoised))
                .keep(1, denoised)
                .keep(2, H1)
                .draw(draw)
        };
        Ok(run.trajectory(run.steps().map(evaluation).collect()))
    }

    fn k_diffusion(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        if self.order == 3 && !self.stochastic {
            return Err(problem.unsupported("use dpmpp_3m_sde with eta 0, or the diffusers convention"));
        }
        let run = k_run(problem);
        let eta = if self.stochastic { problem.config.eta.unwrap_or(1.0) } else { 0.0 };
        let evaluation = |step: usize| {
            let (from, to) = run.step(step);
            let denoised = problem.denoised_ve(from);
            let draw = if eta > 0.0 && to > 0.0 { NoiseDraw::Brownian { from, to } } else { NoiseDraw::None };
            let update = self.ve_update(&run, step, eta, denoised);
            run.evaluation(step).next(update).keep(1, denoised).keep(2, H1).draw(draw)
        };
        Ok(run.trajectory(run.steps().map(evaluation).collect()))
    }
}

impl DpmppMultistep {
    /// diffusers' order of a step.
    fn order_at(&self, problem: &Problem, run: &Run, step: usize) -> usize {
        let few = problem.steps < FEW_STEPS && problem.config.lower_order_final.unwrap_or(true);
        let seen = step - run.first + 1;
        let order = problem.config.solver_order.map_or(self.order, |order| order as usize).min(seen);
        let to_zero = run.sigmas[problem.steps] == 0.0;
        let order = match problem.steps - 1 - step {
            0 if few || to_zero || problem.config.euler_at_final => 1,
            1 if few => order.min(2),
            _ => order,
        };
        run.distinct(step, order)
    }

    fn vp_update(&self, problem: &Problem, run: &Run, step: usize, denoised: Linear) -> Linear {
        let (sigma, next) = run.step(step);
        if next == 0.0 {
            return denoised;
        }
        if next == sigma {
            return X;
        }
        let h = run.lambda(step + 1) - run.lambda(step);
        let eta = if self.stochastic { 1.0 } else { 0.0 };
        let (from, to) = (Vp::from_sigma(sigma), Vp::from_sigma(next));
        let scalars = Step {
            x: to.sigma / from.sigma * (-eta * h).exp(),
            alpha: to.alpha,
            noise: to.sigma * (-(-2.0 * eta * h).exp_m1()).sqrt(),
            span: (1.0 + eta) * h,
            ratios: ratios(run, step, h),
            order: self.order_at(problem, run, step),
            heun: problem.config.solver_type.map_or(self.heun, |kind| kind == SolverType::Heun),
            // diffusers has the other sign in its SDE.
            third: if self.stochastic { -0.5 } else { 0.5 },
        };
        scalars.update(denoised)
    }

    fn ve_update(&self, run: &Run, step: usize, eta: f64, denoised: Linear) -> Linear {
        let (sigma, next) = run.step(step);
        if next == 0.0 {
            return denoised;
        }
        if next == sigma {
            return X;
        }
        let h = run.lambda(step + 1) - run.lambda(step);
        let scalars = Step {
            x: next / sigma * (-eta * h).exp(),
            alpha: 1.0,
            noise: next * (-(-2.0 * eta * h).exp_m1()).sqrt(),
            span: (1.0 + eta) * h,
            ratios: ratios(run, step, h),
            order: run.distinct(step, self.order),
            // 3M SDE takes its second-order step from the same exponential integrals as its third.
            heun: self.heun || self.order == 3,
            third: 0.5,
        };
        scalars.update(denoised)
    }
}

fn ratios(run: &Run, step: usize, h: f64) -> [f64; 2] {
    [1, 2].map(|back| if step >= back { (run.lambda(step + 1 - back) - run.lambda(step - back)) / h } else { 0.0 })
}

impl Step {
    fn update(&self, d0: Linear) -> Linear {
        let decay = (-self.span).exp_m1();
        let base = self.x * X - self.alpha * decay * d0 + self.noise * Z;
        let exponential = decay / self.span + 1.0;
        let [r0, r1] = self.ratios;
        match self.order {
            1 => base,
            2 => {
                let slope = if self.heun { exponential } else { -0.5 * decay };
                base + self.alpha * slope * ((d0 - H1) / r0)
            }
            _ => {
                let (newer, older) = ((d0 - H1) / r0, (H1 - H2) / r1);
                let d1 = newer + r0 / (r0 + r1) * (newer - older);
                let d2 = (newer - older) / (r0 + r1);
                let curvature = (decay + self.span) / (self.span * self.span) - self.third;
                base + self.alpha * exponential * d1 - self.alpha * curvature * d2
            }
        }
    }
}
