//! A1111's own DDIM and PLMS against their formulas in f64 (`fixtures/compvis_tables.py` makes and describes the cases).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::common::{Model, State, fixture, relative_error, run, state};
use easel_sampling::{PredictionType, SamplerConfig, TrainingConfig, TrainingSchedule, table};
use easel_types::{Convention, SigmaSchedule};
use serde_json::Value;

/// Both ran in float64 on the same float32 levels.
const TOLERANCE: f64 = 1e-9;

fn error(golden: &Value, case: &Value) -> f64 {
    let mut config = SamplerConfig::new(case[0].as_str().unwrap().parse().unwrap(), SigmaSchedule::Normal);
    (config.convention, config.eta) = (Convention::KDiffusion, case[1].as_f64());
    let prediction = case[2].as_str().unwrap();
    let prediction_type = if prediction == "epsilon" { PredictionType::Epsilon } else { PredictionType::VPrediction };
    let training = TrainingSchedule::new(TrainingConfig { prediction_type, ..TrainingConfig::default() }).unwrap();
    let strength = case[4].as_f64();
    let table = table(&config, &training, case[3].as_u64().unwrap() as u32, strength).unwrap();
    let noise: Vec<State> = golden["noise"].as_array().unwrap().iter().map(state).collect();
    let picture = state(&golden["picture"]);
    let start = std::array::from_fn(|i| table.start.image * picture[i] + table.start.noise * noise[0][i]);
    let mut fresh = noise[1..].iter();
    let run = run(&table, &Model::new(&golden["header"], prediction), start, |_| *fresh.next().unwrap());
    relative_error(&run.last, &state(&case[5]))
}

#[test]
fn ddim_and_plms_are_a1111s() {
    let golden = fixture("compvis_tables.json");
    let cases = golden["cases"].as_array().unwrap();
    // What leaves no step to run leaves the picture as it is here, and noised by a level in A1111.
    let runs =
        |case: &&Value| case[4].as_f64().is_none_or(|strength| (strength.min(0.999) * case[3].as_f64().unwrap()) as u32 >= 2);
    let all: Vec<&Value> = cases.iter().filter(runs).collect();
    assert!(all.len() > 100, "{} cases", all.len());
    for case in all {
        let error = error(&golden, case);
        assert!(error <= TOLERANCE, "{} eta {} {} n={} strength {}: {error:e}", case[0], case[1], case[2], case[3], case[4]);
    }
}
