//! What a device takes, from a file such as `benches/data/h200.toml`.

use std::path::Path;

use easel_engine::{
    scheduler::{Cost, Curve, Mean},
    sim::cluster::{SimModel, SimShape},
};
use serde::Deserialize;

use crate::target::Simulated;

/// A device's times.
#[derive(Debug, Clone, Deserialize)]
pub struct Device {
    /// What it is, and whether it was measured.
    pub name: String,
    /// Memory in gigabytes.
    pub memory_gb: f64,
    /// Rows of each column of the step times.
    pub rows: Vec<u32>,
    /// Models.
    pub models: Vec<Model>,
}

/// A model's times.
#[derive(Debug, Clone, Deserialize)]
pub struct Model {
    /// Its name in mixes.
    pub name: String,
    /// What it takes on the device.
    pub weights_gb: f64,
    /// Bringing it in.
    pub load_ms: f64,
    /// Sizes.
    pub shapes: Vec<Shape>,
}

/// A size's times.
#[derive(Debug, Clone, Deserialize)]
pub struct Shape {
    /// Width and height.
    pub side: u32,
    /// A step, by rows.
    pub step_ms: Vec<f64>,
    /// Text encoders and noise.
    pub prepare_ms: f64,
    /// A slice of decoding.
    pub decode_slice_ms: f64,
    /// Slices of decoding.
    pub decode_slices: u32,
}

const H200: &str = include_str!("../../../data/h200.toml");

/// The device of a file, or an H200.
pub fn read(file: Option<&Path>) -> Result<Device, String> {
    let text = match file {
        Some(file) => std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?,
        None => H200.to_owned(),
    };
    let device: Device = toml::from_str(&text).map_err(|error| error.to_string())?;
    let columns = |shape: &Shape| shape.step_ms.len() == device.rows.len();
    match device.models.iter().all(|model| model.shapes.iter().all(columns)) {
        true => Ok(device),
        false => Err("every shape needs a time for each of the rows".to_owned()),
    }
}

impl Device {
    /// So many of them, in virtual time.
    pub fn simulated(&self, devices: usize) -> Simulated {
        let model = |model: &Model| SimModel { bytes: (model.weights_gb * 1e9) as u64, load: model.load_ms / 1e3 };
        let all =
            || self.models.iter().enumerate().flat_map(|(at, model)| model.shapes.iter().map(move |shape| (at, model, shape)));
        Simulated {
            name: self.name.clone(),
            devices,
            memory: Some((self.memory_gb * 1e9) as u64),
            models: self.models.iter().map(model).collect(),
            shapes: all().map(|(at, _, shape)| self.shape(at, shape)).collect(),
            places: all().map(|(_, model, shape)| (model.name.clone(), shape.side)).collect(),
        }
    }

    fn shape(&self, model: usize, shape: &Shape) -> SimShape {
        let step = Curve::new(self.rows.iter().copied().zip(shape.step_ms.iter().map(|ms| ms / 1e3)));
        let cost = Cost {
            prepare_slice: Mean::guess(shape.prepare_ms / 1e3),
            prepare_slices: Mean::guess(1.0),
            decode_slice: Mean::guess(shape.decode_slice_ms / 1e3),
            decode_slices: Mean::guess(f64::from(shape.decode_slices)),
            ..Cost::measured(step.unwrap_or_else(|| Curve::linear(1.0, 1.0, 1)))
        };
        SimShape { model, width: shape.side, height: shape.side, cost, rows_max: u32::MAX }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modelled_device_keeps_to_what_its_comments_say() {
        let device = read(None).unwrap().simulated(1);
        let place = |model: &str, side| device.places.iter().position(|place| *place == (model.to_owned(), side));
        let cost = |model, side| &device.shapes[place(model, side).unwrap()].cost;
        for (model, side, knee, solo) in [("sd15", 512, 16, 0.109), ("sdxl", 1024, 6, 0.822)] {
            let cost = cost(model, side);
            assert_eq!(cost.step.knee(), knee, "{model}");
            assert!((cost.solo(2, 20) - solo).abs() < 0.002, "{model}: {}", cost.solo(2, 20));
        }
        assert!(place("sdxl", 511).is_none());
    }
}
