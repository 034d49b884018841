//! Samplers and schedules under the names other programs use: A1111's labels ("DPM++ 2M Karras"), k-diffusion's (`k_euler_a`).

use easel_imaging::infotext::{sampler_label, schedule_label};
use easel_types::{SamplerKind, SigmaSchedule};

/// Spellings that no rule yields.
const SAMPLERS: [(&str, SamplerKind); 15] = [
    ("euler_a", SamplerKind::EulerAncestral),
    ("dpm_2", SamplerKind::Dpm2),
    ("dpm_2_ancestral", SamplerKind::Dpm2Ancestral),
    ("dpm_2_a", SamplerKind::Dpm2Ancestral),
    ("dpm2_a", SamplerKind::Dpm2Ancestral),
    ("dpm++_2m", SamplerKind::Dpmpp2m),
    ("dpm++_2m_sde", SamplerKind::Dpmpp2mSde),
    ("dpm++_3m_sde", SamplerKind::Dpmpp3mSde),
    ("dpm++_sde", SamplerKind::DpmppSde),
    ("dpmpp_2s_a", SamplerKind::Dpmpp2sAncestral),
    ("dpm++_2s_ancestral", SamplerKind::Dpmpp2sAncestral),
    ("uni_pc", SamplerKind::UniPc),
    ("plms", SamplerKind::Pndm),
    ("flowmatch_euler", SamplerKind::FlowMatchEuler),
    ("euler_flow", SamplerKind::FlowMatchEuler),
];

/// As above.
const SCHEDULES: [(&str, SigmaSchedule); 4] = [
    ("sgmuniform", SigmaSchedule::SgmUniform),
    ("ddim", SigmaSchedule::DdimUniform),
    ("ays", SigmaSchedule::AlignYourSteps),
    ("uniform", SigmaSchedule::Normal),
];

/// A sampler, and the schedule that an old joined name like "DPM++ 2M Karras" carries.
pub fn sampler(name: &str) -> Option<(SamplerKind, Option<SigmaSchedule>)> {
    if let Some(kind) = bare_sampler(name) {
        return Some((kind, None));
    }
    let (head, tail) = name.trim().rsplit_once([' ', '_'])?;
    let schedule = schedule(tail).filter(|schedule| matches!(schedule, SigmaSchedule::Karras | SigmaSchedule::Exponential))?;
    Some((bare_sampler(head)?, Some(schedule)))
}

/// A schedule. "Automatic" is none: whatever the sampler has.
pub fn schedule(name: &str) -> Option<SigmaSchedule> {
    let key = key(name);
    let of_ours =
        SigmaSchedule::ALL.iter().find(|schedule| schedule.name() == key || self::key(schedule_label(**schedule)) == key);
    of_ours.copied().or_else(|| SCHEDULES.iter().find(|(name, _)| *name == key).map(|(_, schedule)| *schedule))
}

fn bare_sampler(name: &str) -> Option<SamplerKind> {
    let key = key(name);
    let key = key.strip_prefix("k_").unwrap_or(&key);
    let of_ours = SamplerKind::ALL.iter().find(|kind| kind.name() == key || self::key(sampler_label(**kind)) == key);
    of_ours.copied().or_else(|| SAMPLERS.iter().find(|(name, _)| *name == key).map(|(_, kind)| *kind))
}

fn key(name: &str) -> String {
    name.trim().to_ascii_lowercase().replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_many_programs_are_known() {
        let cases = [
            ("euler_ancestral", SamplerKind::EulerAncestral, None),
            ("Euler a", SamplerKind::EulerAncestral, None),
            ("k_euler_a", SamplerKind::EulerAncestral, None),
            ("DPM++ 2M", SamplerKind::Dpmpp2m, None),
            ("dpm++ 2m sde heun", SamplerKind::Dpmpp2mSdeHeun, None),
            ("DPM++ 2M Karras", SamplerKind::Dpmpp2m, Some(SigmaSchedule::Karras)),
            ("DPM++ 3M SDE Exponential", SamplerKind::Dpmpp3mSde, Some(SigmaSchedule::Exponential)),
            ("k_dpmpp_2m_karras", SamplerKind::Dpmpp2m, Some(SigmaSchedule::Karras)),
            ("DPM++ 2S a", SamplerKind::Dpmpp2sAncestral, None),
            ("uni_pc", SamplerKind::UniPc, None),
            ("UniPC", SamplerKind::UniPc, None),
        ];
        for (name, kind, schedule) in cases {
            assert_eq!(sampler(name), Some((kind, schedule)), "{name}");
        }
        for name in ["", "eular", "karras", "DPM++ 2M Foo", "\u{0}"] {
            assert_eq!(sampler(name), None, "{name}");
        }
    }

    #[test]
    fn every_name_and_label_of_ours_is_known() {
        for kind in SamplerKind::ALL {
            assert_eq!(sampler(kind.name()), Some((*kind, None)));
            assert_eq!(sampler(sampler_label(*kind)), Some((*kind, None)));
        }
        for kind in SigmaSchedule::ALL {
            assert_eq!(schedule(kind.name()), Some(*kind));
        }
        assert_eq!(schedule("SGM Uniform"), Some(SigmaSchedule::SgmUniform));
        assert_eq!(schedule("nope"), None);
    }
}
