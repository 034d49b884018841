//! What Stripe has against what we have: a message that never came leaves somebody without what they paid for, and nobody would know.
//!
//! Once a day the payments of the last days are listed there and looked up here, and the other way round. Nothing is mended by itself: what differs
//! is recorded for an operator, who settles it by hand (`mark_paid`, `refunded`), and each day's differences are recorded once. The last comparison
//! is also a metric, so that an alert can be set on it, and on there being none.

use std::{collections::BTreeSet, time::Duration};

use easel_store::{
    Timestamp, audit,
    payment_comparisons::{self, Comparison},
    purchases,
};
use serde_json::Value as Json;

use super::{Payments, Provider};
use crate::{PlatformError, accounts::Actor, context::retry};

const HOUR: Duration = Duration::from_secs(3600);
/// How far back is looked: as long as Stripe tries to tell us.
const BACK: Duration = Duration::from_secs(3 * 24 * 3600);
/// What is younger may be on its way.
const YOUNG: Duration = HOUR;
/// What may be paid so long after it was ordered: a checkout is open for a day.
const OPEN: Duration = Duration::from_secs(25 * 3600);
/// Pages of a hundred, so that a comparison ends.
const PAGES_MAX: usize = 1000;
/// Differences that are named in the record; all are counted.
const NAMED_MAX: usize = 50;

/// Orders that two books say different things of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Differences {
    /// Paid there and not here.
    pub unknown_here: BTreeSet<String>,
    /// Paid here and not there.
    pub unknown_there: BTreeSet<String>,
}

impl Differences {
    /// Both say the same.
    pub fn is_none(&self) -> bool {
        self.unknown_here.is_empty() && self.unknown_there.is_empty()
    }
}

impl Payments {
    /// Compares, unless this day's comparison was made already. `None` if it was, or if there is nobody to compare with.
    ///
    /// # Errors
    /// [`PlatformError::PaymentUnavailable`] if Stripe does not answer; nothing is recorded then, and the next try begins anew.
    pub async fn compare_daily(&self) -> Result<Option<Differences>, PlatformError> {
        let today = self.context.now().day();
        if self.comparisons(None, 1).await?.first().is_some_and(|last| last.day >= today) {
            return Ok(None);
        }
        let Some(differences) = self.compare().await? else { return Ok(None) };
        let noted = retry!(self.record(today, &differences))?;
        Ok(Some(differences).filter(|_| noted))
    }

    /// The comparisons, newest first, those before a day (since 1970, UTC); at most a hundred and one.
    pub async fn comparisons(&self, before: Option<i64>, limit: i64) -> Result<Vec<Comparison>, PlatformError> {
        Ok(payment_comparisons::list(&self.context.db, self.provider(), before, limit.clamp(1, 101)).await?)
    }

    /// The last comparison in Prometheus' text format; nothing where there is nobody to compare with, or was none yet.
    pub async fn metrics(&self) -> Result<String, PlatformError> {
        let Provider::Stripe(_) = &*self.provider else { return Ok(String::new()) };
        Ok(self.comparisons(None, 1).await?.first().map_or_else(String::new, written))
    }

    async fn compare(&self) -> Result<Option<Differences>, PlatformError> {
        let Provider::Stripe(account) = &*self.provider else { return Ok(None) };
        let now = self.context.now();
        let (from, until) = (now.before(BACK), now.before(YOUNG));
        // Two sets: an order of the window's edge is looked for in all that is listed.
        let (mut paid, mut due) = (BTreeSet::new(), BTreeSet::new());
        let mut last: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let page = account.sessions(&self.client, from.before(OPEN), last.as_deref()).await?;
            let sessions = page["data"].as_array().ok_or(PlatformError::PaymentUnavailable)?;
            for session in sessions.iter().filter(|session| session["payment_status"] == "paid") {
                // What was not ordered here is not ours.
                let Some(order) = order_of(session) else { continue };
                let created = Timestamp(session["created"].as_i64().unwrap_or(0).saturating_mul(1_000_000));
                if created <= until {
                    due.insert(order.clone());
                }
                paid.insert(order);
            }
            last = sessions.last().and_then(|session| session["id"].as_str()).map(str::to_owned);
            if page["has_more"] != true || last.is_none() {
                break;
            }
        }
        let mut differences = Differences::default();
        for order in due {
            let known = purchases::by_id(&self.context.db, &order).await?;
            // An order of another server over the same account is none of ours.
            if known.is_some_and(|known| matches!(known.state.as_str(), "pending" | "cancelled")) {
                differences.unknown_here.insert(order);
            }
        }
        let mut before: Option<(Timestamp, String)> = None;
        'ours: for _ in 0..PAGES_MAX {
            let place = before.as_ref().map(|(at, id)| (*at, id.as_str()));
            let page = purchases::list(&self.context.db, None, Some("paid"), place, 100).await?;
            let Some(oldest) = page.last() else { break };
            before = Some((oldest.created_at, oldest.id.clone()));
            for known in &page {
                if known.created_at < from {
                    break 'ours;
                }
                // What an operator said was paid has no name there.
                // What renewed something that was over was no checkout.
                let theirs = known.provider == self.provider() && known.provider_ref.is_some() && !known.gave_nothing;
                if theirs && known.created_at <= until && !paid.contains(&known.id) {
                    differences.unknown_there.insert(known.id.clone());
                }
            }
        }
        Ok(Some(differences))
    }

    /// Writes a day's comparison down. Whether nobody had before.
    async fn record(&self, day: i64, differences: &Differences) -> Result<bool, PlatformError> {
        let moment = self.context.moment();
        let named = |orders: &BTreeSet<String>| orders.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>();
        let counted = |orders: &BTreeSet<String>| i64::try_from(orders.len()).unwrap_or(i64::MAX);
        let (here, there) = (&differences.unknown_here, &differences.unknown_there);
        let comparison = Comparison {
            provider: self.provider().to_owned(),
            day,
            compared_at: moment.now,
            unknown_here_count: counted(here),
            unknown_there_count: counted(there),
            unknown_here: Json::from(named(here)).to_string(),
            unknown_there: Json::from(named(there)).to_string(),
        };
        let mut tx = self.context.db.begin().await?;
        if !payment_comparisons::note(&mut tx, &comparison).await? {
            return Ok(false);
        }
        if !differences.is_none() {
            let detail = serde_json::json!({
                "unknown_here": named(here), "unknown_here_count": here.len(),
                "unknown_there": named(there), "unknown_there_count": there.len(),
            })
            .to_string();
            let server = Actor::system();
            audit::append(&mut tx, &moment, server.record("payments.differ", None, &detail)).await?;
            tracing::error!(
                here = here.len(),
                there = there.len(),
                "the payment service's books and ours differ: see the audit log"
            );
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// Two families of a comparison.
fn written(last: &Comparison) -> String {
    let Comparison { unknown_here_count: here, unknown_there_count: there, .. } = last;
    format!(
        "# HELP payments_differing Orders that the payment service and we say different things of, as last compared.\n\
         # TYPE payments_differing gauge\n\
         payments_differing{{unknown=\"here\"}} {here}\n\
         payments_differing{{unknown=\"there\"}} {there}\n\
         # HELP payments_compared_timestamp_seconds When they were last compared.\n\
         # TYPE payments_compared_timestamp_seconds gauge\n\
         payments_compared_timestamp_seconds {}\n",
        last.compared_at.0 / 1_000_000
    )
}

/// Which order a checkout is for.
fn order_of(session: &Json) -> Option<String> {
    let named = session["client_reference_id"].as_str().or_else(|| session["metadata"]["purchase_id"].as_str())?;
    super::told::is_plain(named).then(|| named.to_owned())
}
