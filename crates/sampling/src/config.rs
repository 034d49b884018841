//! Everything a sampler can be told, with diffusers' names and defaults.

use easel_types::{Convention, SamplerKind, SigmaSchedule, TimestepSpacing};

/// The last noise level of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinalSigma {
    /// Zero.
    Zero,
    /// The lowest training level.
    SigmaMin,
}

/// The variant of a second-order correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SolverType {
    /// Midpoint (DPM-Solver++) or the sampler's own default.
    Midpoint,
    /// Heun.
    Heun,
    /// UniPC with B(h) = h.
    Bh1,
    /// UniPC with B(h) = expm1(h).
    Bh2,
}

/// A sampler and its options. `None` is that sampler's own default in the chosen convention.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplerConfig {
    /// The update rule.
    pub kind: SamplerKind,
    /// The noise levels.
    pub schedule: SigmaSchedule,
    /// Whose arithmetic to follow.
    pub convention: Convention,
    /// Where timesteps fall.
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Offset of `leading` timesteps; `None` is the model's.
    pub steps_offset: Option<u32>,
    /// Noise of stochastic samplers.
    pub eta: Option<f64>,
    /// Churn of Euler, Heun and DPM2 (Karras et al. 2022).
    pub s_churn: f64,
    /// The lowest noise level that is churned (k-diffusion).
    pub s_tmin: f64,
    /// The highest noise level that is churned (k-diffusion); `None` or 0 is no limit.
    pub s_tmax: Option<f64>,
    /// Factor of the noise that is added between the steps (k-diffusion).
    pub s_noise: f64,
    /// Below this noise level every second evaluation leaves the unconditional branch out (A1111's `s_min_uncond`); 0 for none.
    pub s_min_uncond: f64,
    /// And not every second one but all of them.
    pub s_min_uncond_all: bool,
    /// All steps that are asked for run, whatever strength leaves of the schedule (A1111's `img2img_fix_steps` and its second passes).
    pub whole_steps: bool,
    /// Order of multistep solvers.
    pub solver_order: Option<u32>,
    /// Variant of the second-order correction.
    pub solver_type: Option<SolverType>,
    /// The last noise level.
    pub final_sigma: Option<FinalSigma>,
    /// DDIM and PNDM: the signal level after the last step is 1 rather than the first training step's.
    pub set_alpha_to_one: Option<bool>,
    /// DPM-Solver++: first-order last step for fewer than 15 steps.
    pub lower_order_final: Option<bool>,
    /// DPM-Solver++: first-order last step always.
    pub euler_at_final: bool,
    /// k-diffusion: build one more level and drop the last but one.
    pub discard_next_to_last_sigma: Option<bool>,
}

impl SamplerConfig {
    /// The sampler with every option at its default, in diffusers' convention.
    pub fn new(kind: SamplerKind, schedule: SigmaSchedule) -> Self {
        Self {
            kind,
            schedule,
            convention: Convention::Diffusers,
            timestep_spacing: None,
            steps_offset: None,
            eta: None,
            s_churn: 0.0,
            s_tmin: 0.0,
            s_tmax: None,
            s_noise: 1.0,
            s_min_uncond: 0.0,
            s_min_uncond_all: false,
            whole_steps: false,
            solver_order: None,
            solver_type: None,
            final_sigma: None,
            set_alpha_to_one: None,
            lower_order_final: None,
            euler_at_final: false,
            discard_next_to_last_sigma: None,
        }
    }
}
