//! Every sampler of the k-diffusion convention against k-diffusion itself (`fixtures/k_diffusion_tables.py` makes and describes the cases).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::common::{Model, Motion, State, fixture, relative_error, run, state};
use easel_sampling::{NoiseDraw, PredictionType, SamplerConfig, TrainingConfig, TrainingSchedule, table};
use easel_types::{Convention, SamplerKind, SigmaSchedule};
use serde_json::Value;

fn config(case: &Value) -> SamplerConfig {
    let heun = case[1]["solver_type"] == "heun";
    let kind = match case[0].as_str().unwrap() {
        "dpm_2" => SamplerKind::Dpm2,
        "dpm_2_ancestral" => SamplerKind::Dpm2Ancestral,
        "dpmpp_2m_sde" if heun => SamplerKind::Dpmpp2mSdeHeun,
        name => name.parse().unwrap(),
    };
    let mut config = SamplerConfig::new(kind, case[2].as_str().unwrap().parse::<SigmaSchedule>().unwrap());
    config.convention = Convention::KDiffusion;
    config.eta = case[1]["eta"].as_f64();
    config.s_churn = case[1]["s_churn"].as_f64().unwrap_or(0.0);
    config.discard_next_to_last_sigma = Some(false);
    config
}

/// `max|a - b| / max|b|`; k-diffusion ran in float64 on float32 schedules.
const TOLERANCE: f64 = 1e-6;

fn error(golden: &Value, case: &Value) -> Result<f64, String> {
    let config = config(case);
    let prediction = case[3].as_str().unwrap();
    let prediction_type = if prediction == "epsilon" { PredictionType::Epsilon } else { PredictionType::VPrediction };
    let training = TrainingSchedule::new(TrainingConfig { prediction_type, ..TrainingConfig::default() }).unwrap();
    let steps = case[4].as_u64().unwrap();
    let table = table(&config, &training, steps as u32, None).map_err(|error| error.to_string())?;
    let noise: Vec<State> = golden["noise"].as_array().unwrap().iter().map(state).collect();
    let mut fresh = noise[1..].iter();
    let mut start = noise[0].map(|eps| table.start.noise * eps);
    if table.start.churn > 0.0 {
        let churn = fresh.next().unwrap();
        start = std::array::from_fn(|i| start[i] + table.start.churn * churn[i]);
    }
    let mut motion = Motion::new(&golden["header"]["brownian_seed"], case.get(6), table.brownian_range);
    let draw = |draw: &NoiseDraw| match draw {
        NoiseDraw::Brownian { from, to } => motion.noise(*from, *to),
        _ => *fresh.next().unwrap(),
    };
    let run = run(&table, &Model::new(&golden["header"], prediction), start, draw);
    let error = relative_error(&run.last, &state(&case[5]));
    if error > TOLERANCE { Err(format!("{error:e}")) } else { Ok(error) }
}

#[test]
fn every_sampler_agrees_with_k_diffusion() {
    let golden = fixture("k_diffusion_tables.json");
    let cases = golden["cases"].as_array().unwrap();
    let mut failures = Vec::new();
    let mut worst = std::collections::BTreeMap::<String, f64>::new();
    for case in cases {
        match error(&golden, case) {
            Ok(error) => {
                let most = worst.entry(case[0].as_str().unwrap().to_owned()).or_default();
                *most = most.max(error);
            }
            Err(why) => failures.push(format!("{} {} {} {} n={}: {why}", case[0], case[1], case[2], case[3], case[4])),
        }
    }
    println!("worst relative errors of {} cases: {worst:?}", cases.len());
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), cases.len(), failures.join("\n"));
}
