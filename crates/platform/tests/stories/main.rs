//! The tests of this crate, as one program: async code is compiled anew into every program that runs it, and minutes of compiling for each
//! file would be the price of many.

mod common;
mod elsewhere;
#[allow(clippy::unwrap_used, reason = "a failure is a failed test")]
#[path = "../../../providers/tests/fakes/mod.rs"]
mod fakes;
mod identity_provider;
mod receiver;
#[path = "../../../outbound/tests/common/sixty.rs"]
mod sixty;

mod accounts;
mod api_configs;
mod backup;
mod bus;
mod canaries;
mod credits;
mod creem;
mod disconnected;
mod fallback;
mod faults;
mod fsck;
mod gallery;
mod housekeeping;
mod jobs;
mod keyring;
mod keys;
mod limits;
mod mail;
mod moderation;
mod organizations;
mod payments;
mod pictures;
mod plans;
mod presigned;
mod privacy;
mod prompts;
mod provider_webhooks;
mod safety;
mod schema;
mod sign_in;
mod simulation;
mod social;
mod spending;
mod subscriptions;
mod waiting;
mod webhooks;
