//! Which events of payment services were dealt with.

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// The hash of the body that an event was dealt with by; nothing if it was not.
pub async fn known(db: &Db, provider: &str, event_id: &str) -> Result<Option<String>, StoreError> {
    let finding = query(db, "SELECT body_hash FROM payment_events WHERE provider = ").push_bind(provider);
    let found: Option<(String,)> = finding.push(" AND event_id = ").push_bind(event_id).optional().await?;
    Ok(found.map(|(hash,)| hash))
}

/// An event was dealt with; saying so again changes nothing.
pub async fn note(
    tx: &mut Tx,
    now: Timestamp,
    provider: &str,
    event_id: &str,
    kind: &str,
    body_hash: &str,
) -> Result<(), StoreError> {
    let text = "INSERT INTO payment_events (provider, event_id, kind, body_hash, processed_at) VALUES ($1, $2, $3, $4, $5) \
                ON CONFLICT (provider, event_id) DO NOTHING";
    query(tx, text).bind(provider).bind(event_id).bind(kind).bind(body_hash).bind(now).run().await?;
    Ok(())
}

/// Forgets those that were dealt with before then.
pub async fn sweep(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    query(tx, "DELETE FROM payment_events WHERE processed_at <= $1").bind(before).run().await
}
