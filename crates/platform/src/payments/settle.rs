//! What follows from a payment: credits or a plan, once; and from one that is taken back: what is left of them, never below nothing.

use easel_store::{
    StoreError, Timestamp, Tx, audit,
    ledger::{self, Event, NewGrant},
    purchases::{self, Purchase},
    subscriptions::Subscription,
    users,
};

use super::Payments;
use crate::{PlatformError, accounts::Actor, context::retry, plans::Interval, subscriptions::PaidPlan};

/// A payment, as it was told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Paid<'a> {
    /// For which order.
    pub purchase_id: &'a str,
    /// What the payment, or the subscription it began, is called where it was made.
    pub reference: Option<&'a str>,
    /// Who paid, as they are called there.
    pub customer: Option<&'a str>,
    /// How much, in hundredths, and of what.
    pub amount: Option<(i64, &'a str)>,
}

impl Payments {
    /// An operator says that an order was paid: a transfer, an invoice.
    pub async fn mark_paid(&self, actor: &Actor, purchase_id: &str) -> Result<Purchase, PlatformError> {
        actor.require(users::Role::Admin)?;
        self.paid(actor, Paid { purchase_id, ..Paid::default() }).await
    }

    /// An order was paid. Told again, it changes nothing.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`] if it is less than was asked for.
    pub async fn paid(&self, actor: &Actor, paid: Paid<'_>) -> Result<Purchase, PlatformError> {
        let purchase = retry!(self.paid_once(actor, paid))?;
        if purchase.kind == "plan" {
            self.subscriptions.grant(&purchase.user_id).await?;
        }
        Ok(purchase)
    }

    async fn paid_once(&self, actor: &Actor, paid: Paid<'_>) -> Result<Purchase, PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let mut purchase = self.locked(&mut tx, paid.purchase_id).await?;
        if matches!(purchase.state.as_str(), "paid" | "refunded") {
            return Ok(purchase);
        }
        if paid.amount.is_some_and(|(cents, of)| cents < purchase.amount_cents || !of.eq_ignore_ascii_case(&purchase.currency)) {
            return Err(PlatformError::Invalid { field: "amount", problem: "is not what was asked for" });
        }
        // One that was given up is paid all the same: the money is there.
        purchase.state = "paid".to_owned();
        purchase.provider_ref = paid.reference.map(str::to_owned);
        purchase.provider_customer = paid.customer.map(str::to_owned);
        (purchase.paid_at, purchase.updated_at) = (Some(moment.now), moment.now);
        purchases::update(&mut tx, &purchase).await?;
        let target = ("user", purchase.user_id.as_str());
        if purchase.kind == "pack" {
            let reason = format!("bought: {}", purchase.product);
            let key = grant_key(&purchase);
            let event = Event { key: &key, job_id: None, actor: Some(actor.id()), reason: &reason };
            let new = NewGrant { user_id: &purchase.user_id, amount: purchase.credits, source: "purchase", expires_at: None };
            ledger::grant(&mut tx, &moment, new, event).await?;
        } else {
            let yearly = purchase.paid_for.as_deref() == Some(Interval::Year.name());
            let paid = PaidPlan {
                user_id: &purchase.user_id,
                plan: &purchase.product,
                provider: &purchase.provider,
                reference: purchase.provider_ref.as_deref().unwrap_or(&purchase.id),
                months: if yearly { Interval::Year.months() } else { Interval::Month.months() },
            };
            self.subscriptions.paid_for(&mut tx, actor, paid).await?;
        }
        let detail = serde_json::json!({ "purchase": purchase.id, "amount_cents": purchase.amount_cents }).to_string();
        audit::append(&mut tx, &moment, actor.record("purchase.paid", Some(target), &detail)).await?;
        tx.commit().await?;
        Ok(purchase)
    }

    /// A payment was taken back. Of a pack what is left goes, of a plan the rest of it. Told again, it changes nothing.
    pub async fn refunded(&self, actor: &Actor, purchase_id: &str) -> Result<Purchase, PlatformError> {
        actor.require(users::Role::Admin)?;
        retry!(self.refunded_once(actor, purchase_id))
    }

    async fn refunded_once(&self, actor: &Actor, purchase_id: &str) -> Result<Purchase, PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let mut purchase = self.locked(&mut tx, purchase_id).await?;
        match purchase.state.as_str() {
            "paid" => {}
            "refunded" => return Ok(purchase),
            _ => return Err(PlatformError::Invalid { field: "purchase", problem: "was not paid" }),
        }
        (purchase.state, purchase.updated_at) = ("refunded".to_owned(), moment.now);
        purchases::update(&mut tx, &purchase).await?;
        if purchase.kind == "pack" {
            let key = format!("unpay:{}", purchase.id);
            let reason = format!("paid back: {}", purchase.product);
            let event = Event { key: &key, job_id: None, actor: Some(actor.id()), reason: &reason };
            ledger::take_back(&mut tx, &moment, &purchase.user_id, &grant_key(&purchase), event).await?;
        } else {
            let reference = purchase.provider_ref.as_deref().unwrap_or(&purchase.id);
            self.subscriptions.paid_back(&mut tx, actor, &purchase.provider, reference).await?;
        }
        let detail = serde_json::json!({ "purchase": purchase.id }).to_string();
        let target = ("user", purchase.user_id.as_str());
        audit::append(&mut tx, &moment, actor.record("purchase.refunded", Some(target), &detail)).await?;
        tx.commit().await?;
        Ok(purchase)
    }

    /// A period of a subscription was paid that is over, or whose place another has taken: nobody gets anything for it, so it is in the books as what
    /// an operator has to pay back. Told again, it changes nothing.
    pub(super) async fn book_for_nothing(
        &self,
        over: &Subscription,
        reference: &str,
        period_starts_at: Timestamp,
    ) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        // Each period is paid once; the order itself is called by the subscription alone.
        let name = format!("{reference}:{}", period_starts_at.0 / 1_000_000);
        let order = purchases::by_ref(&self.context.db, &over.provider, reference).await?;
        let known = purchases::by_ref(&self.context.db, &over.provider, &name).await?;
        let (Some(order), None) = (order, known) else { return Ok(()) };
        let paid = Purchase {
            id: moment.id(),
            product: over.plan.clone(),
            provider_ref: Some(name),
            state: "paid".to_owned(),
            created_at: moment.now,
            updated_at: moment.now,
            paid_at: Some(moment.now),
            gave_nothing: true,
            ..order
        };
        let mut tx = self.context.db.begin().await?;
        users::lock(&mut tx, &paid.user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        match purchases::insert(&mut tx, &paid).await {
            Ok(()) => {}
            // Somebody was told of it at the same time.
            Err(StoreError::Exists { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let detail =
            serde_json::json!({ "purchase": paid.id, "subscription": over.id, "amount_cents": paid.amount_cents }).to_string();
        let target = ("user", paid.user_id.as_str());
        audit::append(&mut tx, &moment, Actor::system().record("purchase.for_nothing", Some(target), &detail)).await?;
        tx.commit().await?;
        tracing::warn!(purchase = paid.id, "a subscription that is over was paid for: pay it back");
        Ok(())
    }

    /// An order, and its owner's row before it: whoever changes what somebody has takes their turn.
    async fn locked(&self, tx: &mut Tx, purchase_id: &str) -> Result<Purchase, PlatformError> {
        const NONE: PlatformError = PlatformError::NotFound("purchase");
        if purchase_id.contains('\0') {
            return Err(NONE);
        }
        let known = purchases::by_id(&self.context.db, purchase_id).await?.ok_or(NONE)?;
        users::lock(tx, &known.user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        purchases::lock(tx, purchase_id).await?.ok_or(NONE)
    }
}

/// Which event the ledger knows an order's credits by.
fn grant_key(purchase: &Purchase) -> String {
    format!("pay:{}", purchase.id)
}
