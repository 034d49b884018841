//! Credits, what they came from and what they went for. Amounts are decimal texts, so that nothing is rounded on the way.

use easel_platform::records::{Balance, Credits, GrantRow, Transfer};
use serde::Serialize;
use utoipa::ToSchema;

use super::shown_time;

/// An amount of credits, to a millionth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = "12.5")]
#[serde(transparent)]
pub struct CreditAmount(String);

impl From<Credits> for CreditAmount {
    fn from(credits: Credits) -> Self {
        Self(credits.to_string())
    }
}

/// What somebody has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BalanceView {
    /// What can be spent.
    available: CreditAmount,
    /// Set aside for jobs that are not done.
    pending: CreditAmount,
    /// Everything ever granted.
    earned: CreditAmount,
    /// Everything ever spent.
    spent: CreditAmount,
    /// Used without being charged.
    metered: CreditAmount,
    /// Where what is left came from, what ends first first.
    grants: Vec<GrantView>,
}

impl BalanceView {
    /// Of a balance and its grants.
    pub(crate) fn of(balance: Balance, grants: Vec<GrantRow>) -> Self {
        let Balance { pending, available, earned, spent, metered, .. } = balance;
        Self {
            available: available.into(),
            pending: pending.into(),
            earned: earned.into(),
            spent: spent.into(),
            metered: metered.into(),
            grants: grants.into_iter().map(GrantView::from).collect(),
        }
    }
}

/// Credits that came together.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GrantView {
    /// `signup`, `daily`, `monthly`, `rollover`, `purchase`, `refund` or `adjust`.
    source: String,
    /// How many there were.
    amount: CreditAmount,
    /// How many are left.
    remaining: CreditAmount,
    /// Until when they are good; null is for ever.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

impl From<GrantRow> for GrantView {
    fn from(grant: GrantRow) -> Self {
        Self {
            source: grant.source,
            amount: grant.amount.into(),
            remaining: grant.remaining.into(),
            expires_at: grant.expires_at.map(shown_time),
        }
    }
}

/// A booking.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransferView {
    /// Its id.
    id: String,
    /// `grant`, `hold`, `capture`, `release`, `refund`, `expire` or `adjust`.
    kind: String,
    /// What it changed, or set aside, or let go.
    amount: CreditAmount,
    /// What there was afterwards, what is set aside included.
    posted_after: CreditAmount,
    /// The job it is about.
    job_id: Option<String>,
    /// Why, for people.
    reason: String,
    /// When.
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<Transfer> for TransferView {
    fn from(transfer: Transfer) -> Self {
        Self {
            id: transfer.id,
            kind: transfer.kind,
            amount: transfer.amount.into(),
            posted_after: transfer.posted_after.into(),
            job_id: transfer.job_id,
            reason: transfer.reason,
            created_at: shown_time(transfer.created_at),
        }
    }
}
