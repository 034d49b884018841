//! One file per sampler: its evaluations in order, in both conventions where both define it.
//!
//! A new sampler is a file with a struct that implements [`Sampler`], a name in `SamplerKind` and a line in [`sampler`].

mod ancestral;
mod churn;
mod compvis;
mod ddim;
mod ddpm;
mod deis;
mod dpm2;
mod dpmpp_2s_ancestral;
mod dpmpp_multistep;
mod dpmpp_sde;
mod dpmpp_singlestep;
mod euler;
mod euler_ancestral;
mod flow_match_euler;
mod heun;
mod ipndm;
mod lcm;
mod lms;
mod pndm;
mod tcd;
mod unipc;
mod vp;

use easel_types::{Convention, SamplerKind};

use crate::problem::Problem;
use crate::trajectory::Trajectory;
use crate::{PredictionType, SamplingError};

/// An update rule. What a convention does not define stays unsupported.
trait Sampler: Sync {
    /// As diffusers' scheduler of that name computes it.
    fn diffusers(&self, problem: &Problem) -> Result<Trajectory, SamplingError>;

    /// As k-diffusion's function of that name computes it under A1111.
    fn k_diffusion(&self, problem: &Problem) -> Result<Trajectory, SamplingError> {
        Err(problem.unsupported("use the diffusers convention"))
    }
}

fn sampler(kind: SamplerKind) -> &'static dyn Sampler {
    match kind {
        SamplerKind::Ddim => &ddim::Ddim,
        SamplerKind::Ddpm => &ddpm::Ddpm,
        SamplerKind::Pndm => &pndm::Pndm,
        SamplerKind::Euler => &euler::Euler,
        SamplerKind::EulerAncestral => &euler_ancestral::EulerAncestral,
        SamplerKind::Heun => &heun::Heun,
        SamplerKind::Dpm2 => &dpm2::Dpm2 { ancestral: false },
        SamplerKind::Dpm2Ancestral => &dpm2::Dpm2 { ancestral: true },
        SamplerKind::Lms => &lms::Lms,
        SamplerKind::Dpmpp2m => &dpmpp_multistep::DPMPP_2M,
        SamplerKind::Dpmpp2mSde => &dpmpp_multistep::DPMPP_2M_SDE,
        SamplerKind::Dpmpp2mSdeHeun => &dpmpp_multistep::DPMPP_2M_SDE_HEUN,
        SamplerKind::Dpmpp3m => &dpmpp_multistep::DPMPP_3M,
        SamplerKind::Dpmpp3mSde => &dpmpp_multistep::DPMPP_3M_SDE,
        SamplerKind::Dpmpp2s => &dpmpp_singlestep::DpmppSinglestep { order: 2 },
        SamplerKind::Dpmpp3s => &dpmpp_singlestep::DpmppSinglestep { order: 3 },
        SamplerKind::Dpmpp2sAncestral => &dpmpp_2s_ancestral::Dpmpp2sAncestral,
        SamplerKind::DpmppSde => &dpmpp_sde::DpmppSde,
        SamplerKind::UniPc => &unipc::UniPc,
        SamplerKind::Deis => &deis::Deis,
        SamplerKind::Ipndm => &ipndm::Ipndm,
        SamplerKind::Lcm => &lcm::Lcm,
        SamplerKind::Tcd => &tcd::Tcd,
        SamplerKind::FlowMatchEuler => &flow_match_euler::FlowMatchEuler,
    }
}

/// The trajectory of a validated question.
pub(crate) fn trajectory(problem: &Problem) -> Result<Trajectory, SamplingError> {
    if problem.prediction() == PredictionType::Flow && problem.config.kind != SamplerKind::FlowMatchEuler {
        return Err(problem.unsupported("this model is a rectified flow; use flow_match_euler"));
    }
    let sampler = sampler(problem.config.kind);
    let trajectory = match problem.config.convention {
        Convention::Diffusers => sampler.diffusers(problem)?,
        Convention::KDiffusion => {
            let trajectory = sampler.k_diffusion(problem)?;
            let factor = if takes_noise_factor(problem.config.kind) { problem.config.s_noise } else { 1.0 };
            if factor == 1.0 { trajectory } else { trajectory.with_noise_times(factor) }
        }
    };
    Ok(trajectory.unguided_below(problem.config.s_min_uncond, problem.config.s_min_uncond_all))
}

/// The samplers that A1111 hands `s_noise` to; "Euler a" is none of them.
fn takes_noise_factor(kind: SamplerKind) -> bool {
    matches!(
        kind,
        SamplerKind::Euler
            | SamplerKind::Heun
            | SamplerKind::Dpm2
            | SamplerKind::Dpm2Ancestral
            | SamplerKind::Dpmpp2sAncestral
            | SamplerKind::DpmppSde
            | SamplerKind::Dpmpp2mSde
            | SamplerKind::Dpmpp2mSdeHeun
            | SamplerKind::Dpmpp3mSde
    )
}
