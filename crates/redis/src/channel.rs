//! Short messages to whoever listens now. Nothing is kept; who does not listen does not hear.

use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::PubSub;
use tokio::time::timeout;

use crate::{Redis, RedisError};

/// How long connecting may take.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// What is said in a channel, on a connection of its own.
pub struct Subscription(PubSub);

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

impl Subscription {
    /// The next message; `None` when the connection broke, after which there are no more.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        let message = self.0.on_message().next().await?;
        Some(message.get_payload_bytes().to_vec())
    }
}

impl Redis {
    /// Says something to everybody who listens, this program included.
    pub async fn publish(&self, channel: &str, payload: &[u8]) -> Result<(), RedisError> {
        let mut manager = self.manager.clone();
        let channel = self.channel(channel);
        let mut command = redis::cmd("PUBLISH");
        command.arg(channel).arg(payload);
        self.in_time(async move { command.query_async::<()>(&mut manager).await }).await
    }

    /// Begins to listen.
    pub async fn subscribe(&self, channel: &str) -> Result<Subscription, RedisError> {
        let opening = async {
            let mut connection = self.client.get_async_pubsub().await?;
            connection.subscribe(self.channel(channel)).await?;
            Ok(connection)
        };
        let opened = timeout(CONNECT_MAX, opening).await.map_err(|_| RedisError::Late)?;
        opened.map(Subscription).map_err(RedisError::Away)
    }

    fn channel(&self, name: &str) -> String {
        format!("{}:{name}", self.settings.prefix)
    }
}
