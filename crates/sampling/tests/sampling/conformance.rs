//! Every sampler against results of diffusers' own schedulers (`fixtures/sampler_tables.json`; its header describes the format).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::common::{Model, configs, fixture, numbers, relative_error, run, state};
use easel_sampling::{TrainingSchedule, table};
use serde_json::Value;

fn compare(case: &Value, header: &Value, noise: &[Value]) -> Result<f64, String> {
    let (sampler, training) = configs(case);
    let training = TrainingSchedule::new(training).map_err(|error| error.to_string())?;
    let steps = case["steps"].as_u64().unwrap() as u32;
    let table = table(&sampler, &training, steps, case["strength"].as_f64()).map_err(|error| error.to_string())?;
    let times: Vec<f64> = table.rows.iter().map(|row| row.timestep).collect();
    let expected = numbers(&case["timesteps"]);
    if times.len() != expected.len() || times.iter().zip(&expected).any(|(a, b)| (a - b).abs() > 1e-3) {
        return Err(format!("timesteps {times:?}, expected {expected:?}"));
    }
    let eps = state(&noise[0]);
    let x0 = state(&header["latents"]);
    let start = std::array::from_fn(|i| table.start.image * x0[i] + table.start.noise * eps[i]);
    let start_error = relative_error(&start, &state(&case["x_start"]));
    if start_error > 1e-5 {
        return Err(format!("starts {start_error:e} away"));
    }
    let model = Model::new(header, case["prediction_type"].as_str().unwrap()).rounding();
    let mut fresh = noise[1..].iter();
    let run = run(&table, &model, start, |_| state(fresh.next().unwrap()));
    if run.draws != case["draws"].as_str().unwrap() {
        return Err(format!("draws {}, expected {}", run.draws, case["draws"]));
    }
    Ok(relative_error(&run.last, &state(&case["x_final"])))
}

#[test]
fn every_case_agrees_with_diffusers() {
    let golden = fixture("sampler_tables.json");
    let mut failures = Vec::new();
    let mut worst = (0.0, "");
    for case in golden["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        match compare(case, &golden["header"], golden["noise"].as_array().unwrap()) {
            Ok(error) if error <= 1e-5 => worst = if error > worst.0 { (error, id) } else { worst },
            Ok(error) => failures.push(format!("{id}: {error:e}")),
            Err(why) => failures.push(format!("{id}: {why}")),
        }
    }
    println!("worst relative error {:e} ({})", worst.0, worst.1);
    assert!(
        failures.is_empty(),
        "{} of {} failed:\n{}",
        failures.len(),
        golden["cases"].as_array().unwrap().len(),
        failures.join("\n")
    );
}
