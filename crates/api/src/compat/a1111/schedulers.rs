//! A1111's schedule types that are here, in its order.

use easel_imaging::infotext::schedule_label;
use easel_types::SigmaSchedule;
use serde::Serialize;
use utoipa::ToSchema;

/// A schedule type, as clients read it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SchedulerView {
    /// Its id.
    #[schema(example = "karras")]
    pub name: &'static str,
    /// As A1111 shows it.
    #[schema(example = "Karras")]
    pub label: &'static str,
    /// Other names.
    pub aliases: Option<Vec<&'static str>>,
    /// The exponent where a request names none; -1 for none.
    pub default_rho: f64,
    /// It looks at the model's own levels.
    pub need_inner_model: bool,
}

/// Ids, schedules (none is "Automatic"), exponents and whether the model's levels are looked at.
const LIST: [(&str, Option<SigmaSchedule>, f64, bool); 12] = [
    ("automatic", None, -1.0, false),
    ("uniform", Some(SigmaSchedule::Normal), -1.0, true),
    ("karras", Some(SigmaSchedule::Karras), 7.0, false),
    ("exponential", Some(SigmaSchedule::Exponential), -1.0, false),
    ("polyexponential", Some(SigmaSchedule::Polyexponential), 1.0, false),
    ("sgm_uniform", Some(SigmaSchedule::SgmUniform), -1.0, true),
    ("kl_optimal", Some(SigmaSchedule::KlOptimal), -1.0, false),
    ("align_your_steps", Some(SigmaSchedule::AlignYourSteps), -1.0, false),
    ("simple", Some(SigmaSchedule::Simple), -1.0, true),
    ("ddim", Some(SigmaSchedule::DdimUniform), -1.0, true),
    ("beta", Some(SigmaSchedule::Beta), -1.0, true),
    ("turbo", Some(SigmaSchedule::Turbo), -1.0, true),
];

/// The list.
pub fn views() -> Vec<SchedulerView> {
    let view =
        |&(name, schedule, default_rho, need_inner_model): &(&'static str, Option<SigmaSchedule>, f64, bool)| SchedulerView {
            name,
            label: schedule.map_or("Automatic", schedule_label),
            aliases: (name == "sgm_uniform").then(|| vec!["SGMUniform"]),
            default_rho,
            need_inner_model,
        };
    LIST.iter().map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::names;

    #[test]
    fn every_name_and_label_is_understood() {
        for (name, schedule, ..) in LIST {
            assert_eq!(names::schedule(name), schedule, "{name}");
        }
        for view in views() {
            assert_eq!(names::schedule(view.label), names::schedule(view.name), "{}", view.label);
            for alias in view.aliases.unwrap_or_default() {
                assert_eq!(names::schedule(alias), names::schedule(view.name), "{alias}");
            }
        }
    }
}
