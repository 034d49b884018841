//! Another plan for who has one: a dearer one at once, a cheaper one with the next period.
//!
//! Where the payment service renews it, the service changes its price first and works out what the rest of the period costs; what it refuses is not
//! changed here either. Everybody else orders what is dearer and waits for what is cheaper.

use easel_store::{purchases, subscriptions::Subscription, users::Role};

use super::{Payments, Provider, stripe::NewPrice};
use crate::{
    PlatformError,
    accounts::Actor,
    plans::{Interval, Plan},
};

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
        let live = self.subscriptions.live_of(user_id).await?.ok_or(PlatformError::NotFound("subscription"))?;
        let renews = matches!(&*self.provider, Provider::Stripe(_) | Provider::Creem(_)) && live.provider == self.provider();
        match live.provider_ref.as_deref().filter(|_| renews) {
            Some(reference) => self.change_there(&live, reference, wanted).await?,
            None if self.catalogue.worth(wanted) > self.worth_of(&live) => return Err(PlatformError::PaymentRequired),
            None => {}
        }
        self.subscriptions.change_plan(actor, user_id, plan).await
    }

    async fn change_there(&self, live: &Subscription, reference: &str, wanted: &Plan) -> Result<(), PlatformError> {
        if wanted.name == self.catalogue.first().name {
            return Err(PlatformError::Forbidden("end the subscription: this plan follows by itself"));
        }
        if wanted.name == live.plan && live.next_plan.is_none() {
            return Ok(());
        }
        let order = purchases::by_ref(&self.context.db, &live.provider, reference).await?;
        let paid_for = order.and_then(|order| order.paid_for).ok_or(PlatformError::NotFound("purchase"))?;
        let interval = if paid_for == Interval::Year.name() { Interval::Year } else { Interval::Month };
        let price = wanted.price(interval).filter(|&price| price > 0);
        let cents = price.ok_or(PlatformError::Invalid { field: "plan", problem: "is not for sale here" })?;
        let at_once = self.catalogue.worth(wanted) > self.worth_of(live);
        match &*self.provider {
            Provider::Stripe(account) => {
                let (title, currency) = (wanted.title.as_str(), self.catalogue.currency());
                let price = NewPrice { title, interval: interval.name(), cents, currency, at_once };
                let key = self.context.ids.next(self.context.now());
                account.change(&self.client, reference, price, &key).await
            }
            Provider::Creem(account) => account.change(&self.client, reference, &wanted.name, interval, at_once).await,
            Provider::Manual | Provider::External { .. } => Ok(()),
        }
    }

    fn worth_of(&self, live: &Subscription) -> i64 {
        self.catalogue.find(&live.plan).map_or(0, |plan| self.catalogue.worth(plan))
    }
}
