//! Webhooks: users name addresses, and what happens to their jobs is told there, signed, at least once.
//!
//! By Standard Webhooks (standardwebhooks.com, specification 1.0.0). An event keeps its id through every attempt and on every endpoint, so that
//! receivers can tell; the events of one job arrive in order. An address that leads inside is refused when it is named and again, whatever its
//! name then stands for, whenever something is sent (`easel_outbound`). Redirects are failures, as the specification has it.
//!
//! | rule | file |
//! |---|---|
//! | what an owner can do with an endpoint | `endpoints.rs` |
//! | an event becomes one delivery for each endpoint that wants it | `fan_out.rs` |
//! | deliveries are sent, tried again, given up; an endpoint that fails for days is disabled | `send.rs` |
//! | how a body is signed | `signature.rs` |
//! | when it is tried again | `pause.rs` |

mod endpoints;
mod fan_out;
mod pause;
mod send;
mod signature;

use std::time::Duration;

use easel_outbound::Client;

use crate::{Context, events::Events, keyring::Keyring};

pub use endpoints::{EndpointWords, ShownEndpoint};
pub use send::Sent;

/// What can be told of.
pub const TOPICS: [&str; 3] = ["job.completed", "job.failed", "job.cancelled"];
/// What a test sends; every endpoint gets it.
pub const TEST_TOPIC: &str = "webhook.test";

/// Times and limits of webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Endpoints of one user.
    pub endpoints_max: i64,
    /// How long an old secret is signed with too.
    pub secret_overlap: Duration,
    /// When an endpoint at which nothing has arrived for so long is disabled.
    pub disable_after: Duration,
    /// How long a receiver may take to answer.
    pub answer_max: Duration,
    /// Deliveries that are sent at a time by one node.
    pub at_once: usize,
}

impl Default for Settings {
    fn default() -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        Self {
            endpoints_max: 20,
            secret_overlap: HOUR * 24,
            disable_after: HOUR * 24 * 5,
            answer_max: Duration::from_secs(15),
            at_once: 16,
        }
    }
}

/// The webhooks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Webhooks {
    context: Context,
    events: Events,
    keyring: Keyring,
    client: Client,
    settings: Settings,
}

impl Webhooks {
    /// Over this database, through this client.
    pub fn new(context: Context, keyring: Keyring, client: Client, settings: Settings) -> Self {
        Self { events: Events::new(context.clone()), context, keyring, client, settings }
    }
}
