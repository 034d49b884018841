//! The commands: the real binary in a home of its own. What draws for long, or for many, has a program of its own.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;

mod config;
mod doctor;
mod library;
mod people;
mod prompts;
mod secrets;
mod usage;
