//! Stripe's routes, as far as they are needed: a checkout, the portal, and that a subscription is not renewed. Forms in, JSON out.

use std::fmt;

use bytes::Bytes;
use easel_outbound::{
    Client, Method, Request, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue},
};
use easel_store::{Timestamp, purchases::Purchase};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::service::{answer, page, unusable};
use crate::PlatformError;

/// Makes a request that is repeated the same one.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// An account at Stripe.
#[derive(Clone)]
pub struct StripeAccount {
    /// The secret key, `sk_…`.
    pub key: Zeroizing<String>,
    /// The secret of the webhook, `whsec_…`.
    pub webhook_secret: Zeroizing<String>,
    /// Where its API is; no slash at the end.
    pub api: String,
}

/// What a subscription is for from now on.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewPrice<'a> {
    /// What it is called.
    pub title: &'a str,
    /// `month` or `year`, as before.
    pub interval: &'a str,
    /// Of one of them, in hundredths.
    pub cents: i64,
    /// Three small letters.
    pub currency: &'a str,
    /// The rest of the period is paid for now; otherwise it counts from the next.
    pub at_once: bool,
}

impl StripeAccount {
    /// Where everybody's is.
    pub const API: &str = "https://api.stripe.com";

    /// The page where an order is paid.
    pub(super) async fn checkout(
        &self,
        client: &Client,
        purchase: &Purchase,
        title: &str,
        back: &str,
    ) -> Result<String, PlatformError> {
        let amount = purchase.amount_cents.to_string();
        let mut form = vec![
            ("client_reference_id", purchase.id.as_str()),
            ("success_url", back),
            ("cancel_url", back),
            ("metadata[purchase_id]", purchase.id.as_str()),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", purchase.currency.as_str()),
            ("line_items[0][price_data][unit_amount]", amount.as_str()),
            ("line_items[0][price_data][product_data][name]", title),
        ];
        match &purchase.paid_for {
            None => form.push(("mode", "payment")),
            Some(interval) => form.extend([
                ("mode", "subscription"),
                ("line_items[0][price_data][recurring][interval]", interval.as_str()),
                ("subscription_data[metadata][purchase_id]", purchase.id.as_str()),
            ]),
        }
        page(&self.post(client, "/v1/checkout/sessions", &form, &purchase.id).await?["url"])
    }

    /// The page where somebody looks after what they pay.
    pub(super) async fn portal(&self, client: &Client, customer: &str, back: &str, key: &str) -> Result<String, PlatformError> {
        let form = [("customer", customer), ("return_url", back)];
        page(&self.post(client, "/v1/billing_portal/sessions", &form, key).await?["url"])
    }

    /// A subscription is not renewed, or is again.
    pub(super) async fn set_cancelled(
        &self,
        client: &Client,
        subscription: &str,
        cancelled: bool,
        key: &str,
    ) -> Result<(), PlatformError> {
        let form = [("cancel_at_period_end", if cancelled { "true" } else { "false" })];
        self.post(client, &path_of(subscription)?, &form, key).await.map(drop)
    }

    /// A subscription is for something else (<https://docs.stripe.com/api/subscriptions/update>). A payment that fails changes nothing.
    pub(super) async fn change(
        &self,
        client: &Client,
        subscription: &str,
        to: NewPrice<'_>,
        key: &str,
    ) -> Result<(), PlatformError> {
        let path = path_of(subscription)?;
        let known = self.send(client, Request::new(Method::GET, format!("{}{path}", self.api))).await?;
        let item = &known["items"]["data"][0];
        let (Some(id), Some(product)) = (item["id"].as_str(), item["price"]["product"].as_str()) else {
            return Err(PlatformError::PaymentUnavailable);
        };
        let amount = to.cents.to_string();
        let form = [
            ("items[0][id]", id),
            ("items[0][price_data][product]", product),
            ("items[0][price_data][currency]", to.currency),
            ("items[0][price_data][unit_amount]", amount.as_str()),
            ("items[0][price_data][recurring][interval]", to.interval),
            ("proration_behavior", if to.at_once { "always_invoice" } else { "none" }),
            ("payment_behavior", "error_if_incomplete"),
        ];
        self.post(client, &path, &form, key).await?;
        // Each checkout has made a product of its own, whose name stands on the bills.
        let named = self.post(client, &format!("/v1/products/{product}"), &[("name", to.title)], &format!("{key}-name")).await;
        if named.is_err() {
            tracing::warn!("a subscription that was changed keeps its old name on bills");
        }
        Ok(())
    }

    /// What a subscription costs there by now, in hundredths, and for how long.
    pub(super) async fn price_of(&self, client: &Client, subscription: &str) -> Result<(i64, String), PlatformError> {
        let path = path_of(subscription)?;
        let known = self.send(client, Request::new(Method::GET, format!("{}{path}", self.api))).await?;
        let price = &known["items"]["data"][0]["price"];
        match (price["unit_amount"].as_i64(), price["recurring"]["interval"].as_str()) {
            (Some(cents), Some(interval)) => Ok((cents, interval.to_owned())),
            _ => Err(PlatformError::PaymentUnavailable),
        }
    }

    /// A page of the checkouts begun since then, newest first, those after the one named.
    pub(super) async fn sessions(&self, client: &Client, since: Timestamp, after: Option<&str>) -> Result<Json, PlatformError> {
        let since = since.0.div_euclid(1_000_000).to_string();
        let mut query = vec![("limit", "100"), ("created[gte]", since.as_str())];
        query.extend(after.map(|after| ("starting_after", after)));
        let mut url = Url::parse(&format!("{}/v1/checkout/sessions", self.api)).map_err(|_| unusable())?;
        url.query_pairs_mut().extend_pairs(query);
        self.send(client, Request::new(Method::GET, url)).await
    }

    async fn post(&self, client: &Client, path: &str, form: &[(&str, &str)], key: &str) -> Result<Json, PlatformError> {
        let mut request = Request::new(Method::POST, format!("{}{path}", self.api));
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        request.headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(key).map_err(|_| unusable())?);
        request.body = encoded(form);
        self.send(client, request).await
    }

    /// With the key; what it answers.
    async fn send(&self, client: &Client, mut request: Request) -> Result<Json, PlatformError> {
        let bearer = Zeroizing::new(format!("Bearer {}", &*self.key));
        let mut authorization = HeaderValue::from_str(&bearer).map_err(|_| unusable())?;
        authorization.set_sensitive(true);
        request.headers.insert(AUTHORIZATION, authorization);
        answer(client, request).await
    }
}

impl fmt::Debug for StripeAccount {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeAccount").field("api", &self.api).finish_non_exhaustive()
    }
}

/// Where a subscription is.
fn path_of(subscription: &str) -> Result<String, PlatformError> {
    if !subscription.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(PlatformError::NotFound("subscription"));
    }
    Ok(format!("/v1/subscriptions/{subscription}"))
}

/// As HTML forms are sent.
fn encoded(form: &[(&str, &str)]) -> Bytes {
    let mut url = Url::parse("https://form.invalid/").expect("an address of ours is one. This is a bug.");
    url.query_pairs_mut().extend_pairs(form);
    Bytes::from(url.query().unwrap_or_default().to_owned())
}
