//! The noise levels of diffusers' three families of schedulers.
//!
//! diffusers defines normal (with its three spacings), Karras, exponential and beta. The other schedules are run as it would run custom
//! sigmas: those levels, with the model time found by interpolation.

use easel_types::{SigmaSchedule, TimestepSpacing};

use super::run::{Run, positive_range};
use super::timesteps::Grid;
use super::{as_f32, respaced};
use crate::problem::Problem;
use crate::{NoiseLevels, SamplingError};

/// How a family turns the sigma of a respaced schedule into a model time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModelTime {
    /// Interpolated in ln sigma.
    Fractional,
    /// Rounded for Karras only.
    RoundedKarras,
    /// Truncated for exponential and beta, rounded for the others.
    Integer,
}

impl ModelTime {
    fn of(self, levels: &NoiseLevels, schedule: SigmaSchedule, sigma: f64) -> f64 {
        let timestep = levels.timestep_of(sigma);
        match (self, schedule) {
            (ModelTime::Fractional, _) => timestep,
            (ModelTime::Integer, SigmaSchedule::Exponential | SigmaSchedule::Beta) => timestep.floor(),
            (ModelTime::RoundedKarras, SigmaSchedule::Karras) | (ModelTime::Integer, _) => timestep.round_ties_even(),
            (ModelTime::RoundedKarras, _) => timestep,
        }
    }
}

/// The level after the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastLevel {
    /// Zero, or the lowest training level where configured so.
    Training,
    /// Zero, or where configured so the lowest training level, respaced schedules repeating their last one (UniPC).
    Repeated,
    /// Never zero, otherwise as `Repeated` (DEIS).
    Positive,
}

fn grid(problem: &Problem, spacing: TimestepSpacing) -> Grid {
    Grid { spacing, steps: problem.steps, training_steps: problem.training.len(), offset: problem.steps_offset() }
}

/// Timesteps that are indices of the training steps: DDIM, DDPM, PNDM.
pub(crate) fn integer_timesteps(problem: &Problem) -> Result<Vec<usize>, SamplingError> {
    match problem.config.schedule {
        SigmaSchedule::Normal | SigmaSchedule::SgmUniform => {
            Ok(grid(problem, problem.spacing()).integer().into_iter().map(|t| t as usize).collect())
        }
        _ => Err(problem.unsupported("use normal or sgm_uniform, or a sampler that works on sigmas such as euler or dpmpp_2m")),
    }
}

/// The Euler family: respaced schedules take their range from the spaced timesteps.
pub(crate) fn ve_run<'a>(problem: &Problem<'a>, levels: &'a NoiseLevels, time: ModelTime) -> Result<Run<'a>, SamplingError> {
    let mut timesteps = grid(problem, problem.spacing()).fractional();
    let mut sigmas: Vec<f64> = timesteps.iter().map(|&t| levels.sigma_at(t)).collect();
    let range = (sigmas[sigmas.len() - 1], sigmas[0]);
    if let Some(list) = respace(problem, levels, range)? {
        timesteps = list.iter().map(|&sigma| time.of(levels, problem.config.schedule, sigma)).collect();
        sigmas = list;
    }
    sigmas.push(if problem.ends_at_sigma_min() { levels.sigma_min() } else { 0.0 });
    let mut run = run(problem, levels, timesteps, sigmas);
    // The latents of this family carry the picture at full strength beside the noise, which only `leading` accounts for.
    let highest = run.brownian_range.1;
    run.initial_noise = if problem.spacing() == TimestepSpacing::Leading { (highest * highest + 1.0).sqrt() } else { highest };
    Ok(run)
}

/// DPM-Solver++, UniPC and DEIS: respaced schedules take the whole training range.
pub(crate) fn solver_run<'a>(
    problem: &Problem<'a>,
    levels: &'a NoiseLevels,
    spacing: TimestepSpacing,
    last: LastLevel,
) -> Result<Run<'a>, SamplingError> {
    let mut timesteps = grid(problem, spacing).without_last();
    let mut sigmas: Vec<f64> = timesteps.iter().map(|&t| levels.sigma_at(t)).collect();
    let list = respace(problem, levels, (levels.sigma_min(), levels.sigma_max()))?;
    let is_respaced = list.is_some();
    if let Some(list) = list {
        timesteps = list.iter().map(|&sigma| ModelTime::Integer.of(levels, problem.config.schedule, sigma)).collect();
        sigmas = list;
    }
    sigmas.push(match last {
        LastLevel::Training | LastLevel::Repeated if !problem.ends_at_sigma_min() => 0.0,
        LastLevel::Repeated | LastLevel::Positive if is_respaced => sigmas[sigmas.len() - 1],
        _ => levels.sigma_min(),
    });
    Ok(run(problem, levels, timesteps, sigmas))
}

fn run<'a>(problem: &Problem<'a>, levels: &'a NoiseLevels, timesteps: Vec<f64>, sigmas: Vec<f64>) -> Run<'a> {
    let sigmas = as_f32(sigmas);
    let brownian_range = positive_range(&sigmas);
    Run { levels, timesteps, sigmas, first: problem.first_step(), initial_noise: 1.0, brownian_range }
}

fn respace(problem: &Problem, levels: &NoiseLevels, range: (f64, f64)) -> Result<Option<Vec<f64>>, SamplingError> {
    match problem.config.schedule {
        SigmaSchedule::Normal | SigmaSchedule::SgmUniform => Ok(None),
        SigmaSchedule::DdimUniform => Err(problem.unsupported("use normal with timestep spacing leading")),
        // The published levels are those of whole schedules, whose last one diffusers puts to zero. They go a little below the lowest
        // training level, where the last step may end.
        SigmaSchedule::AlignYourSteps => {
            let sigmas = respaced(problem, problem.steps + 1, range, levels).into_iter().take(problem.steps);
            Ok(Some(sigmas.map(|sigma| sigma.max(levels.sigma_min())).collect()))
        }
        _ => {
            let sigmas = respaced(problem, problem.steps, range, levels).into_iter().take(problem.steps);
            Ok(Some(sigmas.map(|sigma| sigma.max(range.0)).collect()))
        }
    }
}
