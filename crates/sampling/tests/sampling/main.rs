//! Coefficient tables and noise, against what others compute and against their own definition.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;

mod a1111_noise;
mod align_your_steps;
mod churn;
mod compvis_tables;
mod conformance;
mod diffusers_tables;
mod docs;
mod first_noise;
mod k_diffusion_tables;
mod noise;
mod properties;
mod schedules;
mod training;
