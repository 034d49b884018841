//! Align Your Steps against diffusers' constants and the authors' interpolation (`fixtures/align_your_steps.py` makes and describes them).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::common::{fixture, numbers};
use easel_sampling::{AlignYourSteps, SamplerConfig, Table, TrainingConfig, TrainingSchedule, table};
use easel_types::{Convention, SamplerKind, SigmaSchedule, TimestepSpacing};
use serde_json::Value;

const TABLES: [(&str, AlignYourSteps); 2] =
    [("stable_diffusion", AlignYourSteps::StableDiffusion), ("stable_diffusion_xl", AlignYourSteps::StableDiffusionXl)];

fn run(align_your_steps: AlignYourSteps, convention: Convention, spacing: TimestepSpacing, steps: usize) -> Table {
    let training = TrainingSchedule::new(TrainingConfig { align_your_steps, ..TrainingConfig::default() }).unwrap();
    let mut config = SamplerConfig::new(SamplerKind::Euler, SigmaSchedule::AlignYourSteps);
    config.convention = convention;
    config.timestep_spacing = Some(spacing);
    table(&config, &training, steps as u32, None).unwrap()
}

/// The noise levels of an Euler run, from the scale of the model's input, and the closing one.
fn levels(table: &Table) -> Vec<f64> {
    let level = |c_in: f64| (1.0 / (c_in * c_in) - 1.0).sqrt();
    let last = table.rows.last().unwrap();
    // Euler's x' = x + (next - sigma) * m.
    let end = level(last.c_in) + last.x[1];
    table.rows.iter().map(|row| level(row.c_in)).chain([end]).collect()
}

#[track_caller]
fn assert_levels(ours: &[f64], golden: &[f64]) {
    assert_eq!(ours.len(), golden.len());
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-6 * b.max(1.0);
    assert!(ours.iter().zip(golden).all(near), "{ours:?} is not {golden:?}");
}

/// What the case of `count` levels holds.
fn loglinear(golden: &Value, count: usize) -> Vec<f64> {
    numbers(&golden["loglinear"][count.to_string()])
}

#[test]
fn ten_steps_are_diffusers_constants_in_every_spacing() {
    let golden = fixture("align_your_steps.json");
    for (name, kind) in TABLES {
        let golden = &golden["tables"][name];
        for spacing in TimestepSpacing::ALL {
            let table = run(kind, Convention::Diffusers, *spacing, 10);
            assert_levels(&levels(&table), &numbers(&golden["sigmas"]));
            let times: Vec<f64> = table.rows.iter().map(|row| row.timestep).collect();
            let near = times.iter().zip(numbers(&golden["timesteps"])).all(|(ours, golden)| (ours - golden).abs() < 1.0);
            assert!(near, "{times:?} is not {}", golden["timesteps"]);
        }
    }
}

#[test]
fn other_counts_are_interpolated_as_published() {
    let golden = fixture("align_your_steps.json");
    for (name, kind) in TABLES {
        let golden = &golden["tables"][name];
        for count in [2, 5, 8, 21, 31] {
            let mut published = loglinear(golden, count);
            published.push(0.0);
            assert_levels(&levels(&run(kind, Convention::KDiffusion, TimestepSpacing::Linspace, count)), &published);
            published.remove(count - 1);
            assert_levels(&levels(&run(kind, Convention::Diffusers, TimestepSpacing::Trailing, count - 1)), &published);
        }
        let mut published = numbers(&golden["sigmas"]);
        published.insert(10, 0.029);
        assert_levels(&levels(&run(kind, Convention::KDiffusion, TimestepSpacing::Linspace, 11)), &published);
    }
}
