//! External image services: what the local engine cannot serve, somebody else may, if the operator and the tenant want it so.
//!
//! | question | file |
//! |---|---|
//! | what can a model do, what does it cost | `catalogue.rs`, `data/catalogue.toml` |
//! | what of an order can it do, what is dropped, what is the price | `order.rs`, `fit.rs` |
//! | who is asked | `routing.rs`, `breaker.rs`, `budget.rs`; with the numbers in `fleet.rs` |
//! | how is it asked | `provider.rs`, `adapters/`, `wire.rs`, `answer.rs` |
//! | what if this process dies meanwhile | `task.rs`, `journal.rs`, `drive.rs` |
//! | is a webhook theirs | `webhook/` |
//! | which accounts are there | `registry.rs` |
//!
//! Invariants: nothing is sent without an account that somebody configured; the price is settled before anything is sent; a submission whose
//! answer was lost is never sent again unless its provider honours keys; every address goes through `easel-outbound`, and those that answers
//! name reach the provider's own hosts alone; no key, prompt or message of a provider is in an error, a `Debug` or a log.
//!
//! Time, the database and the choice of a tenant's rules are others'.

mod adapters;
mod answer;
mod breaker;
mod budget;
mod catalogue;
mod drive;
mod error;
mod fit;
mod fleet;
mod journal;
mod kind;
mod metrics;
mod money;
mod order;
mod provider;
mod registry;
mod routing;
mod secret;
mod task;
pub mod webhook;
mod wire;

pub use breaker::{Breaker, BreakerState, Instant, Permit, Refusal, Thresholds};
pub use budget::{Budget, Limit, OverBudget, Reservation, Spent, periods_of};
pub use catalogue::{Ability, Capabilities, Catalogue, CatalogueError, Price, Ratio, Size, Sizes};
pub use drive::{Drive, DriveError, Pace, Served, Step};
pub use error::{Accepted, FailureClass, ProviderError};
pub use fit::{Change, Fitted, Quote, Unfit};
pub use fleet::{Fleet, Leave, NotNow};
pub use journal::{Journal, NotWritten};
pub use kind::{BadName, Kind, ProviderId, UnknownKind};
pub use metrics::{Counts, LATENCY_BUCKETS, Latency, Snapshot, Spend};
pub use money::Micros;
pub use order::{Field, Order, names_loras};
pub use provider::{Answering, ImageProvider};
pub use registry::{Account, AccountError, Registered, Registry, connect};
pub use routing::{Candidate, Decision, Failure, FallbackReason, JobRules, Local, Rules, Situation, Tenant, Tried, route};
pub use secret::Secret;
pub use task::{Attempt, AttemptKey, Callback, Cancelled, Delivery, Output, Polled, Recovery, Submitted, TaskHandle};
pub use wire::Owner;
