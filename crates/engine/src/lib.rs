//! The request scheduler: takes requests, plans them, drives a [`DenoiseBackend`](easel_backend::DenoiseBackend) step by step.
//!
//! A request's way: [`Engine::submit`] plans it on the caller's thread (`plan.rs`: defaults, limits, seeds, coefficient tables), hands it to
//! the scheduler and gives back a [`Ticket`]. One OS thread per device (`worker.rs`) asks the [`scheduler`] what to do next, does it on the
//! backend it owns, and reports. `core.rs` turns what the scheduler decides into events, which reach the ticket through a mailbox that
//! never blocks a device (`events.rs`).
//!
//! Invariants:
//! - no tensor, no HTTP, no database here; a backend is only ever touched by its own thread;
//! - every queue is bounded, and a full one refuses at the door;
//! - a cancelled request, or one whose ticket was dropped, stops before the next backend call;
//! - whatever goes wrong inside one request fails that request alone; a lost device is left to its supervisor;
//! - prompts are never logged; errors carry a stable code and a text for the user, internals go to the log only.
//!
//! Handles are cheap to clone and need no async runtime to exist; waiting uses `tokio::sync` only, looking for new models (`looks.rs`) a
//! blocking task.

mod by_hand;
mod clock;
mod config;
mod core;
mod curves;
mod engine;
mod error;
mod events;
mod foreteller;
mod looks;
mod metrics;
mod plan;
mod resolved;
pub mod scheduler;
pub mod sim;
mod status;
mod ticket;
mod worker;

pub use by_hand::StaysError;
pub use clock::{Clock, SystemClock};
pub use config::{EngineConfig, Limits};
pub use easel_backend::{BackendDescription, ModelDescription};
pub use engine::{Engine, Factory, Terms};
pub use error::{EngineError, ErrorCode, PlanError, SubmitError};
pub use events::{Event, Picture};
pub use plan::{Planned, output_size, plan};
pub use resolved::{Resolved, TaskKind};
pub use status::{DeviceStatus, State, Status};
pub use ticket::{Canceller, Outcome, RequestId, Ticket};
