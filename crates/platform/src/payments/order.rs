//! What is ordered: a pack of credits, or a plan for a month or a year, at the price of now.

use easel_outbound::Url;
use easel_store::{
    Credits, Timestamp, audit,
    purchases::{self, Purchase},
    users::{self, User},
};

use super::{Payments, Provider, signature};
use crate::{PlatformError, accounts::Actor, context::retry, plans::Interval};

/// Orders of one person that wait to be paid.
const PENDING_MAX: i64 = 20;

/// What somebody wants to buy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// Credits, once.
    Pack(&'a str),
    /// A plan, for so long.
    Plan(&'a str, Interval),
}

/// An order, and where it is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The order.
    pub purchase: Purchase,
    /// Where to send the browser.
    pub url: String,
}

impl Payments {
    /// Writes an order down and says where it is paid.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`] for what is not offered; [`PlatformError::Taken`] while a subscription at the payment service is under way, which
    /// is changed there; [`PlatformError::Limit`]; [`PlatformError::PaymentUnavailable`] if the payment service does not answer.
    pub async fn order(&self, user: &User, wanted: Wanted<'_>) -> Result<Started, PlatformError> {
        let (purchase, title) = self.written(user, wanted)?;
        if let Provider::Creem(account) = &*self.provider {
            account.product_of(&purchase)?;
        }
        retry!(self.write_order(&purchase))?;
        match self.place_to_pay(&purchase, &title).await {
            Ok(url) => Ok(Started { purchase, url }),
            Err(error) => {
                self.give_up(&purchase).await?;
                Err(error)
            }
        }
    }

    /// Somebody's orders, newest first.
    pub async fn of(&self, user_id: &str, before: Option<(Timestamp, &str)>, limit: i64) -> Result<Vec<Purchase>, PlatformError> {
        Ok(purchases::list(&self.context.db, Some(user_id), None, before, limit).await?)
    }

    /// Everybody's, of one state or of all, newest first.
    pub async fn everybodys(
        &self,
        state: Option<&str>,
        before: Option<(Timestamp, &str)>,
        limit: i64,
    ) -> Result<Vec<Purchase>, PlatformError> {
        Ok(purchases::list(&self.context.db, None, state, before, limit).await?)
    }

    fn written(&self, user: &User, wanted: Wanted<'_>) -> Result<(Purchase, String), PlatformError> {
        let now = self.context.now();
        let (kind, product, title, paid_for, credits, amount_cents) = match wanted {
            Wanted::Pack(name) => {
                let (pack, price) =
                    self.catalogue.packs().find(|(pack, _)| pack.name == name).ok_or(PlatformError::NotFound("pack"))?;
                let credits = Credits::whole(pack.credits).ok_or(PlatformError::NotFound("pack"))?;
                ("pack", &pack.name, &pack.title, None, credits, price)
            }
            Wanted::Plan(name, interval) => {
                let plan = self.catalogue.find(name).ok_or(PlatformError::NotFound("plan"))?;
                let price = plan.price(interval).filter(|&price| price > 0);
                let price = price.ok_or(PlatformError::Invalid { field: "plan", problem: "is not for sale here" })?;
                ("plan", &plan.name, &plan.title, Some(interval.name().to_owned()), Credits::ZERO, price)
            }
        };
        let purchase = Purchase {
            id: self.context.ids.next(now),
            user_id: user.id.clone(),
            kind: kind.to_owned(),
            product: product.clone(),
            paid_for,
            credits,
            amount_cents,
            currency: self.catalogue.currency().to_owned(),
            provider: self.provider().to_owned(),
            provider_ref: None,
            provider_customer: None,
            state: "pending".to_owned(),
            created_at: now,
            updated_at: now,
            paid_at: None,
            gave_nothing: false,
        };
        Ok((purchase, title.clone()))
    }

    async fn write_order(&self, purchase: &Purchase) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let user = users::lock(&mut tx, &purchase.user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        if purchases::pending_of_user(&mut tx, &user.id).await? >= PENDING_MAX {
            return Err(PlatformError::Limit { code: "too_many_purchases", what: "orders that are not paid", max: PENDING_MAX });
        }
        if purchase.kind == "plan" && self.subscriptions.renews_by_itself(&mut tx, &user.id).await? {
            return Err(PlatformError::Taken("subscription"));
        }
        purchases::insert(&mut tx, purchase).await?;
        let detail = serde_json::json!({ "purchase": purchase.id, "product": purchase.product }).to_string();
        let actor = Actor::user(&user);
        audit::append(&mut tx, &moment, actor.record("purchase.order", Some(("user", &user.id)), &detail)).await?;
        Ok(tx.commit().await?)
    }

    async fn place_to_pay(&self, purchase: &Purchase, title: &str) -> Result<String, PlatformError> {
        let back = format!("{}/pricing?purchase={}", self.public_url, purchase.id);
        match &*self.provider {
            Provider::Manual => Ok(back),
            Provider::Stripe(account) => account.checkout(&self.client, purchase, title, &back).await,
            Provider::Creem(account) => account.checkout(&self.client, purchase, &back).await,
            Provider::External { checkout_url, secret } => {
                let bad = |_| PlatformError::Settings("the address of the payment page cannot be used".to_owned());
                let mut url = Url::parse(checkout_url).map_err(bad)?;
                let amount = purchase.amount_cents.to_string();
                let told = [&purchase.id, &purchase.product, &amount, &purchase.currency];
                // So that the page knows the price from us and not from whoever wrote the address.
                let signed = signature::sign(&signature::key(secret)?, &told.map(String::as_str).join("."));
                url.query_pairs_mut()
                    .append_pair("purchase", &purchase.id)
                    .append_pair("product", &purchase.product)
                    .append_pair("amount_cents", &amount)
                    .append_pair("currency", &purchase.currency)
                    .append_pair("title", title)
                    .append_pair("return_url", &back)
                    .append_pair("signature", &signed);
                Ok(url.into())
            }
        }
    }

    /// Nobody can pay for it.
    async fn give_up(&self, purchase: &Purchase) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        if let Some(mut known) = purchases::lock(&mut tx, &purchase.id).await?
            && known.state == "pending"
        {
            (known.state, known.updated_at) = ("cancelled".to_owned(), self.context.now());
            purchases::update(&mut tx, &known).await?;
        }
        Ok(tx.commit().await?)
    }
}
