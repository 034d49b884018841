//! The scheduler classes of diffusers that Easel knows, with the defaults of their constructors.

use easel_types::{SamplerKind, TimestepSpacing};

use crate::BetaSchedule;

/// A scheduler class.
pub(super) struct Class {
    pub(super) name: &'static str,
    pub(super) kind: SamplerKind,
    pub(super) spacing: TimestepSpacing,
    pub(super) betas: (f64, f64, BetaSchedule),
    /// Constructor parameters, in groups shared between classes. Others are ignored.
    pub(super) accepts: &'static [&'static [&'static str]],
    /// Defaults that are not harmless (see [`HARMLESS`]).
    pub(super) defaults: &'static [(&'static str, &'static str)],
}

/// Options that change the arithmetic, with the values (as JSON) that keep it the one Easel does.
pub(super) const HARMLESS: &[(&str, &[&str])] = &[
    ("trained_betas", &["[]"]),
    ("clip_sample", &["false"]),
    ("thresholding", &["false"]),
    ("skip_prk_steps", &["true"]),
    ("variance_type", &["\"fixed_small\""]),
    ("interpolation_type", &["\"linear\""]),
    ("timestep_type", &["\"discrete\""]),
    ("sigma_min", &[]),
    ("sigma_max", &[]),
    ("algorithm_type", &["\"dpmsolver++\"", "\"sde-dpmsolver++\"", "\"deis\""]),
    ("use_lu_lambdas", &["false"]),
    ("use_flow_sigmas", &["false"]),
    ("use_dynamic_shifting", &["false"]),
    ("lambda_min_clipped", &["\"-inf\"", "\"-Infinity\""]),
    ("predict_x0", &["true"]),
    ("disable_corrector", &["[]"]),
    ("solver_p", &[]),
    ("original_inference_steps", &["50"]),
    ("timestep_scaling", &["10.0", "10"]),
    ("shift_terminal", &["0", "0.0"]),
    ("invert_sigmas", &["false"]),
    ("stochastic_sampling", &["false"]),
];

/// Options that are true or false.
pub(super) const FLAGS: &[&str] = &[
    "rescale_betas_zero_snr",
    "use_karras_sigmas",
    "use_exponential_sigmas",
    "use_beta_sigmas",
    "use_flow_sigmas",
    "use_dynamic_shifting",
    "use_lu_lambdas",
    "set_alpha_to_one",
    "clip_sample",
    "thresholding",
    "skip_prk_steps",
    "lower_order_final",
    "euler_at_final",
    "predict_x0",
    "invert_sigmas",
    "stochastic_sampling",
];
/// Options that are numbers.
pub(super) const NUMBERS: &[&str] =
    &["num_train_timesteps", "beta_start", "beta_end", "steps_offset", "solver_order", "original_inference_steps", "shift"];
/// Options that are names.
pub(super) const TEXTS: &[&str] = &[
    "beta_schedule",
    "prediction_type",
    "timestep_spacing",
    "final_sigmas_type",
    "algorithm_type",
    "solver_type",
    "variance_type",
    "interpolation_type",
    "timestep_type",
];

const WIDE: (f64, f64, BetaSchedule) = (0.0001, 0.02, BetaSchedule::Linear);
const NARROW: (f64, f64, BetaSchedule) = (0.00085, 0.012, BetaSchedule::Linear);
const LATENT: (f64, f64, BetaSchedule) = (0.00085, 0.012, BetaSchedule::ScaledLinear);

const TRAINING: &[&str] = &["num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas", "prediction_type"];
const SPACED: &[&str] = &["timestep_spacing", "steps_offset"];
const RESPACED: &[&str] = &["use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"];
const ZERO_SNR: &[&str] = &["rescale_betas_zero_snr"];
const CLIPPED: &[&str] = &["clip_sample", "thresholding"];
const SOLVER: &[&str] =
    &["solver_order", "solver_type", "thresholding", "lower_order_final", "use_flow_sigmas", "use_dynamic_shifting"];
const DPM_SOLVER: &[&str] = &["algorithm_type", "final_sigmas_type", "lambda_min_clipped", "variance_type"];
const DISTILLED: &[&str] = &["original_inference_steps", "timestep_scaling", "set_alpha_to_one"];

const LINSPACE: TimestepSpacing = TimestepSpacing::Linspace;
const LEADING: TimestepSpacing = TimestepSpacing::Leading;

const fn class(
    name: &'static str,
    kind: SamplerKind,
    spacing: TimestepSpacing,
    betas: (f64, f64, BetaSchedule),
    accepts: &'static [&'static [&'static str]],
) -> Class {
    Class { name, kind, spacing, betas, accepts, defaults: &[] }
}

impl Class {
    const fn with(self, defaults: &'static [(&'static str, &'static str)]) -> Self {
        Self { defaults, ..self }
    }
}

/// Every class Easel knows.
pub(super) const CLASSES: &[Class] = &[
    class("DDIMScheduler", SamplerKind::Ddim, LEADING, WIDE, &[TRAINING, SPACED, ZERO_SNR, CLIPPED, &["set_alpha_to_one"]])
        .with(&[("clip_sample", "true")]),
    class("DDPMScheduler", SamplerKind::Ddpm, LEADING, WIDE, &[TRAINING, SPACED, ZERO_SNR, CLIPPED, &["variance_type"]])
        .with(&[("clip_sample", "true")]),
    class("PNDMScheduler", SamplerKind::Pndm, LEADING, WIDE, &[TRAINING, SPACED, &["skip_prk_steps", "set_alpha_to_one"]])
        .with(&[("skip_prk_steps", "false")]),
    class(
        "EulerDiscreteScheduler",
        SamplerKind::Euler,
        LINSPACE,
        WIDE,
        &[
            TRAINING,
            SPACED,
            RESPACED,
            ZERO_SNR,
            &["final_sigmas_type", "interpolation_type", "timestep_type", "sigma_min", "sigma_max"],
        ],
    ),
    class("EulerAncestralDiscreteScheduler", SamplerKind::EulerAncestral, LINSPACE, WIDE, &[TRAINING, SPACED, ZERO_SNR]),
    class("HeunDiscreteScheduler", SamplerKind::Heun, LINSPACE, NARROW, &[TRAINING, SPACED, RESPACED, &["clip_sample"]]),
    class("KDPM2DiscreteScheduler", SamplerKind::Dpm2, LINSPACE, NARROW, &[TRAINING, SPACED, RESPACED]),
    class("KDPM2AncestralDiscreteScheduler", SamplerKind::Dpm2Ancestral, LINSPACE, NARROW, &[TRAINING, SPACED, RESPACED]),
    class("LMSDiscreteScheduler", SamplerKind::Lms, LINSPACE, WIDE, &[TRAINING, SPACED, RESPACED]),
    class("DPMSolverSDEScheduler", SamplerKind::DpmppSde, LINSPACE, NARROW, &[TRAINING, SPACED, RESPACED]),
    class(
        "DPMSolverMultistepScheduler",
        SamplerKind::Dpmpp2m,
        LINSPACE,
        WIDE,
        &[TRAINING, SPACED, RESPACED, ZERO_SNR, SOLVER, DPM_SOLVER, &["euler_at_final", "use_lu_lambdas"]],
    ),
    class("DPMSolverSinglestepScheduler", SamplerKind::Dpmpp2s, LINSPACE, WIDE, &[TRAINING, RESPACED, SOLVER, DPM_SOLVER]),
    class(
        "UniPCMultistepScheduler",
        SamplerKind::UniPc,
        LINSPACE,
        WIDE,
        &[
            TRAINING,
            SPACED,
            RESPACED,
            ZERO_SNR,
            SOLVER,
            &["final_sigmas_type", "predict_x0", "disable_corrector", "solver_p", "sigma_min", "sigma_max", "shift_terminal"],
        ],
    ),
    class("DEISMultistepScheduler", SamplerKind::Deis, LINSPACE, WIDE, &[TRAINING, SPACED, RESPACED, SOLVER]),
    class("IPNDMScheduler", SamplerKind::Ipndm, LINSPACE, LATENT, &[&["num_train_timesteps", "trained_betas"]]),
    class("LCMScheduler", SamplerKind::Lcm, LEADING, LATENT, &[TRAINING, SPACED, ZERO_SNR, CLIPPED, DISTILLED]),
    class("TCDScheduler", SamplerKind::Tcd, LEADING, LATENT, &[TRAINING, SPACED, ZERO_SNR, CLIPPED, DISTILLED]),
    class(
        "FlowMatchEulerDiscreteScheduler",
        SamplerKind::FlowMatchEuler,
        LINSPACE,
        LATENT,
        &[
            RESPACED,
            &["num_train_timesteps", "shift", "use_dynamic_shifting", "shift_terminal", "invert_sigmas", "stochastic_sampling"],
        ],
    ),
];
