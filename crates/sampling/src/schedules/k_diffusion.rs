//! Noise levels as A1111 hands them to k-diffusion.

use easel_types::{SamplerKind, SigmaSchedule};

use super::run::{Run, positive_range};
use super::{as_f32, respaced};
use crate::problem::Problem;

/// The levels a request runs through: the schedule over the model's whole range, cut short by strength.
pub(crate) fn k_run<'a>(problem: &Problem<'a>) -> Run<'a> {
    let levels = problem.training.levels(problem.config.convention);
    let discard = problem.config.discard_next_to_last_sigma.unwrap_or_else(|| discards_by_default(problem.config.kind));
    let steps = problem.steps + usize::from(discard);
    let schedule = problem.config.schedule;
    let mut sigmas = respaced(problem, steps, (levels.sigma_min(), levels.sigma_max()), levels);
    if schedule != SigmaSchedule::KlOptimal {
        sigmas.push(0.0);
    }
    if discard {
        sigmas.remove(sigmas.len() - 2);
    }
    let mut sigmas = as_f32(sigmas);
    let brownian_range = positive_range(&sigmas);
    if let Some(encoded) = problem.encoded() {
        sigmas.drain(..(problem.steps - encoded - 1).min(sigmas.len() - 2));
    }
    let timesteps = sigmas[..sigmas.len() - 1].iter().map(|&sigma| levels.timestep_of(sigma)).collect();
    Run { levels, timesteps, initial_noise: sigmas[0], sigmas, first: 0, brownian_range }
}

/// A1111's list of samplers that leave out the last level before zero.
fn discards_by_default(kind: SamplerKind) -> bool {
    matches!(kind, SamplerKind::Dpm2 | SamplerKind::Dpm2Ancestral | SamplerKind::Dpmpp3mSde)
}
