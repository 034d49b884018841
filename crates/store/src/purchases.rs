//! What people order, and what became of it.

use serde::Serialize;

use crate::{
    Credits, Db, StoreError, Timestamp, Tx,
    query::{On, Query, query},
};

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Purchase {
    /// Its name.
    pub id: String,
    /// Whose.
    pub user_id: String,
    /// `pack` or `plan`.
    pub kind: String,
    /// The pack's or the plan's name.
    pub product: String,
    /// `month` or `year`, of plans.
    pub paid_for: Option<String>,
    /// What a pack grants.
    pub credits: Credits,
    /// What it costs, in the currency's hundredths.
    pub amount_cents: i64,
    /// Three small letters.
    pub currency: String,
    /// Who takes the money.
    pub provider: String,
    /// What the payment is called there.
    pub provider_ref: Option<String>,
    /// Who paid, as they are called there.
    pub provider_customer: Option<String>,
    /// `pending`, `paid`, `cancelled` or `refunded`.
    pub state: String,
    /// When it was ordered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// It was paid for what was over: an operator pays it back.
    pub gave_nothing: bool,
}

fn select<'c>(on: impl Into<On<'c>>) -> Query<'c> {
    query(
        on,
        "SELECT id, user_id, kind, product, paid_for, credits, amount_cents, currency, provider, provider_ref, provider_customer, state, \
         created_at, updated_at, paid_at, gave_nothing FROM purchases ",
    )
}

/// A new one.
pub async fn insert(tx: &mut Tx, new: &Purchase) -> Result<(), StoreError> {
    let text = "INSERT INTO purchases (id, user_id, kind, product, paid_for, credits, amount_cents, currency, provider, provider_ref, \
                provider_customer, state, created_at, updated_at, paid_at, gave_nothing) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    query(tx, text)
        .bind(&new.id)
        .bind(&new.user_id)
        .bind(&new.kind)
        .bind(&new.product)
        .bind(new.paid_for.as_deref())
        .bind(new.credits)
        .bind(new.amount_cents)
        .bind(&new.currency)
        .bind(&new.provider)
        .bind(new.provider_ref.as_deref())
        .bind(new.provider_customer.as_deref())
        .bind(&new.state)
        .bind(new.created_at)
        .bind(new.updated_at)
        .bind(new.paid_at)
        .bind(new.gave_nothing)
        .run()
        .await?;
    Ok(())
}

/// What can change of one: what it became, and what the payment service calls it.
pub async fn update(tx: &mut Tx, changed: &Purchase) -> Result<bool, StoreError> {
    let text =
        "UPDATE purchases SET state = $2, provider_ref = $3, provider_customer = $4, paid_at = $5, updated_at = $6 WHERE id = $1";
    query(tx, text)
        .bind(&changed.id)
        .bind(&changed.state)
        .bind(changed.provider_ref.as_deref())
        .bind(changed.provider_customer.as_deref())
        .bind(changed.paid_at)
        .bind(changed.updated_at)
        .changed()
        .await
}

/// One by name.
pub async fn by_id(db: &Db, id: &str) -> Result<Option<Purchase>, StoreError> {
    select(db).push("WHERE id = ").push_bind(id).optional().await
}

/// One by name, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, id: &str) -> Result<Option<Purchase>, StoreError> {
    let locking = tx.engine() == crate::Engine::Postgres;
    select(tx).push("WHERE id = ").push_bind(id).push(if locking { " FOR UPDATE" } else { "" }).optional().await
}

/// One by what the payment service calls it.
pub async fn by_ref(db: &Db, provider: &str, reference: &str) -> Result<Option<Purchase>, StoreError> {
    select(db).push("WHERE provider = ").push_bind(provider).push(" AND provider_ref = ").push_bind(reference).optional().await
}

/// Of a user, or everybody's of a state or of all, newest first.
pub async fn list(
    db: &Db,
    user_id: Option<&str>,
    state: Option<&str>,
    before: Option<(Timestamp, &str)>,
    limit: i64,
) -> Result<Vec<Purchase>, StoreError> {
    let mut finding = select(db).push("WHERE 1 = 1");
    if let Some(user_id) = user_id {
        finding = finding.push(" AND user_id = ").push_bind(user_id);
    }
    if let Some(state) = state {
        finding = finding.push(" AND state = ").push_bind(state);
    }
    if let Some((at, id)) = before {
        finding = finding.push(" AND (created_at, id) < (").push_bind(at).push(", ").push_bind(id).push(")");
    }
    finding.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(limit).all().await
}

/// How many of a user's wait to be paid.
pub async fn pending_of_user(tx: &mut Tx, user_id: &str) -> Result<i64, StoreError> {
    query(tx, "SELECT COUNT(*) FROM purchases WHERE user_id = $1 AND state = 'pending'").bind(user_id).value().await
}

/// The last that a user paid with a service that knows them.
pub async fn customer_of(db: &Db, user_id: &str, provider: &str) -> Result<Option<String>, StoreError> {
    let finding = query(db, "SELECT provider_customer FROM purchases WHERE provider_customer IS NOT NULL AND user_id = ");
    let finding = finding.push_bind(user_id).push(" AND provider = ").push_bind(provider);
    let found: Option<(String,)> = finding.push(" ORDER BY created_at DESC, id DESC LIMIT 1").optional().await?;
    Ok(found.map(|(customer,)| customer))
}

/// Gives up what nobody has paid since then. Returns how many.
pub async fn cancel_old(tx: &mut Tx, now: Timestamp, before: Timestamp) -> Result<u64, StoreError> {
    let text = "UPDATE purchases SET state = 'cancelled', updated_at = $1 WHERE state = 'pending' AND created_at <= $2";
    query(tx, text).bind(now).bind(before).run().await
}

/// What somebody is called at payment services is forgotten; what was paid stays.
pub async fn scrub(tx: &mut Tx, user_id: &str) -> Result<u64, StoreError> {
    query(tx, "UPDATE purchases SET provider_customer = NULL WHERE user_id = $1").bind(user_id).run().await
}
