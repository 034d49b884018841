//! What `easel generate` draws with where the command line does not say. The server does not read this: its clients say what they want.

use easel_types::{Convention, NoiseKind, SamplerKind, SigmaSchedule, TimestepSpacing};

use super::{ConfigError, Fallback, Setting, Values};

macro_rules! setting {
    ($name:ident, $key:literal, $flag:literal, $env:literal, $placeholder:literal, $help:literal $(, $field:ident: $value:expr)*) => {
        #[doc = $help]
        pub const $name: Setting = Setting {
            key: concat!("generate.", $key),
            flag: $flag,
            env: &[$env],
            placeholder: $placeholder,
            help: $help,
            $($field: $value,)*
            ..Setting::BASE
        };
    };
}

macro_rules! names {
    ($type:ty) => {
        Some(|| <$type>::ALL.iter().map(|value| value.name()).collect())
    };
}

setting!(NEGATIVE_PROMPT, "negative_prompt", "negative-prompt", "EASEL_NEGATIVE_PROMPT", "TEXT", "What to avoid");
setting!(SEED, "seed", "seed", "EASEL_SEED", "N", "Seed of the first picture; the next ones count up. Unset: drawn");
setting!(STEPS, "steps", "steps", "EASEL_STEPS", "N", "Denoising steps. Unset: the model's own");
setting!(
    GUIDANCE_SCALE,
    "guidance_scale",
    "guidance-scale",
    "EASEL_GUIDANCE_SCALE",
    "X",
    "Classifier-free guidance; at most 1 switches it off. Unset: the model's own"
);
setting!(
    GUIDANCE_RESCALE, "guidance_rescale", "guidance-rescale", "EASEL_GUIDANCE_RESCALE", "X",
    "Rescaling of the guided output, 0 to 1",
    default: Fallback::Fixed("0")
);
setting!(
    SAMPLER, "sampler", "sampler", "EASEL_SAMPLER", "SAMPLER",
    "Update rule. Unset: the model's own",
    choices: names!(SamplerKind)
);
setting!(
    SCHEDULE, "schedule", "schedule", "EASEL_SCHEDULE", "SCHEDULE",
    "Noise levels of the steps. Unset: the sampler's own",
    choices: names!(SigmaSchedule)
);
setting!(
    TIMESTEP_SPACING, "timestep_spacing", "timestep-spacing", "EASEL_TIMESTEP_SPACING", "SPACING",
    "Where timesteps fall. Unset: the model's own",
    choices: names!(TimestepSpacing)
);
setting!(WIDTH, "width", "width", "EASEL_WIDTH", "PIXELS", "Width. Unset: the model's own, or the start picture's");
setting!(HEIGHT, "height", "height", "EASEL_HEIGHT", "PIXELS", "Height. Unset: the model's own, or the start picture's");
setting!(COUNT, "n", "n", "EASEL_N", "N", "How many pictures", default: Fallback::Fixed("1"));
setting!(
    STRENGTH, "strength", "strength", "EASEL_STRENGTH", "X",
    "With --image: how much of it is redrawn, 0 to 1",
    default: Fallback::Fixed("0.75")
);
setting!(CLIP_SKIP, "clip_skip", "clip-skip", "EASEL_CLIP_SKIP", "N", "Text encoder layers left out at the end, 0 to 11");
setting!(ETA, "eta", "eta", "EASEL_ETA", "X", "Noise of stochastic samplers, 0 to 1. Unset: the sampler's own");
setting!(
    CONVENTION, "convention", "convention", "EASEL_CONVENTION", "NAME",
    "Whose arithmetic samplers follow where programs differ",
    choices: names!(Convention),
    default: Fallback::Fixed("diffusers")
);
setting!(
    NOISE, "noise", "noise", "EASEL_NOISE", "NAME",
    "Which random generator seeds are compatible with",
    choices: names!(NoiseKind),
    default: Fallback::Fixed("torch_cpu")
);

/// The settings of this section.
#[rustfmt::skip]
pub const SETTINGS: &[&Setting] = &[
    &NEGATIVE_PROMPT, &SEED, &STEPS, &GUIDANCE_SCALE, &GUIDANCE_RESCALE, &SAMPLER, &SCHEDULE, &TIMESTEP_SPACING, &WIDTH, &HEIGHT, &COUNT,
    &STRENGTH, &CLIP_SKIP, &ETA, &CONVENTION, &NOISE,
];

/// What `easel generate` draws with; `None` is the model's own.
#[derive(Debug, Clone)]
pub struct Generate {
    /// What to avoid.
    pub negative_prompt: Option<String>,
    /// Seed of the first picture.
    pub seed: Option<u64>,
    /// Denoising steps.
    pub steps: Option<u32>,
    /// Classifier-free guidance.
    pub guidance_scale: Option<f64>,
    /// Rescaling of the guided output.
    pub guidance_rescale: f64,
    /// Update rule.
    pub sampler: Option<SamplerKind>,
    /// Noise levels.
    pub schedule: Option<SigmaSchedule>,
    /// Where timesteps fall.
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Width in pixels.
    pub width: Option<u32>,
    /// Height in pixels.
    pub height: Option<u32>,
    /// How many pictures.
    pub n: u32,
    /// How much of a start picture is redrawn.
    pub strength: f64,
    /// Text encoder layers left out.
    pub clip_skip: Option<u32>,
    /// Noise of stochastic samplers.
    pub eta: Option<f64>,
    /// Whose arithmetic is followed.
    pub convention: Convention,
    /// Which random generator.
    pub noise: NoiseKind,
}

impl Generate {
    /// Reads the section.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        Ok(Self {
            negative_prompt: values.raw(&NEGATIVE_PROMPT).map(|value| value.text.clone()),
            seed: values.get(&SEED)?,
            steps: values.get(&STEPS)?,
            guidance_scale: values.get(&GUIDANCE_SCALE)?,
            guidance_rescale: values.require(&GUIDANCE_RESCALE)?,
            sampler: values.get(&SAMPLER)?,
            schedule: values.get(&SCHEDULE)?,
            timestep_spacing: values.get(&TIMESTEP_SPACING)?,
            width: values.get(&WIDTH)?,
            height: values.get(&HEIGHT)?,
            n: values.require(&COUNT)?,
            strength: values.require(&STRENGTH)?,
            clip_skip: values.get(&CLIP_SKIP)?,
            eta: values.get(&ETA)?,
            convention: values.require(&CONVENTION)?,
            noise: values.require(&NOISE)?,
        })
    }
}
