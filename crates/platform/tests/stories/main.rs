//! The tests of this crate, as one program: async code is compiled anew into every program that runs it, and minutes of compiling for each
//! file would be the price of many.

mod common;
mod identity_provider;
mod receiver;

mod accounts;
mod backup;
mod bus;
mod credits;
mod disconnected;
mod faults;
mod fsck;
mod gallery;
mod housekeeping;
mod jobs;
mod keyring;
mod limits;
mod mail;
mod moderation;
mod payments;
mod pictures;
mod plans;
mod presigned;
mod privacy;
mod prompts;
mod safety;
mod schema;
mod sign_in;
mod simulation;
mod social;
mod spending;
mod subscriptions;
mod webhooks;
