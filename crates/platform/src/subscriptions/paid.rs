//! A plan that was paid for, and one whose payment was taken back.

use chrono::{DateTime, Months};
use easel_store::{
    Timestamp, Tx,
    subscriptions::{self, Subscription},
};

use super::{Subscriptions, is_live};
use crate::{PlatformError, accounts::Actor, context::retry};

/// A plan that was paid for, for so many months from now, or from the end of what was paid before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PaidPlan<'a> {
    /// Whose.
    pub user_id: &'a str,
    /// Its name.
    pub plan: &'a str,
    /// Who took the money.
    pub provider: &'a str,
    /// What the subscription is called there.
    pub reference: &'a str,
    /// For how long.
    pub months: u32,
}

/// Who renews by themselves, and is told of changes; what others sell is paid for again by hand.
pub(super) const RENEWING: [&str; 2] = ["stripe", "creem"];

impl Subscriptions {
    /// The one that is under way.
    pub async fn live_of(&self, user_id: &str) -> Result<Option<Subscription>, PlatformError> {
        let all = subscriptions::of_user(&self.context.db, user_id).await?;
        Ok(all.into_iter().find(is_live))
    }

    /// Whether one is under way that its provider renews. The user's row is locked.
    pub(crate) async fn renews_by_itself(&self, tx: &mut Tx, user_id: &str) -> Result<bool, PlatformError> {
        Ok(subscriptions::live(tx, user_id).await?.is_some_and(|live| RENEWING.contains(&live.provider.as_str())))
    }

    /// What follows from a payment, in its transaction; the user's row is locked. The same plan at the same provider goes on from its end, any
    /// other takes its place at once.
    pub(crate) async fn paid_for(&self, tx: &mut Tx, actor: &Actor, paid: PaidPlan<'_>) -> Result<(), PlatformError> {
        let plan = self.plan(paid.plan)?;
        let moment = self.context.moment();
        let now = moment.now;
        if let Some(mut live) = subscriptions::live(tx, paid.user_id).await? {
            if live.plan == plan.name && live.provider == paid.provider && !RENEWING.contains(&paid.provider) {
                live.period_ends_at = later(live.period_ends_at.max(now), paid.months)?;
                (live.state, live.cancel_at_period_end, live.next_plan) = ("active".to_owned(), false, None);
                return self.write(tx, actor, &live, "subscription.renew").await;
            }
            live.state = "cancelled".to_owned();
            self.write(tx, actor, &live, "subscription.end").await?;
        }
        let begun = Subscription {
            id: moment.id(),
            user_id: paid.user_id.to_owned(),
            plan: plan.name.clone(),
            next_plan: None,
            state: "active".to_owned(),
            provider: paid.provider.to_owned(),
            provider_ref: Some(paid.reference.to_owned()),
            period_starts_at: now,
            period_ends_at: later(now, paid.months)?,
            cancel_at_period_end: false,
            created_at: now,
            updated_at: now,
        };
        subscriptions::insert(tx, &begun).await?;
        self.write(tx, actor, &begun, "subscription.begin").await
    }

    /// What was paid for is over at once, in the transaction that says so; the user's row is locked.
    pub(crate) async fn paid_back(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        provider: &str,
        reference: &str,
    ) -> Result<(), PlatformError> {
        let Some(mut known) = subscriptions::by_ref(tx, provider, reference).await?.filter(is_live) else { return Ok(()) };
        known.state = "cancelled".to_owned();
        self.write(tx, actor, &known, "subscription.end").await
    }

    /// Its provider takes the money for a dearer plan by now: that begins, if it has not. A cheaper one waits for the next period, which is known here
    /// by who asked for it.
    pub(crate) async fn dearer_there(&self, provider: &str, reference: &str, plan: &str) -> Result<(), PlatformError> {
        match retry!(self.dearer_once(provider, reference, plan))? {
            Some(user_id) => self.grant(&user_id).await,
            None => Ok(()),
        }
    }

    async fn dearer_once(&self, provider: &str, reference: &str, plan: &str) -> Result<Option<String>, PlatformError> {
        let wanted = self.plan(plan)?;
        let mut tx = self.context.db.begin().await?;
        let mut known = match self.locked_by_ref(&mut tx, provider, reference).await {
            Err(PlatformError::NotFound(_)) => return Ok(None),
            known => known?,
        };
        let worth = self.catalogue.find(&known.plan).map_or(0, |plan| self.catalogue.worth(plan));
        if !is_live(&known) || self.catalogue.worth(wanted) <= worth {
            return Ok(None);
        }
        (known.plan, known.next_plan) = (wanted.name.clone(), None);
        self.write(&mut tx, &Actor::system(), &known, "subscription.change").await?;
        tx.commit().await?;
        Ok(Some(known.user_id))
    }

    /// Its provider does not renew it any more, so that it ends with what is paid for, or renews it again after all. What is not known, or over,
    /// stays as it is.
    pub(crate) async fn ends_there(&self, provider: &str, reference: &str, ends: bool) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let mut known = match self.locked_by_ref(&mut tx, provider, reference).await {
            Err(PlatformError::NotFound(_)) => return Ok(()),
            known => known?,
        };
        if !is_live(&known) || known.cancel_at_period_end == ends {
            return Ok(());
        }
        known.cancel_at_period_end = ends;
        let action = if ends { "subscription.cancel" } else { "subscription.resume" };
        self.write(&mut tx, &Actor::system(), &known, action).await?;
        Ok(tx.commit().await?)
    }
}

/// The same day so many months on, or the last of that month.
fn later(from: Timestamp, months: u32) -> Result<Timestamp, PlatformError> {
    let beyond = || PlatformError::Settings("the clock is beyond the calendar".to_owned());
    let from = DateTime::from_timestamp_micros(from.0).ok_or_else(beyond)?;
    let to = from.checked_add_months(Months::new(months)).ok_or_else(beyond)?;
    Ok(Timestamp(to.timestamp_micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_of_the_calendar() {
        let at = |text: &str| Timestamp(DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros());
        assert_eq!(later(at("2028-01-31T10:00:00Z"), 1).unwrap(), at("2028-02-29T10:00:00Z"));
        assert_eq!(later(at("2027-06-15T00:00:00Z"), 12).unwrap(), at("2028-06-15T00:00:00Z"));
        assert!(later(Timestamp::MAX, 1).is_err());
    }
}
