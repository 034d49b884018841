//! The tests of this crate, as one program: async code is compiled anew into every program that runs it, and minutes of compiling for each
//! file would be the price of many.

mod common;

mod accounts;
mod backup;
mod credits;
mod disconnected;
mod fsck;
mod housekeeping;
mod jobs;
mod mail;
mod pictures;
mod privacy;
mod spending;
