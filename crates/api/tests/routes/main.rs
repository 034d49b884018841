//! Routes over a toy device: a file for each. One program: async code is compiled anew into every program that runs it.

#[path = "../common/mod.rs"]
mod common;
#[path = "../../../platform/tests/stories/identity_provider.rs"]
mod identity_provider;
#[path = "../../../platform/tests/stories/receiver.rs"]
mod receiver;
#[path = "../../../outbound/tests/common/sixty.rs"]
mod sixty;

mod edits;
mod errors;
mod files;
mod gallery;
mod generate;
mod health;
mod limits;
mod local;
mod models;
mod page;
mod remote;
mod sign_in;
mod tcp;
mod webhooks;
