//! `docs/samplers.md` lists what there is: every id, the conventions that define it, what a step costs.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeMap, fs, path::Path};

use easel_sampling::{PredictionType, SamplerConfig, TrainingConfig, TrainingSchedule, table};
use easel_types::{Convention, SamplerKind, SigmaSchedule};

/// The table rows of a section by their ids, without the backquotes.
fn section(name: &str) -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/samplers.md")).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with(name)).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    let cells = rows.map(|row| row.split(" | ").map(|cell| cell.trim_end_matches('`').to_owned()).collect::<Vec<_>>());
    cells.map(|cells| (cells[0].clone(), cells)).collect()
}

/// Evaluations of an 8-step run, where the convention defines the sampler.
fn evaluations(kind: SamplerKind, convention: Convention) -> Option<usize> {
    let flow = kind == SamplerKind::FlowMatchEuler;
    let prediction_type = if flow { PredictionType::Flow } else { PredictionType::Epsilon };
    let training = TrainingSchedule::new(TrainingConfig { prediction_type, ..TrainingConfig::default() }).unwrap();
    let mut config = SamplerConfig::new(kind, SigmaSchedule::Normal);
    config.convention = convention;
    Some(table(&config, &training, 8, None).ok()?.rows.len())
}

#[test]
fn every_sampler_is_listed_with_its_conventions_and_cost() {
    let mut listed = section("Samplers");
    for kind in SamplerKind::ALL {
        let row = listed.remove(kind.name()).unwrap_or_else(|| panic!("{kind} is not listed"));
        let defined: Vec<_> = Convention::ALL.iter().copied().filter(|c| evaluations(*kind, *c).is_some()).collect();
        assert_eq!(row[2], defined.iter().map(|c| c.name()).collect::<Vec<_>>().join(", "), "{kind}");
        let cost = match evaluations(*kind, defined[0]).unwrap() {
            8 => "1",
            9 => "1, and one more",
            // The last step needs one only, as it ends at zero.
            15 => "2",
            other => panic!("{kind} has {other} evaluations"),
        };
        assert_eq!(row[3], cost, "{kind}");
    }
    assert!(listed.is_empty(), "no such samplers: {listed:?}");
}

#[test]
fn every_schedule_is_listed() {
    let mut listed = section("Schedules");
    for schedule in SigmaSchedule::ALL {
        assert!(listed.remove(schedule.name()).is_some(), "{schedule} is not listed");
    }
    assert!(listed.is_empty(), "no such schedules: {listed:?}");
}
