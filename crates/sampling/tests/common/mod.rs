//! Runs a table on the small analytic model of the golden files, in f64.

#![allow(dead_code, reason = "every test binary uses another part of it")]

use std::{fs, path::Path};

use easel_sampling::{BrownianTree, NoiseDraw, SamplerConfig, Table, TrainingConfig};
use easel_types::NoiseKind;
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

/// `m = w*y + 0.2*tanh(u*y) + c*sin(t/120 + p)`.
pub struct Model {
    rounds: bool,
    w: State,
    u: State,
    c: State,
    p: State,
}

impl Model {
    /// The model of a fixture's header for a prediction type.
    pub fn new(header: &Value, prediction_type: &str) -> Self {
        let w = state(&header["w"][prediction_type]);
        Self { rounds: false, w, u: state(&header["u"]), c: state(&header["c"]), p: state(&header["p"]) }
    }

    /// The same, rounded to f32 as a network's output is.
    pub fn rounding(self) -> Self {
        Self { rounds: true, ..self }
    }

    fn output(&self, y: &State, t: f64) -> State {
        std::array::from_fn(|i| {
            let m = self.w[i] * y[i] + 0.2 * (self.u[i] * y[i]).tanh() + self.c[i] * (t / 120.0 + self.p[i]).sin();
            if self.rounds { f64::from(m as f32) } else { m }
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

/// The Brownian motion of a golden case at the times the peer asked for, which ours must be near.
pub struct Motion<'a> {
    tree: Option<BrownianTree>,
    times: std::slice::Iter<'a, Value>,
}

impl<'a> Motion<'a> {
    /// `times` are the range of the motion and the (from, to) of every query; `range` is the table's own.
    pub fn new(seed: &Value, times: Option<&'a Value>, range: Option<(f64, f64)>) -> Self {
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

    /// The next query's noise.
    pub fn noise(&mut self, from: f64, to: f64) -> State {
        let golden: Vec<f64> = numbers(self.times.next().unwrap()).into_iter().map(|time| f64::from(time as f32)).collect();
        assert!((from / golden[0] - 1.0).abs() < 2e-6 && (to / golden[1] - 1.0).abs() < 2e-6, "{from} to {to} is not {golden:?}");
        let noise = self.tree.as_mut().unwrap().noise(golden[0], golden[1]);
        std::array::from_fn(|i| noise[i].into())
    }
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
