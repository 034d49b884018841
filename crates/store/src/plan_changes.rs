//! Plans that are being changed at a payment service: one at a time for each subscription, until it is known what became of it.

use crate::{
    Db, StoreError, Timestamp, Tx,
    query::{On, Query, query},
};

/// A change that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PlanChange {
    /// Of what.
    pub subscription_id: String,
    /// Its name.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// The plan from then on.
    pub plan: String,
    /// `month` or `year`.
    pub paid_for: String,
    /// What one of them costs, in hundredths.
    pub amount_cents: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When what became of it is looked up.
    pub due_at: Timestamp,
}

fn select<'c>(on: impl Into<On<'c>>) -> Query<'c> {
    query(on, "SELECT subscription_id, id, user_id, plan, paid_for, amount_cents, created_at, due_at FROM plan_changes ")
}

/// It is asked for now; one that was asked for before is no more.
pub async fn put(tx: &mut Tx, change: &PlanChange) -> Result<(), StoreError> {
    let text = "INSERT INTO plan_changes (subscription_id, id, user_id, plan, paid_for, amount_cents, created_at, due_at) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (subscription_id) DO UPDATE SET id = excluded.id, plan = excluded.plan, \
                paid_for = excluded.paid_for, amount_cents = excluded.amount_cents, created_at = excluded.created_at, due_at = excluded.due_at";
    query(tx, text)
        .bind(&change.subscription_id)
        .bind(&change.id)
        .bind(&change.user_id)
        .bind(&change.plan)
        .bind(&change.paid_for)
        .bind(change.amount_cents)
        .bind(change.created_at)
        .bind(change.due_at)
        .run()
        .await?;
    Ok(())
}

/// The one of a subscription of which it is not known what became of it.
pub async fn of_subscription(db: &Db, subscription_id: &str) -> Result<Option<PlanChange>, StoreError> {
    select(db).push("WHERE subscription_id = ").push_bind(subscription_id).optional().await
}

/// Those that are to be looked up, at most `limit`.
pub async fn due(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<PlanChange>, StoreError> {
    select(db).push("WHERE due_at <= ").push_bind(now).push(" ORDER BY due_at, id LIMIT ").push_bind(limit).all().await
}

/// Takes one that was due since then, until another time. Whether nobody else has.
pub async fn take(tx: &mut Tx, id: &str, since: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
    query(tx, "UPDATE plan_changes SET due_at = $3 WHERE id = $1 AND due_at = $2")
        .bind(id)
        .bind(since)
        .bind(until)
        .changed()
        .await
}

/// It is known what became of it. Whether it was still this one.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    query(tx, "DELETE FROM plan_changes WHERE id = $1").bind(id).changed().await
}
