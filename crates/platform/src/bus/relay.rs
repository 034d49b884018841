//! The ways from node to node: PostgreSQL, which nodes share anyway, and Redis, which takes larger messages and more of them.

use std::{error::Error, pin::Pin};

use easel_redis::{Redis, Subscription};
use easel_store::{Db, Engine, StoreError, notify};

/// What carries it, on either.
const CHANNEL: &str = "easel_news";
/// A preview of this many bytes is worth sending; a larger one is not.
const REDIS_BYTES_MAX: usize = 256 * 1024;

/// What went wrong on the way; for the log.
pub type RelayError = Box<dyn Error + Send + Sync>;

type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A way to every other node.
pub trait Relay: Send + Sync + 'static {
    /// No message may be longer.
    fn bytes_max(&self) -> usize;
    /// Says something to every node, this one included.
    fn say<'a>(&'a self, message: &'a str) -> Later<'a, Result<(), RelayError>>;
    /// Begins to listen.
    fn listen(&self) -> Later<'_, Result<Box<dyn Listening>, RelayError>>;
}

/// What the nodes say.
pub trait Listening: Send {
    /// The next message; `None` when the connection broke.
    fn hear(&mut self) -> Later<'_, Option<String>>;
}

/// By LISTEN and NOTIFY. Messages are short, so previews stay on the node they are made on.
#[derive(Debug, Clone)]
pub struct PostgresRelay(Db);

impl PostgresRelay {
    /// `None` for SQLite, where there is one node.
    pub fn new(db: Db) -> Option<Self> {
        (db.engine() == Engine::Postgres).then_some(Self(db))
    }
}

impl Relay for PostgresRelay {
    fn bytes_max(&self) -> usize {
        notify::PAYLOAD_MAX - 1
    }

    fn say<'a>(&'a self, message: &'a str) -> Later<'a, Result<(), RelayError>> {
        Box::pin(async move { Ok(notify::send(&self.0, CHANNEL, message).await?) })
    }

    fn listen(&self) -> Later<'_, Result<Box<dyn Listening>, RelayError>> {
        Box::pin(async move {
            let listener = notify::Listener::open(&self.0, CHANNEL).await?;
            Ok(Box::new(listener) as Box<dyn Listening>)
        })
    }
}

impl Listening for notify::Listener {
    fn hear(&mut self) -> Later<'_, Option<String>> {
        Box::pin(async move {
            match self.next().await {
                Ok(message) => message,
                Err(error) => {
                    note(&error);
                    None
                }
            }
        })
    }
}

fn note(error: &StoreError) {
    tracing::debug!(%error, "the connection to other nodes broke");
}

/// By Redis' channels.
#[derive(Debug, Clone)]
pub struct RedisRelay(Redis);

impl RedisRelay {
    /// Over this Redis.
    pub fn new(redis: Redis) -> Self {
        Self(redis)
    }
}

impl Relay for RedisRelay {
    fn bytes_max(&self) -> usize {
        REDIS_BYTES_MAX
    }

    fn say<'a>(&'a self, message: &'a str) -> Later<'a, Result<(), RelayError>> {
        Box::pin(async move { Ok(self.0.publish(CHANNEL, message.as_bytes()).await?) })
    }

    fn listen(&self) -> Later<'_, Result<Box<dyn Listening>, RelayError>> {
        Box::pin(async move { Ok(Box::new(self.0.subscribe(CHANNEL).await?) as Box<dyn Listening>) })
    }
}

impl Listening for Subscription {
    fn hear(&mut self) -> Later<'_, Option<String>> {
        Box::pin(async move { Some(String::from_utf8_lossy(&self.next().await?).into_owned()) })
    }
}
