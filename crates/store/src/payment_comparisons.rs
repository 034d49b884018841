//! What a payment service's books say against ours, day by day.

use serde::Serialize;

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// A day's comparison.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Comparison {
    /// Who takes the money.
    pub provider: String,
    /// Days since 1970 UTC.
    pub day: i64,
    /// When.
    pub compared_at: Timestamp,
    /// How many orders are paid there and not here.
    pub unknown_here_count: i64,
    /// How many orders are paid here and not there.
    pub unknown_there_count: i64,
    /// The first of them, as a JSON array of ids.
    pub unknown_here: String,
    /// The same.
    pub unknown_there: String,
}

const COLUMNS: &str = "SELECT provider, day, compared_at, unknown_here_count, unknown_there_count, unknown_here, unknown_there \
                       FROM payment_comparisons ";

/// Notes a day's comparison. Whether there was none of that day: of two nodes the first is heard.
pub async fn note(tx: &mut Tx, new: &Comparison) -> Result<bool, StoreError> {
    let text = "INSERT INTO payment_comparisons (provider, day, compared_at, unknown_here_count, unknown_there_count, unknown_here, \
                unknown_there) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (provider, day) DO NOTHING";
    query(tx, text)
        .bind(&new.provider)
        .bind(new.day)
        .bind(new.compared_at)
        .bind(new.unknown_here_count)
        .bind(new.unknown_there_count)
        .bind(&new.unknown_here)
        .bind(&new.unknown_there)
        .changed()
        .await
}

/// The comparisons with one service, newest first, those before a day.
pub async fn list(db: &Db, provider: &str, before: Option<i64>, limit: i64) -> Result<Vec<Comparison>, StoreError> {
    query(db, COLUMNS)
        .push("WHERE provider = ")
        .push_bind(provider)
        .push(" AND day < ")
        .push_bind(before.unwrap_or(i64::MAX))
        .push(" ORDER BY day DESC LIMIT ")
        .push_bind(limit)
        .all()
        .await
}

/// Forgets those of before then.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    query(tx, "DELETE FROM payment_comparisons WHERE compared_at <= $1").bind(before).run().await
}
