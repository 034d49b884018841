//! Every sampler of the k-diffusion convention against k-diffusion itself (`fixtures/k_diffusion_tables.py` makes and describes the cases).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Model, State, fixture, numbers, relative_error, run, state};
use easel_sampling::{BrownianTree, NoiseDraw, PredictionType, SamplerConfig, TrainingConfig, TrainingSchedule, table};
use easel_types::{Convention, NoiseKind, SamplerKind, SigmaSchedule};
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

/// k-diffusion computes its coefficients in float32, and ancestral steps of a two-step schedule cancel badly there.
fn tolerance(kind: SamplerKind, steps: u64) -> f64 {
    match kind {
        SamplerKind::EulerAncestral | SamplerKind::Dpm2Ancestral | SamplerKind::Dpmpp2sAncestral if steps == 2 => 2e-4,
        _ => 1e-5,
    }
}

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
    if error > tolerance(config.kind, steps) { Err(format!("{error:e}")) } else { Ok(error) }
}

/// The Brownian motion at the times k-diffusion asked for, which ours must be near.
struct Motion<'a> {
    tree: Option<BrownianTree>,
    times: std::slice::Iter<'a, Value>,
}

impl<'a> Motion<'a> {
    fn new(seed: &Value, times: Option<&'a Value>, range: Option<(f64, f64)>) -> Self {
        let mut times = times.map_or(&[][..], |times| times.as_array().unwrap()).iter();
        let tree = times.next().map(numbers).map(|golden| {
            let golden: Vec<f64> = golden.into_iter().map(|time| f64::from(time as f32)).collect();
            let (low, high) = range.expect("the table has a Brownian motion");
            assert!(
                (low / golden[0] - 1.0).abs() < 1e-6 && (high / golden[1] - 1.0).abs() < 1e-6,
                "{low} to {high} is not {golden:?}"
            );
            BrownianTree::new(NoiseKind::TorchCpu, seed.as_u64().unwrap(), &[1, 4], golden[0], golden[1])
        });
        Self { tree, times }
    }

    fn noise(&mut self, from: f64, to: f64) -> State {
        let golden: Vec<f64> = numbers(self.times.next().unwrap()).into_iter().map(|time| f64::from(time as f32)).collect();
        assert!((from / golden[0] - 1.0).abs() < 2e-6 && (to / golden[1] - 1.0).abs() < 2e-6, "{from} to {to} is not {golden:?}");
        let noise = self.tree.as_mut().unwrap().noise(golden[0], golden[1]);
        std::array::from_fn(|i| noise[i].into())
    }
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
