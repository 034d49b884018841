//! Noise levels of the steps.
//!
//! One file per schedule holds a pure function from a number of steps and a range of sigmas to descending levels; [`diffusers`] and
//! [`k_diffusion`] combine them with timesteps as the two do. A new schedule is a file, a name in `SigmaSchedule` and a line in
//! [`respaced`].

mod align_your_steps;
mod beta;
mod ddim_uniform;
pub(crate) mod diffusers;
mod exponential;
pub(crate) mod k_diffusion;
mod karras;
mod kl_optimal;
mod normal;
mod polyexponential;
pub(crate) mod run;
mod simple;
mod timesteps;
mod turbo;

use easel_types::SigmaSchedule;

use crate::NoiseLevels;
use crate::problem::Problem;

/// The descending levels of the request's schedule between two sigmas, without a closing zero.
///
/// Two lists need not have `steps` levels: `ddim_uniform` may have more, and `kl_optimal` closes with its own lowest level.
pub(crate) fn respaced(problem: &Problem, steps: usize, range: (f64, f64), levels: &NoiseLevels) -> Vec<f64> {
    let (sigma_min, sigma_max) = range;
    match problem.config.schedule {
        SigmaSchedule::Normal => normal::sigmas(steps, levels),
        SigmaSchedule::SgmUniform => normal::sgm_uniform(steps, levels),
        SigmaSchedule::Karras => karras::sigmas(steps, sigma_min, sigma_max),
        SigmaSchedule::Exponential => exponential::sigmas(steps, sigma_min, sigma_max),
        SigmaSchedule::Polyexponential => polyexponential::sigmas(steps, sigma_min, sigma_max),
        SigmaSchedule::Beta => beta::sigmas(steps, sigma_min, sigma_max),
        SigmaSchedule::KlOptimal => kl_optimal::sigmas(steps, sigma_min, sigma_max),
        SigmaSchedule::Simple => simple::sigmas(steps, levels),
        SigmaSchedule::DdimUniform => ddim_uniform::sigmas(steps, levels),
        SigmaSchedule::AlignYourSteps => align_your_steps::sigmas(steps, problem.training.config().align_your_steps),
        SigmaSchedule::Turbo => turbo::sigmas(steps, levels),
    }
}

/// `i / (steps - 1)` for every step, and 0 for a single one: numpy's `linspace(0, 1, steps)`.
fn ramp(steps: usize) -> impl Iterator<Item = f64> {
    (0..steps).map(move |i| if steps > 1 { i as f64 / (steps - 1) as f64 } else { 0.0 })
}

/// Both libraries keep schedules in float32; a level that differs in the last bit can be another timestep.
pub(crate) fn as_f32(sigmas: impl IntoIterator<Item = f64>) -> Vec<f64> {
    sigmas.into_iter().map(|sigma| f64::from(sigma as f32)).collect()
}
