//! What people have agreed to pay for, and which plan that gives them.
//!
//! One subscription at a time. Its plan is the person's plan while it is paid for, and for a few days of grace after that, should a payment be
//! late. A dearer plan begins at once, a cheaper one with the next period; who cancels keeps what is paid for until its end. What a payment
//! provider tells is told more than once and in any order: a period that is known or older changes nothing. Taking money is `payments`'.

mod paid;

use std::time::Duration;

use easel_store::{
    StoreError, Timestamp, Tx, audit,
    subscriptions::{self, Subscription},
    users,
};

use crate::{
    Context, PlatformError,
    accounts::Actor,
    context::retry,
    credits::CreditDesk,
    plans::{Catalogue, Plan},
};

pub(crate) use paid::PaidPlan;

/// How long a plan outlives what is paid for: payments may be late.
const GRACE: Duration = Duration::from_secs(3 * 24 * 3600);
/// Subscriptions ended in one turn.
const TURN: i64 = 100;

/// What somebody agreed to.
#[derive(Debug, Clone, Copy)]
pub struct NewSubscription<'a> {
    /// Who.
    pub user_id: &'a str,
    /// To which plan.
    pub plan: &'a str,
    /// Who takes the money; `manual` for an operator.
    pub provider: &'a str,
    /// What it is called there: the same is made once.
    pub provider_ref: Option<&'a str>,
    /// What is paid for.
    pub period: (Timestamp, Timestamp),
}

/// Subscriptions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Subscriptions {
    context: Context,
    catalogue: Catalogue,
    desk: CreditDesk,
}

const NONE: PlatformError = PlatformError::NotFound("subscription");

impl Subscriptions {
    /// Over this database, with these plans.
    pub fn new(context: Context, catalogue: Catalogue, desk: CreditDesk) -> Self {
        Self { context, catalogue, desk }
    }

    /// All of somebody's, newest first.
    pub async fn of(&self, user_id: &str) -> Result<Vec<Subscription>, PlatformError> {
        Ok(subscriptions::of_user(&self.context.db, user_id).await?)
    }

    /// Begins one. The same of a provider's a second time is the first.
    ///
    /// # Errors
    /// [`PlatformError::Taken`] if there is one already.
    pub async fn begin(&self, actor: &Actor, new: NewSubscription<'_>) -> Result<Subscription, PlatformError> {
        let begun = retry!(self.begin_once(actor, new))?;
        self.grant(new.user_id).await?;
        Ok(begun)
    }

    async fn begin_once(&self, actor: &Actor, new: NewSubscription<'_>) -> Result<Subscription, PlatformError> {
        let plan = self.plan(new.plan)?;
        let (period_starts_at, period_ends_at) = new.period;
        if period_starts_at >= period_ends_at {
            return Err(PlatformError::Invalid { field: "period", problem: "ends before it begins" });
        }
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        users::lock(&mut tx, new.user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        if let Some(reference) = new.provider_ref
            && let Some(known) = subscriptions::by_ref(&mut tx, new.provider, reference).await?
        {
            // Somebody else's under this name is not told of.
            return if known.user_id == new.user_id { Ok(known) } else { Err(PlatformError::Taken("subscription")) };
        }
        let subscription = Subscription {
            id: moment.id(),
            user_id: new.user_id.to_owned(),
            plan: plan.name.clone(),
            next_plan: None,
            state: "active".to_owned(),
            provider: new.provider.to_owned(),
            provider_ref: new.provider_ref.map(str::to_owned),
            period_starts_at,
            period_ends_at,
            cancel_at_period_end: false,
            created_at: moment.now,
            updated_at: moment.now,
        };
        subscriptions::insert(&mut tx, &subscription).await.map_err(|error| match error {
            StoreError::Exists { .. } => PlatformError::Taken("subscription"),
            error => error.into(),
        })?;
        self.write(&mut tx, actor, &subscription, "subscription.begin").await?;
        tx.commit().await?;
        Ok(subscription)
    }

    /// The next period is paid for, with the plan that was chosen for it. A period that is known or older changes nothing; what ran out unpaid is
    /// taken up again where its provider has gone on trying and was paid after all.
    pub async fn renewed(
        &self,
        provider: &str,
        reference: &str,
        period: (Timestamp, Timestamp),
    ) -> Result<Subscription, PlatformError> {
        let renewed = retry!(self.renewed_once(provider, reference, period))?;
        self.grant(&renewed.user_id).await?;
        Ok(renewed)
    }

    async fn renewed_once(
        &self,
        provider: &str,
        reference: &str,
        period: (Timestamp, Timestamp),
    ) -> Result<Subscription, PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let mut known = self.locked_by_ref(&mut tx, provider, reference).await?;
        if period.1 <= known.period_ends_at || period.0 >= period.1 {
            return Ok(known);
        }
        if !is_live(&known) {
            let paid_late = known.state == "expired" && paid::RENEWING.contains(&provider) && period.1 > self.context.now();
            if !paid_late || subscriptions::live(&mut tx, &known.user_id).await?.is_some() {
                return Ok(known);
            }
        }
        (known.period_starts_at, known.period_ends_at) = period;
        known.plan = known.next_plan.take().unwrap_or(known.plan);
        known.state = "active".to_owned();
        self.write(&mut tx, &Actor::system(), &known, "subscription.renew").await?;
        tx.commit().await?;
        Ok(known)
    }

    /// A payment failed: the plan goes on until the grace after what is paid for is over.
    pub async fn payment_failed(&self, provider: &str, reference: &str) -> Result<(), PlatformError> {
        retry!(self.payment_failed_once(provider, reference))
    }

    async fn payment_failed_once(&self, provider: &str, reference: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let mut known = self.locked_by_ref(&mut tx, provider, reference).await?;
        if known.state != "active" {
            return Ok(());
        }
        known.state = "past_due".to_owned();
        self.write(&mut tx, &Actor::system(), &known, "subscription.past_due").await?;
        Ok(tx.commit().await?)
    }

    /// Another plan: a dearer one at once, a cheaper one with the next period. The plan it has takes a change back.
    pub async fn change_plan(&self, actor: &Actor, user_id: &str, plan: &str) -> Result<Subscription, PlatformError> {
        let changed = retry!(self.change_plan_once(actor, user_id, plan))?;
        self.grant(user_id).await?;
        Ok(changed)
    }

    async fn change_plan_once(&self, actor: &Actor, user_id: &str, plan: &str) -> Result<Subscription, PlatformError> {
        let wanted = self.plan(plan)?;
        let price = |plan: &Plan| self.catalogue.worth(plan);
        let mut tx = self.context.db.begin().await?;
        let mut live = self.live(&mut tx, actor, user_id).await?;
        let now_paid = self.catalogue.find(&live.plan).map_or(0, price);
        if wanted.name == live.plan {
            live.next_plan = None;
        } else if price(wanted) > now_paid {
            (live.plan, live.next_plan) = (wanted.name.clone(), None);
        } else {
            live.next_plan = Some(wanted.name.clone());
        }
        self.write(&mut tx, actor, &live, "subscription.change").await?;
        tx.commit().await?;
        Ok(live)
    }

    /// Ends it with what is paid for, or takes that back. Doing it again changes nothing.
    pub async fn set_cancelled(&self, actor: &Actor, user_id: &str, cancelled: bool) -> Result<Subscription, PlatformError> {
        retry!(self.set_cancelled_once(actor, user_id, cancelled))
    }

    async fn set_cancelled_once(&self, actor: &Actor, user_id: &str, cancelled: bool) -> Result<Subscription, PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let mut live = self.live(&mut tx, actor, user_id).await?;
        if live.cancel_at_period_end == cancelled {
            return Ok(live);
        }
        live.cancel_at_period_end = cancelled;
        let action = if cancelled { "subscription.cancel" } else { "subscription.resume" };
        self.write(&mut tx, actor, &live, action).await?;
        tx.commit().await?;
        Ok(live)
    }

    /// Ends those that are over. Returns how many; to be called now and then.
    pub async fn end_due(&self) -> Result<usize, PlatformError> {
        let now = self.context.now();
        let due = subscriptions::ended(&self.context.db, now, now.before(GRACE), TURN).await?;
        for subscription in &due {
            retry!(self.end_once(&subscription.user_id))?;
        }
        Ok(due.len())
    }

    async fn end_once(&self, user_id: &str) -> Result<(), PlatformError> {
        let now = self.context.now();
        let mut tx = self.context.db.begin().await?;
        users::lock(&mut tx, user_id).await?;
        // It may have been renewed since it was read.
        let Some(mut live) = subscriptions::live(&mut tx, user_id).await? else { return Ok(()) };
        if ends_at(&live) > now {
            return Ok(());
        }
        live.state = if live.cancel_at_period_end { "cancelled" } else { "expired" }.to_owned();
        self.write(&mut tx, &Actor::system(), &live, "subscription.end").await?;
        Ok(tx.commit().await?)
    }

    fn plan(&self, name: &str) -> Result<&Plan, PlatformError> {
        self.catalogue.find(name).ok_or(PlatformError::NotFound("plan"))
    }

    async fn locked_by_ref(&self, tx: &mut Tx, provider: &str, reference: &str) -> Result<Subscription, PlatformError> {
        let known = subscriptions::by_ref(tx, provider, reference).await?.ok_or(NONE)?;
        // Whoever changes a subscription locks its owner; what was read before the lock may be old.
        users::lock(tx, &known.user_id).await?.ok_or(NONE)?;
        subscriptions::by_ref(tx, provider, reference).await?.ok_or(NONE)
    }

    async fn live(&self, tx: &mut Tx, actor: &Actor, user_id: &str) -> Result<Subscription, PlatformError> {
        if actor.id() != user_id {
            actor.require(users::Role::Admin)?;
        }
        users::lock(tx, user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        subscriptions::live(tx, user_id).await?.ok_or(NONE)
    }

    /// The subscription, the plan that follows from it, and the record of it.
    async fn write(&self, tx: &mut Tx, actor: &Actor, subscription: &Subscription, action: &str) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        subscriptions::update(tx, subscription, moment.now).await?;
        let (plan, ends) = if is_live(subscription) {
            (subscription.plan.as_str(), Some(ends_at(subscription)))
        } else {
            (self.catalogue.first().name.as_str(), None)
        };
        users::set_plan(tx, &subscription.user_id, moment.now, plan, ends).await?;
        let detail = serde_json::json!({
            "plan": subscription.plan, "next_plan": subscription.next_plan, "state": subscription.state,
            "ends_at": subscription.period_ends_at, "cancelled": subscription.cancel_at_period_end,
        })
        .to_string();
        let target = ("user", subscription.user_id.as_str());
        Ok(audit::append(tx, &moment, actor.record(action, Some(target), &detail)).await?)
    }

    /// What the plan gives for today and this month.
    pub(crate) async fn grant(&self, user_id: &str) -> Result<(), PlatformError> {
        let user = users::by_id(&self.context.db, user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        self.desk.grant_periods(&user).await
    }
}

fn is_live(subscription: &Subscription) -> bool {
    matches!(subscription.state.as_str(), "active" | "past_due")
}

/// Until when the plan lasts.
fn ends_at(subscription: &Subscription) -> Timestamp {
    let grace = if subscription.cancel_at_period_end { Duration::ZERO } else { GRACE };
    subscription.period_ends_at.after(grace)
}
