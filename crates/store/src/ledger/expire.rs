//! Credits whose time is over. What a hold has set aside by then may still be spent; what it lets go lapses.

use super::{
    AccountKind, Event, LedgerError,
    book::{self, Account, Booking},
};
use crate::{Credits, Db, Moment, StoreError, Timestamp, Tx, query::query};

/// Books what has lapsed of one user's credits. Returns how much.
pub async fn expire(tx: &mut Tx, at: &Moment<'_>, user_id: &str) -> Result<Credits, LedgerError> {
    let mut account = book::lock(tx, AccountKind::Credits, user_id).await?;
    lapse(tx, at, &mut account).await
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
