//! Credits that come in, and what an operator puts right.

use super::{
    AccountKind, Booked, Event, LedgerError, Transfer,
    book::{self, Booking},
    expire,
};
use crate::{Credits, Moment, StoreError, Timestamp, Tx, query::query};

/// Credits to give.
#[derive(Debug, Clone, Copy)]
pub struct NewGrant<'a> {
    /// To whom.
    pub user_id: &'a str,
    /// How many, more than none.
    pub amount: Credits,
    /// `signup`, `daily`, `monthly`, `rollover`, `purchase`, `refund`, `adjust`.
    pub source: &'a str,
    /// Until when they are good; `None` is for ever.
    pub expires_at: Option<Timestamp>,
}

/// Gives credits. The event's key makes it happen once.
pub async fn grant(tx: &mut Tx, at: &Moment<'_>, new: NewGrant<'_>, event: Event<'_>) -> Result<Booked, LedgerError> {
    bring(tx, at, new, event, "grant", AccountKind::Issued).await
}

/// Gives back what was captured, as credits without an end.
pub async fn refund(
    tx: &mut Tx,
    at: &Moment<'_>,
    user_id: &str,
    amount: Credits,
    event: Event<'_>,
) -> Result<Booked, LedgerError> {
    let new = NewGrant { user_id, amount, source: "refund", expires_at: None };
    bring(tx, at, new, event, "refund", AccountKind::Earned).await
}

/// A correction.
#[derive(Debug, Clone, Copy)]
pub struct Adjustment<'a> {
    /// Whose credits.
    pub user_id: &'a str,
    /// By how much, up or down; not zero.
    pub change: Credits,
}

/// Changes a balance by hand. Down at most to zero: what is set aside for jobs is not taken.
pub async fn adjust(tx: &mut Tx, at: &Moment<'_>, adjustment: Adjustment<'_>, event: Event<'_>) -> Result<Booked, LedgerError> {
    let Adjustment { user_id, change } = adjustment;
    if change > Credits::ZERO {
        let new = NewGrant { user_id, amount: change, source: "adjust", expires_at: None };
        return bring(tx, at, new, event, "adjust", AccountKind::Issued).await;
    }
    let taken = Credits(change.0.checked_neg().filter(|&taken| taken > 0).ok_or(LedgerError::Amount)?);
    let mut account = book::lock(tx, AccountKind::Credits, user_id).await?;
    if let Some(earlier) = book::booked(tx, event.key).await? {
        return book::repeated(earlier, "adjust", &account.id, change);
    }
    expire::lapse(tx, at, &mut account).await?;
    if account.available() < taken {
        return Err(LedgerError::Insufficient { needed: taken, available: account.available() });
    }
    let booking = Booking {
        kind: "adjust",
        account: &account,
        amount: change,
        posted: change,
        pending: Credits::ZERO,
        counter: AccountKind::Issued,
        hold_id: None,
    };
    let transfer = book::write(tx, at, event, booking).await?;
    take(tx, &account.id, taken).await?;
    Ok(Booked { transfer, repeated: false })
}

/// Takes back what is left of what an earlier event brought; nothing if it is spent, set aside or lapsed.
pub async fn take_back(
    tx: &mut Tx,
    at: &Moment<'_>,
    user_id: &str,
    brought_by: &str,
    event: Event<'_>,
) -> Result<Option<Booked>, LedgerError> {
    let mut account = book::lock(tx, AccountKind::Credits, user_id).await?;
    if let Some(transfer) = book::booked(tx, event.key).await? {
        return Ok(Some(Booked { transfer, repeated: true }));
    }
    expire::lapse(tx, at, &mut account).await?;
    let text =
        "SELECT g.id, g.remaining FROM grants g JOIN transfers t ON t.id = g.id WHERE t.idem_key = $1 AND g.account_id = $2";
    let left: Option<(String, Credits)> = query(&mut *tx, text).bind(brought_by).bind(&account.id).optional().await?;
    let Some((grant_id, left)) = left.filter(|(_, left)| *left > Credits::ZERO) else { return Ok(None) };
    let change = Credits(-left.0);
    let booking = Booking {
        kind: "adjust",
        account: &account,
        amount: change,
        posted: change,
        pending: Credits::ZERO,
        counter: AccountKind::Issued,
        hold_id: None,
    };
    let transfer = book::write(tx, at, event, booking).await?;
    query(tx, "UPDATE grants SET remaining = 0 WHERE id = $1").bind(&grant_id).run().await?;
    Ok(Some(Booked { transfer, repeated: false }))
}

async fn bring(
    tx: &mut Tx,
    at: &Moment<'_>,
    new: NewGrant<'_>,
    event: Event<'_>,
    kind: &'static str,
    from: AccountKind,
) -> Result<Booked, LedgerError> {
    let NewGrant { user_id, amount, source, expires_at } = new;
    if amount <= Credits::ZERO {
        return Err(LedgerError::Amount);
    }
    let account = book::lock(tx, AccountKind::Credits, user_id).await?;
    if let Some(earlier) = book::booked(tx, event.key).await? {
        return book::repeated(earlier, kind, &account.id, amount);
    }
    let booking =
        Booking { kind, account: &account, amount, posted: amount, pending: Credits::ZERO, counter: from, hold_id: None };
    let transfer = book::write(tx, at, event, booking).await?;
    insert(tx, &transfer, source, expires_at).await?;
    Ok(Booked { transfer, repeated: false })
}

async fn insert(tx: &mut Tx, transfer: &Transfer, source: &str, expires_at: Option<Timestamp>) -> Result<(), StoreError> {
    let text = "INSERT INTO grants (id, account_id, source, amount, remaining, expires_at, ends_order) VALUES ($1, $2, $3, $4, $4, $5, $6)";
    query(tx, text)
        .bind(&transfer.id)
        .bind(&transfer.account_id)
        .bind(source)
        .bind(transfer.amount)
        .bind(expires_at)
        .bind(expires_at.unwrap_or(Timestamp::MAX))
        .run()
        .await?;
    Ok(())
}

/// Takes from the grants that end first; what was taken from which. The account's row is locked, and what it has is what its grants have left.
pub(super) async fn take(tx: &mut Tx, account_id: &str, amount: Credits) -> Result<Vec<(String, Credits)>, LedgerError> {
    let text = "SELECT id, remaining FROM grants WHERE account_id = $1 AND remaining > 0 ORDER BY ends_order, id";
    let grants: Vec<(String, Credits)> = query(&mut *tx, text).bind(account_id).all().await?;
    let (mut left, mut taken) = (amount.0, Vec::new());
    for (id, remaining) in grants {
        let part = left.min(remaining.0);
        if part == 0 {
            break;
        }
        left -= part;
        query(&mut *tx, "UPDATE grants SET remaining = remaining - $2 WHERE id = $1").bind(&id).bind(part).run().await?;
        taken.push((id, Credits(part)));
    }
    if left > 0 {
        // The balance said there was enough. `easel fsck` tells which account is off.
        return Err(LedgerError::Insufficient { needed: amount, available: Credits(amount.0 - left) });
    }
    Ok(taken)
}
