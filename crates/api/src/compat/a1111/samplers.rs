//! A1111's samplers in its order, with the names its clients know them by, and what each does where a request says nothing.

use easel_imaging::infotext::{sampler_label, schedule_label};
use easel_types::{Convention, SamplerKind, SigmaSchedule, TimestepSpacing};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A sampler of the list.
pub struct Listed {
    /// The update rule.
    pub kind: SamplerKind,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// What "Automatic" means for it, if not evenly spaced steps.
    pub schedule: Option<SigmaSchedule>,
}

const KARRAS: Option<SigmaSchedule> = Some(SigmaSchedule::Karras);
const EXPONENTIAL: Option<SigmaSchedule> = Some(SigmaSchedule::Exponential);

/// Those of A1111 that are here, then the others of ours.
pub const LIST: [Listed; 20] = [
    listed(SamplerKind::Dpmpp2m, &["k_dpmpp_2m"], KARRAS),
    listed(SamplerKind::DpmppSde, &["k_dpmpp_sde"], KARRAS),
    listed(SamplerKind::Dpmpp2mSde, &["k_dpmpp_2m_sde"], EXPONENTIAL),
    listed(SamplerKind::Dpmpp2mSdeHeun, &["k_dpmpp_2m_sde_heun"], EXPONENTIAL),
    listed(SamplerKind::Dpmpp2sAncestral, &["k_dpmpp_2s_a"], KARRAS),
    listed(SamplerKind::Dpmpp3mSde, &["k_dpmpp_3m_sde"], EXPONENTIAL),
    listed(SamplerKind::EulerAncestral, &["k_euler_a", "k_euler_ancestral"], None),
    listed(SamplerKind::Euler, &["k_euler"], None),
    listed(SamplerKind::Lms, &["k_lms"], None),
    listed(SamplerKind::Heun, &["k_heun"], None),
    listed(SamplerKind::Dpm2, &["k_dpm_2"], KARRAS),
    listed(SamplerKind::Dpm2Ancestral, &["k_dpm_2_a"], KARRAS),
    listed(SamplerKind::Ddim, &["ddim"], None),
    listed(SamplerKind::Pndm, &["plms"], None),
    listed(SamplerKind::UniPc, &["unipc"], None),
    listed(SamplerKind::Lcm, &["k_lcm"], None),
    listed(SamplerKind::Ipndm, &["ipndm"], None),
    listed(SamplerKind::Deis, &["deis"], None),
    listed(SamplerKind::Ddpm, &["ddpm"], None),
    listed(SamplerKind::Tcd, &["tcd"], None),
];

const fn listed(kind: SamplerKind, aliases: &'static [&'static str], schedule: Option<SigmaSchedule>) -> Listed {
    Listed { kind, aliases, schedule }
}

/// What "Automatic" means for a sampler.
pub fn automatic(kind: SamplerKind) -> SigmaSchedule {
    let listed = LIST.iter().find(|listed| listed.kind == kind);
    listed.and_then(|listed| listed.schedule).unwrap_or(SigmaSchedule::Normal)
}

/// Whose arithmetic a sampler has: k-diffusion's, as in A1111, where k-diffusion has it.
pub fn convention(kind: SamplerKind) -> Convention {
    match kind {
        SamplerKind::Euler
        | SamplerKind::EulerAncestral
        | SamplerKind::Heun
        | SamplerKind::Dpm2
        | SamplerKind::Dpm2Ancestral
        | SamplerKind::Lms
        | SamplerKind::Dpmpp2m
        | SamplerKind::Dpmpp2mSde
        | SamplerKind::Dpmpp2mSdeHeun
        | SamplerKind::Dpmpp3mSde
        | SamplerKind::Dpmpp2sAncestral
        | SamplerKind::DpmppSde
        | SamplerKind::Lcm
        // A1111's own, over the noise levels that k-diffusion has there.
        | SamplerKind::Ddim
        | SamplerKind::Pndm => Convention::KDiffusion,
        _ => Convention::Diffusers,
    }
}

/// Where A1111 lets the timesteps of its own samplers fall; of the others it is the model's to say.
pub fn spacing(kind: SamplerKind) -> Option<TimestepSpacing> {
    matches!(kind, SamplerKind::Ddim | SamplerKind::Pndm).then_some(TimestepSpacing::Leading)
}

/// Whether noise is added between the steps, and then how much where nobody says: A1111's `eta_ancestral` or `eta_ddim`.
pub fn own_eta(kind: SamplerKind) -> Option<Eta> {
    match kind {
        SamplerKind::Ddim => Some(Eta::Ddim),
        SamplerKind::EulerAncestral
        | SamplerKind::Dpm2Ancestral
        | SamplerKind::Dpmpp2sAncestral
        | SamplerKind::DpmppSde
        | SamplerKind::Dpmpp2mSde
        | SamplerKind::Dpmpp2mSdeHeun
        | SamplerKind::Dpmpp3mSde => Some(Eta::Ancestral),
        _ => None,
    }
}

/// Which of A1111's settings says how much noise there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eta {
    /// `eta_ancestral`, 1 by default.
    Ancestral,
    /// `eta_ddim`, 0 by default.
    Ddim,
}

impl Eta {
    /// What the sampler itself does where nobody says.
    pub fn usual(self) -> f64 {
        match self {
            Self::Ancestral => 1.0,
            Self::Ddim => 0.0,
        }
    }
}

/// A sampler, as clients read it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SamplerView {
    /// As A1111 shows it.
    #[schema(example = "DPM++ 2M")]
    pub name: &'static str,
    /// Other names.
    pub aliases: Vec<&'static str>,
    /// `scheduler`: what "Automatic" means for it.
    pub options: BTreeMap<&'static str, String>,
}

/// The list.
pub fn views() -> Vec<SamplerView> {
    let view = |listed: &Listed| SamplerView {
        name: sampler_label(listed.kind),
        aliases: listed.aliases.to_vec(),
        options: listed.schedule.iter().map(|schedule| ("scheduler", schedule_label(*schedule).to_lowercase())).collect(),
    };
    LIST.iter().map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::names;

    #[test]
    fn every_name_of_the_list_is_understood() {
        for view in views() {
            let kind = names::sampler(view.name).map(|found| found.0);
            assert!(kind.is_some(), "{}", view.name);
            for alias in view.aliases {
                assert_eq!(names::sampler(alias).map(|found| found.0), kind, "{alias}");
            }
        }
    }

    #[test]
    fn automatic_is_a1111s() {
        assert_eq!(automatic(SamplerKind::Dpmpp2m), SigmaSchedule::Karras);
        assert_eq!(automatic(SamplerKind::Dpmpp3mSde), SigmaSchedule::Exponential);
        assert_eq!(automatic(SamplerKind::EulerAncestral), SigmaSchedule::Normal);
    }
}
