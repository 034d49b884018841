//! Two thousand more cases of diffusers' schedulers (`fixtures/diffusers_tables.py` makes and describes them): every option, few and many
//! steps, img2img, the factors that masked pictures are blended with.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::common::{Model, Motion, State, fixture, numbers, relative_error, run, state};
use easel_sampling::{
    NoiseDraw, PredictionType, SamplerConfig, Start, Table, TrainingConfig, TrainingSchedule, sampler_from_diffusers, table,
};
use easel_types::SamplerKind;
use serde_json::Value;

/// `max|a - b| / max|b|`; diffusers ran in float64 on float32 noise levels.
const TOLERANCE: f64 = 1e-6;

struct Case<'a> {
    options: &'a Value,
    prediction: &'a str,
    steps: u64,
    strength: Option<f64>,
    eta: Option<f64>,
    draws: &'a str,
    last: State,
    joins: Option<&'a Value>,
    motion: Option<&'a Value>,
}

impl<'a> Case<'a> {
    fn new(golden: &'a Value, case: &'a Value) -> Self {
        Self {
            options: &golden["options"][case[0].as_u64().unwrap() as usize],
            prediction: case[1].as_str().unwrap(),
            steps: case[2].as_u64().unwrap(),
            strength: case[3].as_f64(),
            eta: case[4].as_f64(),
            draws: case[5].as_str().unwrap(),
            last: state(&case[6]),
            joins: case.get(7).filter(|joins| !joins.is_null()),
            motion: case.get(8),
        }
    }

    fn config(&self) -> (SamplerConfig, TrainingSchedule) {
        let prediction_type = match self.prediction {
            "epsilon" => PredictionType::Epsilon,
            "v_prediction" => PredictionType::VPrediction,
            "sample" => PredictionType::Sample,
            _ => PredictionType::Flow,
        };
        let training = TrainingConfig {
            prediction_type,
            rescale_betas_zero_snr: self.options["rescale_betas_zero_snr"] == true,
            shift: self.options["shift"].as_f64().unwrap_or(1.0),
            ..TrainingConfig::default()
        };
        let mut sampler = sampler_from_diffusers(self.options, &training).unwrap();
        sampler.eta = self.eta;
        sampler.s_churn = self.options["s_churn"].as_f64().unwrap_or(0.0);
        (sampler, TrainingSchedule::new(training).unwrap())
    }

    fn check_joins(&self, table: &Table) -> Result<(), String> {
        let Some(joins) = self.joins else { return Ok(()) };
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * b.abs().max(0.1);
        if let Some([image, noise]) = joins[0].as_array().map(|_| numbers(&joins[0])).as_deref() {
            let Start { image: our_image, noise: our_noise, .. } = table.start;
            if !near(our_image, *image) || !near(our_noise, *noise) {
                return Err(format!("starts at {:?}, expected {}", table.start, joins[0]));
            }
        }
        for (row, blend) in table.rows.iter().zip(joins[1].as_array().unwrap()) {
            let expected = numbers(blend);
            if !near(row.blend.image, expected[0]) || !near(row.blend.noise, expected[1]) {
                return Err(format!("blends {:?}, expected {expected:?}", row.blend));
            }
        }
        let last = table.rows.last().map(|row| row.blend);
        if last.is_some_and(|blend| (blend.image, blend.noise) != (1.0, 0.0)) {
            return Err(format!("blends {last:?} at the end"));
        }
        Ok(())
    }

    fn error(&self, golden: &Value) -> Result<f64, String> {
        let (sampler, training) = self.config();
        let table = table(&sampler, &training, self.steps as u32, self.strength).map_err(|error| error.to_string())?;
        self.check_joins(&table)?;
        let noise: Vec<State> = golden["noise"].as_array().unwrap().iter().map(state).collect();
        let x0 = state(&golden["header"]["latents"]);
        let start = std::array::from_fn(|i| table.start.image * x0[i] + table.start.noise * noise[0][i]);
        let mut motion = Motion::new(&golden["header"]["brownian_seed"], self.motion, table.brownian_range);
        let mut fresh = noise[1..].iter();
        let draw = |draw: &NoiseDraw| match draw {
            NoiseDraw::Brownian { from, to } => motion.noise(*from, *to),
            _ => *fresh.next().unwrap(),
        };
        let run = run(&table, &Model::new(&golden["header"], self.prediction), start, draw);
        if sampler.kind != SamplerKind::DpmppSde && run.draws != self.draws {
            return Err(format!("draws {}, expected {}", run.draws, self.draws));
        }
        let error = relative_error(&run.last, &self.last);
        if error > TOLERANCE { Err(format!("{error:e}")) } else { Ok(error) }
    }
}

#[test]
fn every_option_agrees_with_diffusers() {
    let golden = fixture("diffusers_tables.json");
    let cases: Vec<Case> = golden["cases"].as_array().unwrap().iter().map(|case| Case::new(&golden, case)).collect();
    let mut failures = Vec::new();
    let mut worst = (0.0, String::new());
    for case in &cases {
        let id = format!("{} {} n={} strength={:?} eta={:?}", case.options, case.prediction, case.steps, case.strength, case.eta);
        match case.error(&golden) {
            Ok(error) => worst = if error > worst.0 { (error, id) } else { worst },
            Err(why) => failures.push(format!("{id}: {why}")),
        }
    }
    println!("worst relative error of {} cases: {:e} ({})", cases.len(), worst.0, worst.1);
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), cases.len(), failures.join("\n"));
}
