//! What people have agreed to pay for, one at a time, and until when it is paid.

use serde::Serialize;

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Subscription {
    /// Its name.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// What is paid for.
    pub plan: String,
    /// What will be from the next period on.
    pub next_plan: Option<String>,
    /// `active`, `past_due`, `cancelled`, `expired`.
    pub state: String,
    /// Who takes the money.
    pub provider: String,
    /// What it is called there.
    pub provider_ref: Option<String>,
    /// What is paid for began then,
    pub period_starts_at: Timestamp,
    /// and ends then.
    pub period_ends_at: Timestamp,
    /// It is not renewed.
    pub cancel_at_period_end: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

const SELECT: &str = "SELECT id, user_id, plan, next_plan, state, provider, provider_ref, period_starts_at, period_ends_at, \
                      cancel_at_period_end, created_at, updated_at FROM subscriptions ";

/// A new one. There is one at a time ([`StoreError::Exists`]).
pub async fn insert(tx: &mut Tx, new: &Subscription) -> Result<(), StoreError> {
    let text = "INSERT INTO subscriptions (id, user_id, plan, next_plan, state, provider, provider_ref, period_starts_at, period_ends_at, \
                cancel_at_period_end, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    query(tx, text)
        .bind(&new.id)
        .bind(&new.user_id)
        .bind(&new.plan)
        .bind(new.next_plan.as_deref())
        .bind(&new.state)
        .bind(&new.provider)
        .bind(new.provider_ref.as_deref())
        .bind(new.period_starts_at)
        .bind(new.period_ends_at)
        .bind(new.cancel_at_period_end)
        .bind(new.created_at)
        .bind(new.updated_at)
        .run()
        .await?;
    Ok(())
}

/// Writes what can change of a subscription.
pub async fn update(tx: &mut Tx, changed: &Subscription, now: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE subscriptions SET plan = $2, next_plan = $3, state = $4, period_starts_at = $5, period_ends_at = $6, \
                cancel_at_period_end = $7, updated_at = $8 WHERE id = $1";
    query(tx, text)
        .bind(&changed.id)
        .bind(&changed.plan)
        .bind(changed.next_plan.as_deref())
        .bind(&changed.state)
        .bind(changed.period_starts_at)
        .bind(changed.period_ends_at)
        .bind(changed.cancel_at_period_end)
        .bind(now)
        .changed()
        .await
}

/// The one of somebody that is under way. To be asked for after their row is locked, so that two changes take turns.
pub async fn live(tx: &mut Tx, user_id: &str) -> Result<Option<Subscription>, StoreError> {
    query(tx, SELECT).push("WHERE state IN ('active', 'past_due') AND user_id = ").push_bind(user_id).optional().await
}

/// By what its provider calls it.
pub async fn by_ref(tx: &mut Tx, provider: &str, provider_ref: &str) -> Result<Option<Subscription>, StoreError> {
    let finding = query(tx, SELECT).push("WHERE provider_ref IS NOT NULL AND provider = ").push_bind(provider);
    finding.push(" AND provider_ref = ").push_bind(provider_ref).optional().await
}

/// All of somebody's, newest first.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Vec<Subscription>, StoreError> {
    query(db, SELECT).push("WHERE user_id = ").push_bind(user_id).push(" ORDER BY created_at DESC, id DESC").all().await
}

/// Those under way that are over: by then if they are not renewed, by `late` if they should have been. At most `limit`.
pub async fn ended(db: &Db, by: Timestamp, late: Timestamp, limit: i64) -> Result<Vec<Subscription>, StoreError> {
    let listing = query(db, SELECT).push("WHERE state IN ('active', 'past_due') AND period_ends_at <= ").push_bind(by);
    let listing = listing.push(" AND (cancel_at_period_end OR period_ends_at <= ").push_bind(late);
    listing.push(") ORDER BY period_ends_at LIMIT ").push_bind(limit).all().await
}
