//! Setting credits aside, and what becomes of them.

use super::{
    AccountKind, Booked, Event, LedgerError, Transfer,
    book::{self, Booking},
    expire, grant,
};
use crate::{Credits, Moment, StoreError, Tx, query::query};

/// What to set aside.
#[derive(Debug, Clone, Copy)]
pub struct NewHold<'a> {
    /// Whose.
    pub user_id: &'a str,
    /// From their credits, or only counted.
    pub account: AccountKind,
    /// How much, more than nothing.
    pub amount: Credits,
}

/// Sets credits aside. The event's key makes it happen once; what is already booked under it is returned.
///
/// # Errors
/// [`LedgerError::Insufficient`] if the credits that are good now do not suffice; nothing is written then.
pub async fn hold(tx: &mut Tx, at: &Moment<'_>, new: NewHold<'_>, event: Event<'_>) -> Result<Booked, LedgerError> {
    let NewHold { user_id, account: kind, amount } = new;
    if amount <= Credits::ZERO || !matches!(kind, AccountKind::Credits | AccountKind::Metered) {
        return Err(LedgerError::Amount);
    }
    let mut account = book::lock(tx, kind, user_id).await?;
    if let Some(earlier) = book::booked(tx, event.key).await? {
        return book::repeated(earlier, "hold", &account.id, amount);
    }
    if account.is_limited() {
        // What has lapsed must not be spent, however late the sweep is.
        expire::lapse(tx, at, &mut account).await?;
        if account.available() < amount {
            return Err(LedgerError::Insufficient { needed: amount, available: account.available() });
        }
    }
    let limited = account.is_limited();
    let booking = Booking {
        kind: "hold",
        account: &account,
        amount,
        posted: Credits::ZERO,
        pending: amount,
        counter: AccountKind::Earned,
        hold_id: None,
    };
    let transfer = book::write(tx, at, event, booking).await?;
    if limited {
        for (grant_id, taken) in grant::take(tx, &transfer.account_id, amount).await? {
            let part = "INSERT INTO hold_parts (hold_id, grant_id, amount) VALUES ($1, $2, $3)";
            query(&mut *tx, part).bind(&transfer.id).bind(grant_id).bind(taken).run().await?;
        }
    }
    Ok(Booked { transfer, repeated: false })
}

/// Spends a hold, or a part of it; the rest is free again. Nothing of it is a release.
///
/// # Errors
/// [`LedgerError::Resolved`] if it was released, or captured with another amount.
pub async fn capture(
    tx: &mut Tx,
    at: &Moment<'_>,
    hold_id: &str,
    amount: Credits,
    event: Event<'_>,
) -> Result<Booked, LedgerError> {
    if amount == Credits::ZERO {
        return release(tx, at, hold_id, event).await;
    }
    resolve(tx, at, hold_id, amount, event).await
}

/// Lets a hold go.
///
/// # Errors
/// [`LedgerError::Resolved`] if it was captured.
pub async fn release(tx: &mut Tx, at: &Moment<'_>, hold_id: &str, event: Event<'_>) -> Result<Booked, LedgerError> {
    resolve(tx, at, hold_id, Credits::ZERO, event).await
}

async fn resolve(tx: &mut Tx, at: &Moment<'_>, hold_id: &str, spent: Credits, event: Event<'_>) -> Result<Booked, LedgerError> {
    let text = "SELECT account_id, amount FROM transfers WHERE id = $1 AND kind = 'hold'";
    let (account_id, held): (String, Credits) =
        query(&mut *tx, text).bind(hold_id).optional().await?.ok_or(LedgerError::NoHold)?;
    if spent < Credits::ZERO {
        return Err(LedgerError::Amount);
    }
    if spent > held {
        return Err(LedgerError::AboveHold);
    }
    let account = book::lock_id(tx, &account_id).await?;
    let (kind, shown) = if spent == Credits::ZERO { ("release", held) } else { ("capture", Credits(-spent.0)) };
    if let Some(earlier) = resolution(tx, hold_id).await? {
        let same = earlier.kind == kind && earlier.amount == shown;
        return if same { Ok(Booked { transfer: earlier, repeated: true }) } else { Err(LedgerError::Resolved) };
    }
    if book::booked(tx, event.key).await?.is_some() {
        return Err(LedgerError::KeyReused);
    }
    let booking = Booking {
        kind,
        account: &account,
        amount: shown,
        posted: Credits(-spent.0),
        pending: Credits(-held.0),
        counter: AccountKind::Earned,
        hold_id: Some(hold_id),
    };
    let transfer = book::write(tx, at, event, booking).await?;
    if account.is_limited() {
        give_back(tx, hold_id, Credits(held.0 - spent.0)).await?;
    }
    Ok(Booked { transfer, repeated: false })
}

async fn resolution(tx: &mut Tx, hold_id: &str) -> Result<Option<Transfer>, StoreError> {
    query(
        tx,
        "SELECT id, kind, idem_key, account_id, amount, posted_after, hold_id, job_id, actor, reason, created_at \
               FROM transfers WHERE hold_id = $1",
    )
    .bind(hold_id)
    .optional()
    .await
}

/// Returns the unspent part to the grants it came from, those that end last first: what is spent is what would lapse soonest.
async fn give_back(tx: &mut Tx, hold_id: &str, unspent: Credits) -> Result<(), StoreError> {
    let text = "SELECT p.grant_id, p.amount FROM hold_parts p JOIN grants g ON g.id = p.grant_id \
                WHERE p.hold_id = $1 ORDER BY g.ends_order DESC, g.id DESC";
    let parts: Vec<(String, Credits)> = query(&mut *tx, text).bind(hold_id).all().await?;
    let mut left = unspent.0;
    for (grant_id, part) in parts {
        let back = left.min(part.0);
        if back == 0 {
            break;
        }
        left -= back;
        query(&mut *tx, "UPDATE grants SET remaining = remaining + $2 WHERE id = $1").bind(&grant_id).bind(back).run().await?;
        let part_left = if back == part.0 {
            query(&mut *tx, "DELETE FROM hold_parts WHERE hold_id = $1 AND grant_id = $2").bind(hold_id).bind(&grant_id)
        } else {
            let text = "UPDATE hold_parts SET amount = amount - $3 WHERE hold_id = $1 AND grant_id = $2";
            query(&mut *tx, text).bind(hold_id).bind(&grant_id).bind(back)
        };
        part_left.run().await?;
    }
    Ok(())
}
