//! The native API over the real store, on both databases, with the engine over a toy device. One program: async code is compiled anew into every
//! program that runs it.

#[path = "../common/mod.rs"]
mod common;
#[path = "../../../platform/tests/stories/receiver.rs"]
mod receiver;

mod accounts;
mod admin;
mod authorisation;
mod avatars;
mod earlier;
mod files;
mod jobs;
mod looks;
mod masks;
mod openai;
mod organizations;
mod payments;
mod presigned;
mod prompts;
mod socket;
mod uploads;
