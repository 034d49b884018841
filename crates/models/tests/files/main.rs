//! A model's files: what they are, what is read from them, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../weights_support/mod.rs"]
mod weights_support;

mod header;
mod library;
mod malformed_folders;
mod real_names;
mod set;
mod single_file;
