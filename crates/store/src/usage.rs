//! What people used, by day: counted whether or not it is charged.

use serde::Serialize;

use crate::{
    Credits, Db, StoreError, Tx,
    query::{Query, query},
};

/// One day of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, sqlx::FromRow, Serialize)]
pub struct Usage {
    /// Days since 1970 UTC.
    pub day: i64,
    /// Jobs completed.
    pub jobs: i64,
    /// Pictures stored.
    pub images: i64,
    /// Spent, or counted where nothing is charged.
    pub credits: Credits,
    /// Bytes stored.
    pub bytes: i64,
    /// Milliseconds on a device.
    pub gpu_ms: i64,
    /// What the operator has paid others for it, in millionths of a US dollar: the operator's alone to see.
    #[serde(skip)]
    pub provider_cost_micros: i64,
}

/// Adds to a user's day.
pub async fn add(tx: &mut Tx, user_id: &str, usage: Usage) -> Result<(), StoreError> {
    let text = "INSERT INTO usage_daily (user_id, day, jobs, images, credits, bytes, gpu_ms, provider_cost_micros) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                ON CONFLICT (user_id, day) DO UPDATE SET jobs = usage_daily.jobs + excluded.jobs, images = usage_daily.images + excluded.images, \
                credits = usage_daily.credits + excluded.credits, bytes = usage_daily.bytes + excluded.bytes, \
                gpu_ms = usage_daily.gpu_ms + excluded.gpu_ms, \
                provider_cost_micros = usage_daily.provider_cost_micros + excluded.provider_cost_micros";
    query(tx, text)
        .bind(user_id)
        .bind(usage.day)
        .bind(usage.jobs)
        .bind(usage.images)
        .bind(usage.credits)
        .bind(usage.bytes)
        .bind(usage.gpu_ms)
        .bind(usage.provider_cost_micros)
        .run()
        .await?;
    Ok(())
}

/// A user's days from `from` to `to`, both included, in order.
pub async fn of_user(db: &Db, user_id: &str, from: i64, to: i64) -> Result<Vec<Usage>, StoreError> {
    let text = "SELECT day, jobs, images, credits, bytes, gpu_ms, provider_cost_micros FROM usage_daily \
                WHERE user_id = $1 AND day BETWEEN $2 AND $3 ORDER BY day";
    query(db, text).bind(user_id).bind(from).bind(to).all().await
}

/// One day of everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Everybody {
    /// How many people used something.
    pub users: i64,
    /// What they used.
    #[sqlx(flatten)]
    #[serde(flatten)]
    pub usage: Usage,
}

/// Everybody's days from `from` to `to`, both included, in order.
pub async fn of_everybody(db: &Db, from: i64, to: i64) -> Result<Vec<Everybody>, StoreError> {
    of_everybody_listing(db, from, to).all().await
}

pub(crate) fn of_everybody_listing(db: &Db, from: i64, to: i64) -> Query<'_> {
    let text = "SELECT day, COUNT(*) AS users, CAST(SUM(jobs) AS BIGINT) AS jobs, CAST(SUM(images) AS BIGINT) AS images, \
                CAST(SUM(credits) AS BIGINT) AS credits, CAST(SUM(bytes) AS BIGINT) AS bytes, CAST(SUM(gpu_ms) AS BIGINT) AS gpu_ms, \
                CAST(SUM(provider_cost_micros) AS BIGINT) AS provider_cost_micros \
                FROM usage_daily WHERE day BETWEEN $1 AND $2 GROUP BY day ORDER BY day";
    query(db, text).bind(from).bind(to)
}
