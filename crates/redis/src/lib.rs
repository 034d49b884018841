//! What several nodes share where there is a Redis: counters of requests (`throttle.rs`) and a channel for what happens (`channel.rs`).
//!
//! Nothing is kept here that would be missed: without Redis every node goes on by itself. So nothing waits long for it, and every error is
//! [`RedisError`], which says that it is away. No sessions, no credits, no locks.

mod channel;
mod throttle;

use std::{fmt, time::Duration};

use redis::{
    Client,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use thiserror::Error;

pub use channel::Subscription;
pub use throttle::{Bucket, Verdict};

/// Where the Redis is, and how long it may take.
#[derive(Clone)]
pub struct Settings {
    /// `redis://user:password@host:6379/0`, `rediss://…` over TLS.
    pub url: String,
    /// What our keys and channels begin with.
    pub prefix: String,
    /// How long an answer may take before it counts as away.
    pub answer_max: Duration,
}

impl Settings {
    /// With the usual limits: 50 ms.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), prefix: "easel".to_owned(), answer_max: Duration::from_millis(50) }
    }
}

impl fmt::Debug for Settings {
    /// Without the address: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("prefix", &self.prefix).field("answer_max", &self.answer_max).finish_non_exhaustive()
    }
}

/// Redis cannot be used.
#[derive(Debug, Error)]
pub enum RedisError {
    /// Its address is none.
    #[error("the address of Redis is not one: redis://host:6379")]
    Address,
    /// It is away, or says something that we do not understand.
    #[error("Redis does not answer")]
    Away(#[source] redis::RedisError),
    /// It did not answer in time.
    #[error("Redis does not answer in time")]
    Late,
}

/// Redis. Cheap to clone; connects when it is first needed, and again when a connection breaks.
#[derive(Clone)]
pub struct Redis {
    client: Client,
    manager: ConnectionManager,
    settings: Settings,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Redis {
    /// Does not connect yet: a Redis that is away must not keep a server from starting.
    ///
    /// # Errors
    /// [`RedisError::Address`].
    pub fn new(settings: Settings) -> Result<Self, RedisError> {
        // The client wants one for the whole program, and panics where there could be two. Whoever was here before has made it.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        // Its own error may repeat the address, which may hold a password.
        let client = Client::open(settings.url.as_str()).map_err(|_| RedisError::Address)?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(Duration::from_secs(1)))
            .set_response_timeout(Some(settings.answer_max));
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config).map_err(RedisError::Away)?;
        Ok(Self { client, manager, settings })
    }

    /// Whether it answers.
    pub async fn check(&self) -> Result<(), RedisError> {
        let mut manager = self.manager.clone();
        self.in_time(async move { redis::cmd("PING").query_async::<()>(&mut manager).await }).await
    }

    async fn in_time<T>(&self, asking: impl Future<Output = Result<T, redis::RedisError>>) -> Result<T, RedisError> {
        let answer = tokio::time::timeout(self.settings.answer_max, asking).await;
        answer.map_err(|_| RedisError::Late)?.map_err(RedisError::Away)
    }
}
