//! What Stripe has against what we have: a message that never came leaves somebody without what they paid for, and nobody would know.
//!
//! Once a day the payments of the last days are listed there and looked up here, and the other way round. Nothing is mended by itself: what differs
//! is recorded for an operator, who settles it by hand (`mark_paid`, `refunded`), and each day's differences are recorded once.

use std::{collections::BTreeSet, time::Duration};

use easel_store::{Timestamp, audit, payment_events, purchases};
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
        let today = format!("compared:{}", self.context.now().day());
        if payment_events::known(&self.context.db, self.provider(), &today).await?.is_some() {
            return Ok(None);
        }
        let Some(differences) = self.compare().await? else { return Ok(None) };
        retry!(self.record(&today, &differences))?;
        Ok(Some(differences))
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
                let theirs = known.provider == self.provider() && known.provider_ref.is_some();
                if theirs && known.created_at <= until && !paid.contains(&known.id) {
                    differences.unknown_there.insert(known.id.clone());
                }
            }
        }
        Ok(Some(differences))
    }

    async fn record(&self, day: &str, differences: &Differences) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        payment_events::note(&mut tx, moment.now, self.provider(), day, "compared", "").await?;
        if !differences.is_none() {
            let named = |orders: &BTreeSet<String>| orders.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>();
            let (here, there) = (&differences.unknown_here, &differences.unknown_there);
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
        Ok(tx.commit().await?)
    }
}

/// Which order a checkout is for.
fn order_of(session: &Json) -> Option<String> {
    let named = session["client_reference_id"].as_str().or_else(|| session["metadata"]["purchase_id"].as_str())?;
    super::told::is_plain(named).then(|| named.to_owned())
}
