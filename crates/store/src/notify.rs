//! Short messages between programs that share a PostgreSQL: LISTEN and NOTIFY. Nothing is kept; who does not listen does not hear.

use sqlx::postgres::{PgListener, PgPoolOptions};

use crate::{Db, StoreError, db::Pools, query::query};

/// A message may have so many bytes less one (PostgreSQL's own limit).
pub const PAYLOAD_MAX: usize = 8000;

/// Sends a message to everybody who listens, this program included.
///
/// # Errors
/// [`StoreError::Settings`] for a message that is too long, or on SQLite, where there is nobody else.
pub async fn send(db: &Db, channel: &str, payload: &str) -> Result<(), StoreError> {
    if !matches!(db.pools, Pools::Postgres(_)) || payload.len() >= PAYLOAD_MAX {
        return Err(StoreError::Settings("this message cannot be sent to other programs".to_owned()));
    }
    // A function, and not the statement, takes its arguments as values.
    query(db, "SELECT pg_notify($1, $2)::text").bind(channel).bind(payload).run().await?;
    Ok(())
}

/// Listens, on a connection of its own.
#[derive(Debug)]
pub struct Listener(PgListener);

impl Listener {
    /// Begins to listen.
    pub async fn open(db: &Db, channel: &str) -> Result<Self, StoreError> {
        let Pools::Postgres(pool) = &db.pools else {
            return Err(StoreError::Settings("only programs that share a PostgreSQL hear of one another".to_owned()));
        };
        // Apart from the others' connections: it is held for as long as the program runs.
        let own = PgPoolOptions::new().max_connections(1).connect_lazy_with((*pool.connect_options()).clone());
        let mut listener = PgListener::connect_with(&own).await?;
        listener.listen(channel).await?;
        Ok(Self(listener))
    }

    /// The next message; `None` when the connection broke and messages may have been missed. It is made again by the next call.
    pub async fn next(&mut self) -> Result<Option<String>, StoreError> {
        Ok(self.0.try_recv().await?.map(|notification| notification.payload().to_owned()))
    }
}
