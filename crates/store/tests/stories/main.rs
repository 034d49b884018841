//! The tests of this crate, as one program: async code is compiled anew into every program that runs it, and minutes of compiling for each
//! file would be the price of many.

mod common;

mod audit;
mod backup;
mod document;
mod jobs;
mod ledger;
mod migrations;
