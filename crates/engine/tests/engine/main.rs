//! The engine over a toy device. One program, because each is linked with everything; what computes for long has its own.

#[path = "../common/mod.rs"]
mod common;

mod batching;
mod cancel;
mod estimates;
mod failures;
mod models;
mod order;
mod plan;
mod queue;
mod shutdown;
mod slices;
