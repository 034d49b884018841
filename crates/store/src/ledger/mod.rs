//! The ledger: append-only, double-entry, with holds.
//!
//! A **transfer** is one real event (a grant, a hold, what became of it) and is booked once: its `idem_key` says which event it is, and the
//! same key with other contents is refused. Its **entries** sum to zero. An **account** keeps what its entries sum to (`posted`) and what open
//! holds set aside (`pending`); the part that can be spent is the difference, and of a `credits` account it never falls below zero: every
//! write locks the account's one row first, is guarded, and a CHECK stands behind it. A **hold** is resolved once, by a capture of all or a
//! part of it or by a release. **Grants** say until when credits are good; a hold takes from those that end first, and what it lets go
//! returns to the ones that end last.
//!
//! Each user has two accounts: `credits`, and `metered`, which may go below zero and only counts (unlimited plans, metering without charging).
//! System accounts are spread over [`SHARDS`] rows each, so that no single row is everybody's.
//!
//! Locks are taken in this order: job, the user's account, grants, a system account. After SWIFT and TigerBeetle's two-phase transfers.

mod book;
mod expire;
mod grant;
mod hold;
mod read;

use std::fmt;

use thiserror::Error;

use crate::{Credits, StoreError, Timestamp};

pub use expire::{RollOver, accounts_with_expired_grants, expire, roll_over};
pub use grant::{Adjustment, NewGrant, adjust, grant, refund, take_back};
pub use hold::{NewHold, capture, hold, release};
pub use read::{Balance, GrantRow, Page, balance, grants, history, hold_of, refundable, transfer_by_key};

/// Rows of each kind of system account.
pub const SHARDS: u64 = 16;

/// Whose credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountKind {
    /// A user's credits; never below zero.
    Credits,
    /// A user's use of what is not charged.
    Metered,
    /// Where granted credits come from.
    Issued,
    /// Where spent credits go.
    Earned,
    /// Where lapsed credits go.
    Expired,
}

impl AccountKind {
    /// As stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Credits => "credits",
            Self::Metered => "metered",
            Self::Issued => "issued",
            Self::Earned => "earned",
            Self::Expired => "expired",
        }
    }

    /// The account of a user, of the kinds that users have.
    pub fn of(self, user_id: &str) -> AccountId {
        AccountId(format!("{}:{user_id}", self.name()))
    }
}

/// The name of an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccountId(pub String);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One booked event.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct Transfer {
    /// Its name.
    pub id: String,
    /// `grant`, `hold`, `capture`, `release`, `refund`, `expire` or `adjust`.
    pub kind: String,
    /// Which real event it is.
    pub idem_key: String,
    /// Whose.
    pub account_id: String,
    /// What it changed, or set aside, or let go.
    pub amount: Credits,
    /// The account's credits afterwards, holds included.
    pub posted_after: Credits,
    /// The hold it resolved.
    pub hold_id: Option<String>,
    /// The job it is about.
    pub job_id: Option<String>,
    /// Who did it, where somebody did.
    pub actor: Option<String>,
    /// Why, for people.
    pub reason: String,
    /// When.
    pub created_at: Timestamp,
}

/// A booking and whether it was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// The booking.
    pub transfer: Transfer,
    /// The same event was booked before; nothing changed now.
    pub repeated: bool,
}

/// What an event is called, and why it happened.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// Which real event it is: `signup:<user>`, `hold:<job>`, `pay:<provider>:<object>`.
    pub key: &'a str,
    /// The job it is about.
    pub job_id: Option<&'a str>,
    /// Who does it, where somebody does.
    pub actor: Option<&'a str>,
    /// Why, for people.
    pub reason: &'a str,
}

/// Why something is not booked.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// There is not enough to spend.
    #[error("{needed} credits are needed and {available} are there")]
    Insufficient {
        /// What it costs.
        needed: Credits,
        /// What can be spent.
        available: Credits,
    },
    /// The same key for another event.
    #[error("this event was booked before with other contents")]
    KeyReused,
    /// Negative, zero where something is needed, or more than fits.
    #[error("the amount cannot be booked")]
    Amount,
    /// No such hold.
    #[error("there is no such hold")]
    NoHold,
    /// Resolved before, the other way.
    #[error("the hold is resolved already")]
    Resolved,
    /// More than was set aside.
    #[error("more than the hold cannot be captured")]
    AboveHold,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LedgerError {
    /// The stable name clients see.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Insufficient { .. } => "insufficient_credits",
            Self::KeyReused => "event_key_reused",
            Self::Amount => "amount_invalid",
            Self::NoHold => "hold_not_found",
            Self::Resolved => "hold_resolved",
            Self::AboveHold => "capture_above_hold",
            Self::Store(error) => error.code(),
        }
    }
}
