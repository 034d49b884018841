//! Another plan for who has one: a dearer one at once, a cheaper one with the next period.
//!
//! Where the payment service renews it, the service changes its price first and works out what the rest of the period costs; what it refuses is not
//! changed here either. Everybody else orders what is dearer and waits for what is cheaper.
//!
//! What the service is asked for is written down before. If its answer does not come, or nobody is left to hear it, it is looked up there later, and
//! what is paid for there is so here too.

use std::time::Duration;

use easel_store::{
    plan_changes::{self, PlanChange},
    purchases,
    subscriptions::Subscription,
    users::{self, Role},
};

use super::{Payments, Provider, stripe::NewPrice};
use crate::{
    PlatformError,
    accounts::Actor,
    context::retry,
    plans::{Interval, Plan},
};

/// When what became of a change is looked up: no request takes this long. Also between two looks.
const LOOKED_UP_AFTER: Duration = Duration::from_secs(600);
/// Changes looked up in one turn.
const TURN: i64 = 100;

impl Payments {
    /// Changes a plan, here and where it is paid.
    ///
    /// # Errors
    /// [`PlatformError::PaymentRequired`] for a dearer one that is to be ordered; [`PlatformError::PaymentUnavailable`] if the payment service does
    /// not take it.
    pub async fn change_plan(&self, actor: &Actor, user_id: &str, plan: &str) -> Result<Subscription, PlatformError> {
        if actor.id() != user_id {
            actor.require(Role::Admin)?;
        }
        let wanted = self.catalogue.find(plan).ok_or(PlatformError::NotFound("plan"))?;
        let mut live = self.subscriptions.live_of(user_id).await?.ok_or(PlatformError::NotFound("subscription"))?;
        let renews = matches!(&*self.provider, Provider::Stripe(_) | Provider::Creem(_)) && live.provider == self.provider();
        let reference = live.provider_ref.clone().filter(|_| renews);
        let Some(reference) = reference else {
            if self.catalogue.worth(wanted) > self.worth_of(&live) {
                return Err(PlatformError::PaymentRequired);
            }
            return self.subscriptions.change_plan(actor, user_id, plan).await;
        };
        // What another asking came to decides what this one is.
        let open = plan_changes::of_subscription(&self.context.db, &live.id).await?;
        if let Some(other) = open.as_ref().filter(|open| open.plan != plan) {
            self.settle_change(other).await?;
            live = self.subscriptions.live_of(user_id).await?.ok_or(PlatformError::NotFound("subscription"))?;
        }
        let again = open.is_some_and(|open| open.plan == plan);
        let Some(change) = self.change_of(&live, &reference, wanted, again).await? else {
            return self.subscriptions.change_plan(actor, user_id, plan).await;
        };
        retry!(self.write_change(&change))?;
        match self.change_there(&live, &reference, wanted, &change).await {
            Ok(()) => {}
            // Nobody can tell what became of it: it is looked up.
            Err(PlatformError::PaymentUnavailable) => return Err(PlatformError::PaymentUnavailable),
            Err(error) => {
                retry!(self.forget_change(&change.id))?;
                return Err(error);
            }
        }
        let changed = self.subscriptions.change_plan(actor, user_id, plan).await?;
        retry!(self.forget_change(&change.id))?;
        Ok(changed)
    }

    /// Looks up what became of changes that nobody has heard of, and follows what is paid for. Any number of nodes may do this at once. Returns how
    /// many are settled.
    pub async fn settle_changes(&self) -> Result<usize, PlatformError> {
        let now = self.context.now();
        let mut settled = 0;
        for change in plan_changes::due(&self.context.db, now, TURN).await? {
            let mut tx = self.context.db.begin().await?;
            let ours = plan_changes::take(&mut tx, &change.id, change.due_at, now.after(LOOKED_UP_AFTER)).await?;
            tx.commit().await?;
            if !ours {
                continue;
            }
            match self.settle_change(&change).await {
                Ok(()) => settled += 1,
                Err(PlatformError::PaymentUnavailable) => {
                    tracing::warn!("what became of a plan's change cannot be looked up for now")
                }
                Err(error) => return Err(error),
            }
        }
        Ok(settled)
    }

    async fn settle_change(&self, change: &PlanChange) -> Result<(), PlatformError> {
        let live = self.subscriptions.live_of(&change.user_id).await?;
        let live = live.filter(|live| live.id == change.subscription_id && live.provider == self.provider());
        if let Some(reference) = live.and_then(|live| live.provider_ref)
            && self.is_changed_there(&reference, change).await?
        {
            match self.subscriptions.change_plan(&Actor::system(), &change.user_id, &change.plan).await {
                // It has ended since, or nobody sells it any more.
                Ok(_) | Err(PlatformError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        retry!(self.forget_change(&change.id))
    }

    /// What to ask for; nothing if the plan is the one that is there, unless it is asked for `again`.
    async fn change_of(
        &self,
        live: &Subscription,
        reference: &str,
        wanted: &Plan,
        again: bool,
    ) -> Result<Option<PlanChange>, PlatformError> {
        if wanted.name == self.catalogue.first().name {
            return Err(PlatformError::Forbidden("end the subscription: this plan follows by itself"));
        }
        if wanted.name == live.plan && live.next_plan.is_none() && !again {
            return Ok(None);
        }
        let order = purchases::by_ref(&self.context.db, &live.provider, reference).await?;
        let paid_for = order.and_then(|order| order.paid_for).ok_or(PlatformError::NotFound("purchase"))?;
        let price = wanted.price(interval_of(&paid_for)).filter(|&price| price > 0);
        let amount_cents = price.ok_or(PlatformError::Invalid { field: "plan", problem: "is not for sale here" })?;
        let now = self.context.now();
        Ok(Some(PlanChange {
            subscription_id: live.id.clone(),
            id: self.context.ids.next(now),
            user_id: live.user_id.clone(),
            plan: wanted.name.clone(),
            paid_for,
            amount_cents,
            created_at: now,
            due_at: now.after(LOOKED_UP_AFTER),
        }))
    }

    async fn write_change(&self, change: &PlanChange) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        users::lock(&mut tx, &change.user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        plan_changes::put(&mut tx, change).await?;
        Ok(tx.commit().await?)
    }

    async fn forget_change(&self, id: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        plan_changes::delete(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }

    async fn change_there(
        &self,
        live: &Subscription,
        reference: &str,
        wanted: &Plan,
        change: &PlanChange,
    ) -> Result<(), PlatformError> {
        let (interval, cents) = (interval_of(&change.paid_for), change.amount_cents);
        let at_once = self.catalogue.worth(wanted) > self.worth_of(live);
        match &*self.provider {
            Provider::Stripe(account) => {
                let (title, currency) = (wanted.title.as_str(), self.catalogue.currency());
                let price = NewPrice { title, interval: interval.name(), cents, currency, at_once };
                account.change(&self.client, reference, price, &change.id).await
            }
            Provider::Creem(account) => account.change(&self.client, reference, &wanted.name, interval, at_once).await,
            Provider::Manual | Provider::External { .. } => Ok(()),
        }
    }

    /// Whether the service takes the money for what was asked for.
    async fn is_changed_there(&self, reference: &str, change: &PlanChange) -> Result<bool, PlatformError> {
        match &*self.provider {
            Provider::Stripe(account) => {
                let (cents, interval) = account.price_of(&self.client, reference).await?;
                Ok(cents == change.amount_cents && interval == change.paid_for)
            }
            Provider::Creem(account) => {
                let product = account.product_there(&self.client, reference).await?;
                Ok(account.plan_of(&product) == Some(change.plan.as_str()))
            }
            Provider::Manual | Provider::External { .. } => Ok(false),
        }
    }

    fn worth_of(&self, live: &Subscription) -> i64 {
        self.catalogue.find(&live.plan).map_or(0, |plan| self.catalogue.worth(plan))
    }
}

fn interval_of(paid_for: &str) -> Interval {
    if paid_for == Interval::Year.name() { Interval::Year } else { Interval::Month }
}
