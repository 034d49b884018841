//! What is spent with each account in a day and in a month, counted for all nodes together: money is set aside by a guarded update of one row,
//! so that no two nodes spend the same.

use crate::{Db, StoreError, Tx, query::query};

/// A day or a month of one account.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Spend {
    /// The account.
    pub provider: String,
    /// `day` or `month`.
    pub period: String,
    /// Spent, in millionths of a US dollar.
    pub spent: i64,
    /// Set aside for what is under way.
    pub reserved: i64,
}

/// One account's period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period<'a> {
    /// The account.
    pub provider: &'a str,
    /// `day` or `month`.
    pub period: &'a str,
    /// Which one, since 1970 UTC.
    pub number: i64,
}

/// Sets money aside if the limit allows it. Whether it does.
pub async fn reserve(tx: &mut Tx, of: Period<'_>, amount: i64, limit: i64) -> Result<bool, StoreError> {
    let text =
        "INSERT INTO provider_spend (provider, period, number, spent, reserved) VALUES ($1, $2, $3, 0, 0) ON CONFLICT DO NOTHING";
    query(&mut *tx, text).bind(of.provider).bind(of.period).bind(of.number).run().await?;
    let text = "UPDATE provider_spend SET reserved = reserved + $4 \
                WHERE provider = $1 AND period = $2 AND number = $3 AND $4 <= $5 - spent - reserved";
    query(tx, text).bind(of.provider).bind(of.period).bind(of.number).bind(amount).bind(limit).changed().await
}

/// What came of money that was set aside.
pub async fn settle(tx: &mut Tx, of: Period<'_>, reserved: i64, spent: i64) -> Result<bool, StoreError> {
    let text = "UPDATE provider_spend SET reserved = reserved - $4, spent = spent + $5 WHERE provider = $1 AND period = $2 AND number = $3";
    query(tx, text).bind(of.provider).bind(of.period).bind(of.number).bind(reserved).bind(spent).changed().await
}

/// Of every account, that day and that month.
pub async fn of_periods(db: &Db, day: i64, month: i64) -> Result<Vec<Spend>, StoreError> {
    let text = "SELECT provider, period, spent, reserved FROM provider_spend \
                WHERE (period = 'day' AND number = $1) OR (period = 'month' AND number = $2) ORDER BY provider, period";
    query(db, text).bind(day).bind(month).all().await
}
