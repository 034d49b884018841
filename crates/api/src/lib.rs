//! HTTP: the routes, the wire formats they speak, and the one error type at the edge.
//!
//! [`router`] makes an [`axum::Router`] over an [`AppState`]; binding a port, TLS and shutdown are the server's business.
//!
//! Where things are: an endpoint is `routes/<resource>/<verb>.rs` and one line in `router.rs`; who may use it is a type in its arguments
//! (`auth/`); other programs' formats and spellings are translated in `compat/` and nowhere else; what every request gets (id, span, security
//! headers, time) is `observe.rs`. What is allowed and what it costs is `easel-platform`'s to say.
//!
//! Invariants:
//! - every error, whoever raises it, is OpenAI's JSON with all four keys (`error/`);
//! - every route is in [`openapi`], with what it needs;
//! - no body is read without a limit and a deadline, and no picture is made for a client that has gone away;
//! - prompts and bodies are never logged; internals are logged with the request's id and never sent.

// That a route may wait on any thread is proved for everything it awaits, which takes minutes for all of them: the list of routes is left out
// of this crate's own tests, which are of what routes are made from. Routes are tested from outside (`tests/`).
#![cfg_attr(test, allow(dead_code, unused_imports, reason = "used by the routes"))]

mod adapters;
pub mod auth;
mod cdn;
pub mod compat;
mod config;
mod earlier;
mod error;
mod extract;
mod features;
mod files;
mod generation;
mod layers;
mod limit;
mod observe;
mod openapi;
mod ordering;
mod outward;
mod prefix;
mod proxies;
#[cfg(not(test))]
mod router;
mod routes;
mod sent;
mod services;
mod state;
mod traffic;
mod views;

pub use adapters::{AdapterFile, AdapterKind, Adapters};
pub use auth::Door;
pub use cdn::Cdn;
pub use config::{ApiConfig, MetricsToken, ShownSetting};
pub use easel_platform::worker::infotext;
pub use error::ApiError;
pub use features::{Feature, Features};
pub use files::{FileStore, FilesConfig};
pub use observe::RequestId;
pub use prefix::is_prefix;
pub use proxies::Proxies;
#[cfg(not(test))]
pub use router::{health_router, openapi, router};
pub use services::Services;
pub use state::AppState;
