//! Names of samplers, sigma schedules, timestep spacings and noise sources, with the spellings Easel itself uses.
//!
//! Other programs' spellings ("DPM++ 2M Karras") are translated in `api::compat` and nowhere else.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A name that is none of the known ones.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("unknown {what} `{name}`; known: {known}")]
pub struct UnknownName {
    /// What was looked for: "sampler", "schedule", …
    pub what: &'static str,
    /// The name as given.
    pub name: String,
    /// The known names, comma-separated.
    pub known: String,
}

macro_rules! names {
    ($(#[$meta:meta])* $type:ident, $what:literal { $($(#[$vmeta:meta])* $variant:ident = $name:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $type {
            $($(#[$vmeta])* #[serde(rename = $name)] $variant),+
        }

        impl $type {
            /// Every value, in the order of their definition.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name users write.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(name: &str) -> Result<Self, UnknownName> {
                Self::ALL.iter().copied().find(|v| v.name() == name).ok_or_else(|| UnknownName {
                    what: $what,
                    name: name.chars().take(64).collect(),
                    known: Self::ALL.iter().map(|v| v.name()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

names! {
    /// The update rule that turns a model output into the next latents.
    SamplerKind, "sampler" {
        /// Denoising Diffusion Implicit Models (Song et al. 2021), `eta` 0 by default.
        Ddim = "ddim",
        /// Ancestral sampling of Ho et al. 2020 (fixed small variance).
        Ddpm = "ddpm",
        /// Pseudo linear multistep (Liu et al. 2022), without the Runge–Kutta warm-up; A1111's PLMS.
        Pndm = "pndm",
        /// Euler's method on the probability-flow ODE (Karras et al. 2022, algorithm 2 with churn 0).
        Euler = "euler",
        /// Euler with ancestral noise.
        EulerAncestral = "euler_ancestral",
        /// Heun's second-order method (Karras et al. 2022, algorithm 2).
        Heun = "heun",
        /// DPM-Solver-2 (k-diffusion's `sample_dpm_2`).
        Dpm2 = "dpm2",
        /// DPM-Solver-2 with ancestral noise.
        Dpm2Ancestral = "dpm2_ancestral",
        /// Linear multistep of order 4.
        Lms = "lms",
        /// DPM-Solver++(2M) (Lu et al. 2022).
        Dpmpp2m = "dpmpp_2m",
        /// SDE form of DPM-Solver++(2M).
        Dpmpp2mSde = "dpmpp_2m_sde",
        /// SDE form of DPM-Solver++(2M) with the Heun correction.
        Dpmpp2mSdeHeun = "dpmpp_2m_sde_heun",
        /// DPM-Solver++(3M).
        Dpmpp3m = "dpmpp_3m",
        /// SDE form of DPM-Solver++(3M).
        Dpmpp3mSde = "dpmpp_3m_sde",
        /// DPM-Solver++ singlestep of order 2 (diffusers).
        Dpmpp2s = "dpmpp_2s",
        /// DPM-Solver++ singlestep of order 3 (diffusers).
        Dpmpp3s = "dpmpp_3s",
        /// DPM-Solver++(2S) with ancestral noise (k-diffusion).
        Dpmpp2sAncestral = "dpmpp_2s_ancestral",
        /// DPM-Solver++ SDE, two evaluations a step (k-diffusion).
        DpmppSde = "dpmpp_sde",
        /// UniPC (Zhao et al. 2023), B(h) = expm1.
        UniPc = "unipc",
        /// DEIS (Zhang & Chen 2023).
        Deis = "deis",
        /// Improved PNDM without training betas (diffusers' `IPNDMScheduler`).
        Ipndm = "ipndm",
        /// Latent consistency models (Luo et al. 2023).
        Lcm = "lcm",
        /// Trajectory consistency distillation (Zheng et al. 2024).
        Tcd = "tcd",
        /// Euler on a rectified flow.
        FlowMatchEuler = "flow_match_euler",
    }
}

names! {
    /// How the noise levels of the steps are chosen.
    SigmaSchedule, "schedule" {
        /// The levels at the timesteps of the [`TimestepSpacing`]; A1111's "Automatic"/"Uniform" in the k-diffusion convention.
        Normal = "normal",
        /// Karras et al. 2022, equation 5, rho 7.
        Karras = "karras",
        /// Uniform in ln sigma.
        Exponential = "exponential",
        /// A power of a uniform ramp in ln sigma (k-diffusion), rho 1.
        Polyexponential = "polyexponential",
        /// Quantiles of Beta(0.6, 0.6) (Lee et al. 2024).
        Beta = "beta",
        /// Uniform timesteps that leave out the last one ("SGM uniform"; trailing spacing in diffusers).
        SgmUniform = "sgm_uniform",
        /// Every k-th training sigma ("Simple").
        Simple = "simple",
        /// The timesteps of DDIM ("DDIM").
        DdimUniform = "ddim_uniform",
        /// Sabour et al. 2024 in closed form.
        KlOptimal = "kl_optimal",
        /// Align Your Steps (Sabour et al. 2024), the published table.
        AlignYourSteps = "align_your_steps",
        /// The schedule of the Turbo models.
        Turbo = "turbo",
    }
}

names! {
    /// Where the timesteps of a schedule fall among the training steps (diffusers' `timestep_spacing`).
    TimestepSpacing, "timestep spacing" {
        /// `linspace(0, T-1, n)`.
        Linspace = "linspace",
        /// Multiples of `T / n` from the low end.
        Leading = "leading",
        /// Multiples of `T / n` from the high end.
        Trailing = "trailing",
    }
}

names! {
    /// Whose arithmetic the sampler follows where two implementations differ.
    Convention, "convention" {
        /// diffusers' schedulers.
        Diffusers = "diffusers",
        /// k-diffusion as A1111 and ComfyUI drive it.
        KDiffusion = "k_diffusion",
    }
}

names! {
    /// Which random generator the noise is compatible with.
    NoiseKind, "noise" {
        /// torch's CPU generator (MT19937).
        TorchCpu = "torch_cpu",
        /// torch's CUDA generator (Philox 4x32-10).
        TorchCuda = "torch_cuda",
        /// A1111's "NV" source: Philox emulated on the host.
        Nv = "nv",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_through_text_and_json() {
        for kind in SamplerKind::ALL {
            assert_eq!(kind.name().parse::<SamplerKind>().as_ref(), Ok(kind));
            let json = format!("\"{kind}\"");
            assert_eq!(serde_json::to_string(kind).ok().as_deref(), Some(json.as_str()));
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "eular".parse::<SamplerKind>().expect_err("no such sampler");
        assert!(error.to_string().contains("euler_ancestral"), "{error}");
    }
}
