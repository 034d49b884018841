//! Credits whose time is over. What a hold has set aside by then may still be spent; what it lets go lapses.

use super::{
    AccountKind, Event, LedgerError, NewGrant,
    book::{self, Account, Booking},
    grant,
};
use crate::{Credits, Db, Moment, StoreError, Timestamp, Tx, query::query};

/// Books what has lapsed of one user's credits. Returns how much.
pub async fn expire(tx: &mut Tx, at: &Moment<'_>, user_id: &str) -> Result<Credits, LedgerError> {
    let mut account = book::lock(tx, AccountKind::Credits, user_id).await?;
    lapse(tx, at, &mut account).await
}

/// What is carried over from one period of a plan to the next.
#[derive(Debug, Clone, Copy)]
pub struct RollOver<'a> {
    /// Whose.
    pub user_id: &'a str,
    /// When the period before ended: grants that lapsed then are carried over.
    pub ended: Timestamp,
    /// Until when they are good now.
    pub until: Timestamp,
    /// At most so many, all together.
    pub max: Credits,
}

/// Books what has lapsed of one user's credits, and gives again what of it a plan gave for the period that ended, up to a limit. Each booking of
/// something lapsed is carried over once, so that this may be done at any time and again. Returns how much was given.
pub async fn roll_over(tx: &mut Tx, at: &Moment<'_>, roll: RollOver<'_>) -> Result<Credits, LedgerError> {
    let RollOver { user_id, ended, until, max } = roll;
    let mut account = book::lock(tx, AccountKind::Credits, user_id).await?;
    lapse(tx, at, &mut account).await?;
    let before = "SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM grants \
                  WHERE account_id = $1 AND source = 'rollover' AND expires_at = $2";
    let before: i64 = query(&mut *tx, before).bind(&account.id).bind(until).value().await?;
    let text = "SELECT t.id, t.amount FROM grants g JOIN transfers t ON t.account_id = g.account_id AND t.kind = 'expire' \
                AND t.idem_key LIKE 'expire:' || g.id || ':%' \
                WHERE g.account_id = $1 AND g.source IN ('monthly', 'rollover') AND g.expires_at = $2 ORDER BY t.id";
    let over: Vec<(String, Credits)> = query(&mut *tx, text).bind(&account.id).bind(ended).all().await?;
    let mut given = 0;
    for (transfer_id, lapsed) in over {
        let key = format!("rollover:{transfer_id}");
        let amount = Credits(lapsed.0.saturating_neg().min(max.0 - before - given));
        if amount <= Credits::ZERO {
            break;
        }
        if book::booked(tx, &key).await?.is_some() {
            continue;
        }
        let new = NewGrant { user_id, amount, source: "rollover", expires_at: Some(until) };
        let event = Event { key: &key, job_id: None, actor: None, reason: "carried over from the last period" };
        grant::grant(tx, at, new, event).await?;
        given += amount.0;
    }
    Ok(Credits(given))
}

/// Users some of whose credits have lapsed, at most `limit`.
pub async fn accounts_with_expired_grants(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<String>, StoreError> {
    let text = "SELECT DISTINCT a.user_id FROM grants g JOIN accounts a ON a.id = g.account_id \
                WHERE g.remaining > 0 AND g.expires_at <= $1 LIMIT $2";
    let users: Vec<(String,)> = query(db, text).bind(now).bind(limit).all().await?;
    Ok(users.into_iter().map(|(user,)| user).collect())
}

/// The same with the account locked, whose numbers it brings up to date.
pub(super) async fn lapse(tx: &mut Tx, at: &Moment<'_>, account: &mut Account) -> Result<Credits, LedgerError> {
    let text =
        "SELECT id, remaining FROM grants WHERE account_id = $1 AND remaining > 0 AND expires_at <= $2 ORDER BY ends_order, id";
    let over: Vec<(String, Credits)> = query(&mut *tx, text).bind(&account.id).bind(at.now).all().await?;
    let mut lapsed = 0;
    for (grant_id, remaining) in over {
        // A grant can lapse in parts: what an open hold returns to it later lapses then. What it has left now is part of the key.
        let parts = "SELECT COUNT(*) FROM transfers WHERE account_id = $1 AND kind = 'expire' AND idem_key LIKE $2";
        let before: i64 = query(&mut *tx, parts).bind(&account.id).bind(format!("expire:{grant_id}:%")).value().await?;
        let key = format!("expire:{grant_id}:{before}");
        let event = Event { key: &key, job_id: None, actor: None, reason: "credits expired" };
        let change = Credits(-remaining.0);
        let booking = Booking {
            kind: "expire",
            account,
            amount: change,
            posted: change,
            pending: Credits::ZERO,
            counter: AccountKind::Expired,
            hold_id: None,
        };
        book::write(tx, at, event, booking).await?;
        query(&mut *tx, "UPDATE grants SET remaining = 0 WHERE id = $1").bind(&grant_id).run().await?;
        account.posted = Credits(account.posted.0 - remaining.0);
        lapsed += remaining.0;
    }
    Ok(Credits(lapsed))
}
