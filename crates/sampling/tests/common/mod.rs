//! Runs a table on the small analytic model of the golden files, in f64.

#![allow(dead_code, reason = "every test binary uses another part of it")]

use std::{fs, path::Path};

use easel_sampling::{NoiseDraw, SamplerConfig, Table, TrainingConfig};
use serde_json::Value;

/// Four elements are enough: every update is the same for all.
pub type State = [f64; 4];

/// Reads a fixture.
pub fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    serde_json::from_slice(&fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

/// An array of numbers.
pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// Four numbers.
pub fn state(value: &Value) -> State {
    numbers(value).try_into().unwrap()
}

/// `m = w*y + 0.2*tanh(u*y) + c*sin(t/120 + p)`, rounded to f32 as a network's output is.
pub struct Model {
    w: State,
    u: State,
    c: State,
    p: State,
}

impl Model {
    /// The model of a fixture's header for a prediction type.
    pub fn new(header: &Value, prediction_type: &str) -> Self {
        let w = state(&header["w"][prediction_type]);
        Self { w, u: state(&header["u"]), c: state(&header["c"]), p: state(&header["p"]) }
    }

    fn output(&self, y: &State, t: f64) -> State {
        std::array::from_fn(|i| {
            let m = self.w[i] * y[i] + 0.2 * (self.u[i] * y[i]).tanh() + self.c[i] * (t / 120.0 + self.p[i]).sin();
            f64::from(m as f32)
        })
    }
}

/// What a run showed.
pub struct Run {
    /// The latents after the last row.
    pub last: State,
    /// Draws per row, one digit each.
    pub draws: String,
}

/// Runs a table from `x`; `draw` answers every row that wants noise.
pub fn run(table: &Table, model: &Model, mut x: State, mut draw: impl FnMut(&NoiseDraw) -> State) -> Run {
    let mut h = [[0.0; 4]; 3];
    let mut draws = String::new();
    for row in &table.rows {
        let m = model.output(&x.map(|value| row.c_in * value), row.timestep);
        let z = if row.noise == NoiseDraw::None { [0.0; 4] } else { draw(&row.noise) };
        draws.push(if row.noise == NoiseDraw::None { '0' } else { '1' });
        let inputs = [x, m, h[0], h[1], h[2], z];
        let combine = |weights: &[f64]| -> State {
            std::array::from_fn(|i| weights.iter().zip(&inputs).map(|(weight, input)| weight * input[i]).sum())
        };
        let next = combine(&row.x);
        h = row.history.map(|weights| combine(&weights));
        x = next;
    }
    Run { last: x, draws }
}

/// `max|a - b| / max|b|`.
pub fn relative_error(a: &State, b: &State) -> f64 {
    let scale = b.iter().fold(1e-30f64, |most, value| most.max(value.abs()));
    a.iter().zip(b).fold(0.0f64, |most, (a, b)| most.max((a - b).abs())) / scale
}

/// The training and sampler of a golden case.
pub fn configs(case: &Value) -> (SamplerConfig, TrainingConfig) {
    let mut training = TrainingConfig {
        prediction_type: serde_json::from_value(case["prediction_type"].clone()).unwrap(),
        ..Default::default()
    };
    if case["sampler"]["rescale_betas_zero_snr"] == true {
        training.rescale_betas_zero_snr = true;
    }
    let mut sampler = easel_sampling::sampler_from_diffusers(&case["sampler"], &training).unwrap();
    sampler.eta = case["eta"].as_f64();
    (sampler, training)
}
