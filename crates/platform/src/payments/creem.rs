//! Creem's routes, as far as they are needed: a checkout, the portal, and that a subscription is not renewed. JSON both ways.
//!
//! After <https://docs.creem.io/api-reference/endpoint/create-checkout>, `…/cancel-subscription`, `…/resume-subscription`, `…/upgrade-subscription`,
//! `…/get-subscription` and `…/create-customer-billing`. What is sold there is a product of the account's with a price of its own, so an operator says
//! which product a pack or a plan is; what was paid is held against our price all the same. What it tells is read in `creem_events.rs`.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use easel_outbound::{
    Client, Method, Request,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use easel_store::purchases::Purchase;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::service::{answer, page, unusable};
use crate::{
    PlatformError,
    plans::{Catalogue, Interval},
};

/// Where the key stands.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// What keys of the test mode begin with.
const TEST_KEY: &str = "creem_test_";

/// An account at Creem.
#[derive(Clone)]
pub struct CreemAccount {
    /// The API key, `creem_…`.
    pub key: Zeroizing<String>,
    /// The secret of the webhook.
    pub webhook_secret: Zeroizing<String>,
    /// Where its API is; no slash at the end.
    pub api: String,
    /// Its products: by a pack's name, or a plan's with `:month` or `:year` after it.
    pub products: BTreeMap<String, String>,
}

impl CreemAccount {
    /// Where the API is that knows this key: those of the test mode are known nowhere else
    /// (<https://docs.creem.io/getting-started/test-mode>).
    pub fn api_of(key: &str) -> &'static str {
        if key.starts_with(TEST_KEY) { "https://test-api.creem.io" } else { "https://api.creem.io" }
    }

    /// Whether every product is of something that is sold here.
    ///
    /// # Errors
    /// [`PlatformError::Settings`] with the first that is not.
    pub(super) fn check(&self, catalogue: &Catalogue) -> Result<(), PlatformError> {
        let is_sold = |name: &str| match name.rsplit_once(':') {
            Some((plan, interval)) => {
                let interval = [Interval::Month, Interval::Year].into_iter().find(|known| known.name() == interval);
                let plan = catalogue.plans().iter().find(|known| known.name == plan);
                plan.zip(interval).is_some_and(|(plan, interval)| plan.price(interval).is_some_and(|price| price > 0))
            }
            None => catalogue.packs().any(|(pack, _)| pack.name == name),
        };
        match self.products.keys().find(|name| !is_sold(name)) {
            None => Ok(()),
            Some(name) => {
                Err(PlatformError::Settings(format!("Creem sells `{name}`, which is no pack and no plan with a price")))
            }
        }
    }

    /// Which product an order is for.
    ///
    /// # Errors
    /// [`PlatformError::Invalid`] if there is none.
    pub(super) fn product_of(&self, purchase: &Purchase) -> Result<&str, PlatformError> {
        match &purchase.paid_for {
            None => self.product("pack", &purchase.product),
            Some(interval) => self.product("plan", &format!("{}:{interval}", purchase.product)),
        }
    }

    /// Which plan a product is, if it is one.
    pub(super) fn plan_of(&self, product: &str) -> Option<&str> {
        let (name, _) = self.products.iter().find(|(_, known)| *known == product)?;
        name.rsplit_once(':').map(|(plan, _)| plan)
    }

    fn product(&self, field: &'static str, name: &str) -> Result<&str, PlatformError> {
        let found = self.products.get(name).map(String::as_str);
        found.ok_or(PlatformError::Invalid { field, problem: "is not for sale here" })
    }

    /// The page where an order is paid.
    pub(super) async fn checkout(&self, client: &Client, purchase: &Purchase, back: &str) -> Result<String, PlatformError> {
        let asked = json!({
            "product_id": self.product_of(purchase)?, "units": 1, "request_id": purchase.id, "success_url": back,
            "metadata": { "purchase_id": purchase.id },
        });
        page(&self.post(client, "/v1/checkouts", &asked).await?["checkout_url"])
    }

    /// The page where somebody looks after what they pay.
    pub(super) async fn portal(&self, client: &Client, customer: &str) -> Result<String, PlatformError> {
        let asked = json!({ "customer_id": customer });
        page(&self.post(client, "/v1/customers/billing", &asked).await?["customer_portal_link"])
    }

    /// A subscription is not renewed, or is again.
    pub(super) async fn set_cancelled(&self, client: &Client, subscription: &str, cancelled: bool) -> Result<(), PlatformError> {
        // Which of the two a cancellation is could otherwise be set there.
        let (verb, asked) =
            if cancelled { ("cancel", json!({ "mode": "scheduled", "onExecute": "cancel" })) } else { ("resume", json!({})) };
        self.post(client, &path_of(subscription, verb)?, &asked).await.map(drop)
    }

    /// A subscription is for another plan: one that is paid for the rest of the period now, or one that counts from the next.
    pub(super) async fn change(
        &self,
        client: &Client,
        subscription: &str,
        plan: &str,
        interval: Interval,
        at_once: bool,
    ) -> Result<(), PlatformError> {
        let product = self.product("plan", &format!("{plan}:{}", interval.name()))?;
        let behaviour = if at_once { "proration-charge-immediately" } else { "proration-none" };
        let asked = json!({ "product_id": product, "update_behavior": behaviour });
        self.post(client, &path_of(subscription, "upgrade")?, &asked).await.map(drop)
    }

    /// Which product a subscription is for by now.
    pub(super) async fn product_there(&self, client: &Client, subscription: &str) -> Result<String, PlatformError> {
        // So that nothing but a name stands in the address.
        path_of(subscription, "")?;
        let request = Request::new(Method::GET, format!("{}/v1/subscriptions?subscription_id={subscription}", self.api));
        let known = self.send(client, request).await?;
        let product = known["product"]["id"].as_str().or(known["product"].as_str());
        product.map(str::to_owned).ok_or(PlatformError::PaymentUnavailable)
    }

    async fn post(&self, client: &Client, path: &str, asked: &Json) -> Result<Json, PlatformError> {
        let mut request = Request::new(Method::POST, format!("{}{path}", self.api));
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.body = Bytes::from(asked.to_string());
        self.send(client, request).await
    }

    /// With the key; what it answers.
    async fn send(&self, client: &Client, mut request: Request) -> Result<Json, PlatformError> {
        let mut key = HeaderValue::from_str(&self.key).map_err(|_| unusable())?;
        key.set_sensitive(true);
        request.headers.insert(API_KEY, key);
        answer(client, request).await
    }
}

/// Where something is done with a subscription.
fn path_of(subscription: &str, verb: &str) -> Result<String, PlatformError> {
    if !subscription.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(PlatformError::NotFound("subscription"));
    }
    Ok(format!("/v1/subscriptions/{subscription}/{verb}"))
}

impl fmt::Debug for CreemAccount {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreemAccount").field("api", &self.api).field("products", &self.products).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_a_price_is_sold() {
        assert_eq!(CreemAccount::api_of("creem_test_1"), "https://test-api.creem.io");
        assert_eq!(CreemAccount::api_of("creem_1"), "https://api.creem.io");
        let check = |name: &str| {
            let products = BTreeMap::from([(name.to_owned(), "prod_1".to_owned())]);
            let (key, webhook_secret) = (Zeroizing::new("creem_1".to_owned()), Zeroizing::new("whsec_1".to_owned()));
            CreemAccount { key, webhook_secret, api: String::new(), products }.check(&Catalogue::embedded())
        };
        assert!(check("basic:month").is_ok() && check("pro:year").is_ok());
        for bad in ["basic", "free:month", "enterprise:month", "basic:week", "basic:", "credits-100", "nothing"] {
            assert!(matches!(check(bad), Err(PlatformError::Settings(_))), "{bad}");
        }
    }
}
