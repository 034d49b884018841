//! UniPC (Zhao et al. 2023): a predictor like DPM-Solver++ and a corrector that uses the next evaluation, as diffusers'
//! `UniPCMultistepScheduler`.
//!
//! The corrector of a step is applied in the row of the next one, before its predictor. h1 to h3 hold the last predicted pictures, newest
//! first. The latents before the last predictor are not stored but recovered from its (invertible) coefficients, which leaves room for
//! order 3.

use easel_types::Convention;

use super::Sampler;
use super::vp::Vp;
use crate::linear::{H1, H2, H3, Linear, X, ZERO};
use crate::problem::Problem;
use crate::schedules::diffusers::{LastLevel, solver_run};
use crate::schedules::run::Run;
use crate::trajectory::{Evaluation, Trajectory};
use crate::{SamplingError, SolverType};

const ORDER: usize = 2;
const HISTORY: [Linear; 3] = [H1, H2, H3];

pub(super) struct UniPc;

/// A predictor `x' = latents * x + sum(pictures * D)` with the newest D first.
struct Predictor {
    order: usize,
    latents: f64,
    pictures: [f64; 3],
}

impl Sampler for UniPc {
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        let levels = problem.training.levels(Convention::Diffusers);
        let run = solver_run(problem, levels, problem.spacing(), LastLevel::Repeated)?;
        let bh1 = problem.config.solver_type == Some(SolverType::Bh1);
        let mut previous: Option<Predictor> = None;
        let evaluation = |step: usize| {
            let at = Vp::from_sigma(run.sigmas[step]);
            let denoised = problem.denoised_vp(at.alpha, at.sigma);
            let corrected = previous.as_ref().map_or(X, |predictor| corrected(&run, step, predictor, denoised, bh1));
            let predictor = predictor(problem, &run, step, bh1);
            let [newest, middle, oldest] = predictor.pictures;
            let next = predictor.latents * corrected + newest * denoised + middle * H1 + oldest * H2;
            previous = Some(predictor);
            Evaluation::vp(step, run.timesteps[step], at.alpha, at.sigma).next(next).push(denoised)
        };
        Ok(run.trajectory(run.steps().map(evaluation).collect()))
    }
}

fn order_at(problem: &Problem, run: &Run, step: usize) -> usize {
    let order = problem.config.solver_order.map_or(ORDER, |order| order as usize);
    let lower_at_end = problem.config.lower_order_final.unwrap_or(true);
    let order = if lower_at_end { order.min(problem.steps - step) } else { order };
    run.distinct(step, order.min(step - run.first + 1))
}

fn predictor(problem: &Problem, run: &Run, step: usize, bh1: bool) -> Predictor {
    let (sigma, next) = run.step(step);
    if next == 0.0 {
        return Predictor { order: 1, latents: 0.0, pictures: [1.0, 0.0, 0.0] };
    }
    if next == sigma {
        return Predictor { order: 0, latents: 1.0, pictures: [0.0; 3] };
    }
    let order = order_at(problem, run, step);
    let system = System::new(run, step, order, bh1);
    let weights = match order {
        1 => vec![],
        2 => vec![0.5],
        _ => system.solve(order - 1),
    };
    let to = Vp::from_sigma(next);
    let mut pictures = [-to.alpha * system.decay, 0.0, 0.0];
    for (k, weight) in weights.into_iter().enumerate() {
        let change = to.alpha * system.scale * weight / system.ratios[k];
        pictures[0] += change;
        pictures[k + 1] -= change;
    }
    Predictor { order, latents: to.sigma / Vp::from_sigma(sigma).sigma, pictures }
}

/// The latents of a step, corrected with the picture predicted from them.
fn corrected(run: &Run, step: usize, predictor: &Predictor, denoised: Linear, bh1: bool) -> Linear {
    // Nothing was predicted where two levels coincide.
    if predictor.order == 0 {
        return X;
    }
    let predicted = predictor.pictures.iter().zip(HISTORY).fold(ZERO, |sum, (&weight, picture)| sum + weight * picture);
    let before = (X - predicted) / predictor.latents;
    let system = System::new(run, step - 1, predictor.order, bh1);
    let weights = if predictor.order == 1 { vec![0.5] } else { system.solve(predictor.order) };
    let to = Vp::from_sigma(run.sigmas[step]);
    let mut correction = ZERO;
    for (k, weight) in weights.into_iter().enumerate() {
        // The last of them looks ahead to the new picture, the others back.
        let change = if k + 1 == predictor.order { denoised - H1 } else { (HISTORY[k + 1] - H1) / system.ratios[k] };
        correction = correction + weight * change;
    }
    predictor.latents * before - to.alpha * system.decay * H1 - to.alpha * system.scale * correction
}

/// The linear system whose solution weighs the differences of predicted pictures (equation 9 of the paper).
struct System {
    /// expm1(-h).
    decay: f64,
    /// B(h).
    scale: f64,
    ratios: Vec<f64>,
    right: Vec<f64>,
}

impl System {
    fn new(run: &Run, base: usize, order: usize, bh1: bool) -> Self {
        let h = run.lambda(base + 1) - run.lambda(base);
        let decay = (-h).exp_m1();
        let scale = if bh1 { -h } else { decay };
        let back = (1..order).map(|k| (run.lambda(base - k) - run.lambda(base)) / h);
        let mut phi = decay / -h - 1.0;
        let mut factorial = 1.0;
        let mut right = Vec::with_capacity(order);
        for j in 1..=order {
            right.push(phi * factorial / scale);
            factorial *= (j + 1) as f64;
            phi = phi / -h - 1.0 / factorial;
        }
        Self { decay, scale, ratios: back.chain([1.0]).collect(), right }
    }

    /// Solves the leading `size` equations in as many unknowns: a Vandermonde system of at most three rows, by elimination.
    fn solve(&self, size: usize) -> Vec<f64> {
        let mut rows: Vec<Vec<f64>> = (0..size)
            .map(|j| self.ratios[..size].iter().map(|ratio| ratio.powi(j as i32)).chain([self.right[j]]).collect())
            .collect();
        for pivot in 0..size {
            let best = (pivot..size).max_by(|&a, &b| rows[a][pivot].abs().total_cmp(&rows[b][pivot].abs())).unwrap_or(pivot);
            rows.swap(pivot, best);
            let base = rows[pivot].clone();
            for row in (0..size).filter(|&row| row != pivot) {
                let factor = rows[row][pivot] / base[pivot];
                rows[row].iter_mut().zip(&base).for_each(|(value, base)| *value -= factor * base);
            }
        }
        (0..size).map(|row| rows[row][size] / rows[row][row]).collect()
    }
}
