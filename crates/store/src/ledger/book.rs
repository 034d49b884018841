//! The steps every booking is made of: lock the account, see whether the event is booked, write transfer and entries.

use super::{AccountId, AccountKind, Booked, Event, LedgerError, SHARDS, Transfer};
use crate::{
    Credits, Moment, StoreError, Tx,
    query::query,
    sql::{Sql, sql},
};

/// The locked account.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) posted: Credits,
    pub(super) pending: Credits,
}

impl Account {
    pub(super) fn available(&self) -> Credits {
        Credits(self.posted.0.saturating_sub(self.pending.0))
    }

    /// Whether what it spends must be there.
    pub(super) fn is_limited(&self) -> bool {
        self.kind == AccountKind::Credits.name()
    }
}

/// Locks a user's account until the transaction ends; makes it if it is new.
pub(super) async fn lock(tx: &mut Tx, kind: AccountKind, user_id: &str) -> Result<Account, StoreError> {
    let id = kind.of(user_id);
    if let Some(account) = query(&mut *tx, LOCK).bind(&id.0).optional().await? {
        return Ok(account);
    }
    let made = "INSERT INTO accounts (id, user_id, kind, posted, pending) VALUES ($1, $2, $3, 0, 0) ON CONFLICT (id) DO NOTHING";
    query(&mut *tx, made).bind(&id.0).bind(user_id).bind(kind.name()).run().await?;
    lock_id(tx, &id.0).await
}

const LOCK: Sql = sql!["SELECT id, kind, posted, pending FROM accounts WHERE id = $1", postgres " FOR UPDATE"];

/// Locks an account that is there.
pub(super) async fn lock_id(tx: &mut Tx, account_id: &str) -> Result<Account, StoreError> {
    query(tx, LOCK).bind(account_id).one().await
}

/// The booking of this event, if there is one. Asked after the account is locked, so that a concurrent booking is seen.
pub(super) async fn booked(tx: &mut Tx, key: &str) -> Result<Option<Transfer>, StoreError> {
    query(
        tx,
        "SELECT id, kind, idem_key, account_id, amount, posted_after, hold_id, job_id, actor, reason, created_at \
               FROM transfers WHERE idem_key = $1",
    )
    .bind(key)
    .optional()
    .await
}

/// The earlier booking, if it is the same event.
pub(super) fn repeated(earlier: Transfer, kind: &str, account: &str, amount: Credits) -> Result<Booked, LedgerError> {
    if earlier.kind == kind && earlier.account_id == account && earlier.amount == amount {
        Ok(Booked { transfer: earlier, repeated: true })
    } else {
        Err(LedgerError::KeyReused)
    }
}

/// One booking about to be written.
pub(super) struct Booking<'a> {
    pub(super) kind: &'static str,
    pub(super) account: &'a Account,
    /// As the history shows it.
    pub(super) amount: Credits,
    /// What the account's credits change by.
    pub(super) posted: Credits,
    /// What its holds change by.
    pub(super) pending: Credits,
    /// Where the change comes from or goes; needed where `posted` is not zero.
    pub(super) counter: AccountKind,
    pub(super) hold_id: Option<&'a str>,
}

/// Writes the booking. What it takes is guarded here and by the table's CHECK; callers have looked before, with the row locked.
pub(super) async fn write(tx: &mut Tx, at: &Moment<'_>, event: Event<'_>, booking: Booking<'_>) -> Result<Transfer, LedgerError> {
    let Booking { kind, account, amount, posted, pending, counter, hold_id } = booking;
    let after = account.posted.plus(posted).ok_or(LedgerError::Amount)?;
    let guarded = "UPDATE accounts SET posted = posted + $2, pending = pending + $3 \
                   WHERE id = $1 AND (kind <> 'credits' OR posted + $2 - pending - $3 >= 0)";
    if !query(&mut *tx, guarded).bind(&account.id).bind(posted).bind(pending).changed().await? {
        return Err(LedgerError::Insufficient { needed: Credits(amount.0.saturating_abs()), available: account.available() });
    }
    let transfer = Transfer {
        id: at.id(),
        kind: kind.to_owned(),
        idem_key: event.key.to_owned(),
        account_id: account.id.clone(),
        amount,
        posted_after: after,
        hold_id: hold_id.map(str::to_owned),
        job_id: event.job_id.map(str::to_owned),
        actor: event.actor.map(str::to_owned),
        reason: event.reason.to_owned(),
        created_at: at.now,
    };
    let inserted = "INSERT INTO transfers (id, kind, idem_key, account_id, amount, posted_after, hold_id, job_id, actor, reason, created_at) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    query(&mut *tx, inserted)
        .bind(&transfer.id)
        .bind(kind)
        .bind(event.key)
        .bind(&account.id)
        .bind(amount)
        .bind(after)
        .bind(hold_id)
        .bind(event.job_id)
        .bind(event.actor)
        .bind(event.reason)
        .bind(at.now)
        .run()
        .await?;
    if posted != Credits::ZERO {
        let counter = shard(counter, &transfer.id);
        let given = Credits(posted.0.checked_neg().ok_or(LedgerError::Amount)?);
        let upsert = "INSERT INTO accounts (id, user_id, kind, posted, pending) VALUES ($1, NULL, $2, $3, 0) \
                      ON CONFLICT (id) DO UPDATE SET posted = accounts.posted + excluded.posted";
        query(&mut *tx, upsert).bind(&counter.0.0).bind(counter.1.name()).bind(given).run().await?;
        for (account, amount) in [(&account.id, posted), (&counter.0.0, given)] {
            let entry = "INSERT INTO entries (transfer_id, account_id, amount) VALUES ($1, $2, $3)";
            query(&mut *tx, entry).bind(&transfer.id).bind(account).bind(amount).run().await?;
        }
    }
    Ok(transfer)
}

/// The system account a transfer uses: spread by its name, whose end is random.
fn shard(kind: AccountKind, transfer_id: &str) -> (AccountId, AccountKind) {
    let number = transfer_id.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))) % SHARDS;
    (AccountId(format!("{}:{number:02}", kind.name())), kind)
}
