//! AUTOMATIC1111's API over a real database and a toy device, asked as its clients ask.

#[path = "../common/mod.rs"]
mod common;
mod support;

mod doors;
mod drawing;
mod extras;
mod lists;
mod options;
mod pictures;
mod roundtrip;
mod tasks;
