//! Model times of every schedule, as snapshots: a change here changes pictures.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write;

use easel_sampling::{SamplerConfig, TrainingConfig, TrainingSchedule, table};
use easel_types::{Convention, SamplerKind, SigmaSchedule, TimestepSpacing};

fn show(convention: Convention, kind: SamplerKind, spacing: Option<TimestepSpacing>) -> String {
    let training = TrainingSchedule::new(TrainingConfig::default()).unwrap();
    let mut text = String::new();
    for schedule in SigmaSchedule::ALL {
        let mut config = SamplerConfig::new(kind, *schedule);
        config.convention = convention;
        config.timestep_spacing = spacing;
        match table(&config, &training, 8, None) {
            Ok(table) => {
                let times = table.rows.iter().map(|row| format!("{:.2}", row.timestep)).collect::<Vec<_>>().join(" ");
                writeln!(text, "{schedule}: from {:.4} at {times}", table.start.noise).unwrap();
            }
            Err(error) => writeln!(text, "{schedule}: {error}").unwrap(),
        }
    }
    text
}

#[test]
fn k_diffusion() {
    insta::assert_snapshot!(show(Convention::KDiffusion, SamplerKind::Euler, None));
}

#[test]
fn euler_in_diffusers() {
    insta::assert_snapshot!(show(Convention::Diffusers, SamplerKind::Euler, Some(TimestepSpacing::Linspace)));
}

#[test]
fn dpmpp_2m_in_diffusers() {
    insta::assert_snapshot!(show(Convention::Diffusers, SamplerKind::Dpmpp2m, Some(TimestepSpacing::Linspace)));
}
