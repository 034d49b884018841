//! What payment services say, in one language: which order was paid or paid back, which subscription goes on, is late or ends.
//!
//! Each event is dealt with first and noted then: whoever is killed in between deals with it again, which changes nothing. What is of no interest
//! is noted and passed over.

use easel_store::{Timestamp, payment_events, purchases};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::{
    Paid, Payments, Provider,
    creem_events::from_creem,
    signature::{self, Signed},
};
use crate::{
    PlatformError,
    accounts::{Actor, hex},
    context::retry,
};

/// What came of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It was dealt with.
    Done,
    /// It was dealt with before.
    Repeated,
    /// It is of no interest.
    Ignored,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// An order was paid.
    Paid { purchase_id: String, reference: Option<String>, customer: Option<String>, amount: Option<(i64, String)> },
    /// An order was paid back.
    Refunded { purchase_id: Option<String>, reference: Option<String> },
    /// The next period of a subscription was paid.
    Renewed { reference: String, period: (Timestamp, Timestamp) },
    /// It was not.
    Late { reference: String },
    /// It is not renewed any more.
    Ends { reference: String },
    /// It is, after all, or for another product.
    GoesOn { reference: String, product: Option<String> },
    /// Nothing that we need to know.
    Nothing,
}

impl Payments {
    /// Deals with a message in a payment service's name, once.
    ///
    /// # Errors
    /// [`PlatformError::PaymentSignature`]; [`PlatformError::NotFound`] for another service than the one that is set up, and for what it speaks of
    /// and we do not know (yet: it is told again).
    pub async fn hear(&self, provider: &str, signed: Signed<'_>, body: &[u8]) -> Result<Heard, PlatformError> {
        if provider != self.provider() {
            return Err(PlatformError::NotFound("payment service"));
        }
        let now = self.context.now();
        let known_id = match &*self.provider {
            Provider::Manual => return Err(PlatformError::NotFound("payment service")),
            Provider::External { secret, .. } => Some(signature::standard(&signature::key(secret)?, signed, body, now)?),
            Provider::Stripe(account) => {
                signature::stripe(&account.webhook_secret, signed, body, now)?;
                None
            }
            Provider::Creem(account) => {
                signature::creem(&account.webhook_secret, signed, body)?;
                None
            }
        };
        let unreadable = || PlatformError::Invalid { field: "body", problem: "is no event" };
        let event: Json = serde_json::from_slice(body).map_err(|_| unreadable())?;
        let id = known_id.or_else(|| event["id"].as_str()).filter(|id| is_plain(id)).ok_or_else(unreadable)?;
        let kind = event["type"].as_str().or(event["eventType"].as_str()).filter(|kind| is_plain(kind)).ok_or_else(unreadable)?;
        if payment_events::known(&self.context.db, provider, id).await?.is_some() {
            return Ok(Heard::Repeated);
        }
        let told = match &*self.provider {
            Provider::Stripe(_) => from_stripe(kind, &event["data"]),
            Provider::Creem(_) => from_creem(kind, &event["object"]),
            _ => from_external(kind, &event["data"]),
        };
        let told = told.ok_or_else(unreadable)?;
        let heard = if told == Told::Nothing { Heard::Ignored } else { Heard::Done };
        self.follow(told).await?;
        let hash = hex(&Sha256::digest(body));
        retry!(self.note(provider, id, kind, &hash))?;
        Ok(heard)
    }

    async fn note(&self, provider: &str, id: &str, kind: &str, hash: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        payment_events::note(&mut tx, self.context.now(), provider, id, kind, hash).await?;
        Ok(tx.commit().await?)
    }

    async fn follow(&self, told: Told) -> Result<(), PlatformError> {
        let provider = self.provider();
        match told {
            Told::Nothing => Ok(()),
            Told::Paid { purchase_id, reference, customer, amount } => {
                let amount = amount.as_ref().map(|(cents, currency)| (*cents, currency.as_str()));
                let paid =
                    Paid { purchase_id: &purchase_id, reference: reference.as_deref(), customer: customer.as_deref(), amount };
                self.paid(&Actor::system(), paid).await.map(drop)
            }
            Told::Refunded { purchase_id, reference } => {
                let purchase_id = match (purchase_id, reference) {
                    (Some(id), _) => Some(id),
                    (None, Some(reference)) => {
                        purchases::by_ref(&self.context.db, provider, &reference).await?.map(|known| known.id)
                    }
                    (None, None) => None,
                };
                let purchase_id = purchase_id.ok_or(PlatformError::NotFound("purchase"))?;
                self.refunded(&Actor::system(), &purchase_id).await.map(drop)
            }
            Told::Renewed { reference, period } => {
                let renewed = self.subscriptions.renewed(provider, &reference, period).await?;
                // A period that is newer than what it has was paid for what is over.
                let for_nothing = period.0 < period.1 && renewed.period_ends_at < period.1;
                if for_nothing { retry!(self.book_for_nothing(&renewed, &reference, period.0)) } else { Ok(()) }
            }
            Told::Late { reference } => self.subscriptions.payment_failed(provider, &reference).await,
            Told::Ends { reference } => retry!(self.subscriptions.ends_there(provider, &reference, true)),
            Told::GoesOn { reference, product } => {
                retry!(self.subscriptions.ends_there(provider, &reference, false))?;
                let Provider::Creem(account) = &*self.provider else { return Ok(()) };
                match product.as_deref().and_then(|product| account.plan_of(product)) {
                    Some(plan) => self.subscriptions.dearer_there(provider, &reference, plan).await,
                    None => Ok(()),
                }
            }
        }
    }
}

/// What services of the operator's say, as docs/payments.md has it. `None` if something is missing.
fn from_external(kind: &str, data: &Json) -> Option<Told> {
    let text = |name: &str| data[name].as_str().filter(|text| is_plain(text)).map(str::to_owned);
    Some(match kind {
        "purchase.paid" => Told::Paid {
            purchase_id: text("purchase_id")?,
            reference: text("reference"),
            customer: text("customer"),
            amount: Some((data["amount_cents"].as_i64()?, text("currency")?)),
        },
        "purchase.refunded" => Told::Refunded { purchase_id: Some(text("purchase_id")?), reference: None },
        "subscription.renewed" => Told::Renewed {
            reference: text("reference")?,
            period: (seconds(&data["period_start"])?, seconds(&data["period_end"])?),
        },
        "subscription.payment_failed" => Told::Late { reference: text("reference")? },
        "subscription.ended" => Told::Ends { reference: text("reference")? },
        _ => Told::Nothing,
    })
}

/// What Stripe says. `None` if something is missing.
fn from_stripe(kind: &str, data: &Json) -> Option<Told> {
    let object = &data["object"];
    let text = |value: &Json| value.as_str().filter(|text| is_plain(text)).map(str::to_owned);
    // Where it is has changed between versions of its API.
    let subscription =
        || text(&object["subscription"]).or_else(|| text(&object["parent"]["subscription_details"]["subscription"]));
    Some(match kind {
        "checkout.session.completed" | "checkout.session.async_payment_succeeded" => {
            let purchase_id = text(&object["client_reference_id"]).or_else(|| text(&object["metadata"]["purchase_id"]));
            match (object["payment_status"].as_str(), purchase_id) {
                (Some("paid"), Some(purchase_id)) => Told::Paid {
                    purchase_id,
                    reference: subscription().or_else(|| text(&object["payment_intent"])),
                    customer: text(&object["customer"]),
                    amount: Some((object["amount_total"].as_i64()?, text(&object["currency"])?)),
                },
                // It is told again when the money has come; and what was not ordered here is not ours.
                _ => Told::Nothing,
            }
        }
        "charge.refunded" if object["refunded"].as_bool() != Some(true) => Told::Nothing,
        "charge.refunded" | "charge.dispute.created" => match text(&object["payment_intent"]) {
            Some(reference) => Told::Refunded { purchase_id: None, reference: Some(reference) },
            None => Told::Nothing,
        },
        // The first is told of by the checkout.
        "invoice.paid" if object["billing_reason"].as_str() == Some("subscription_create") => Told::Nothing,
        "invoice.paid" => match subscription() {
            Some(reference) => {
                let period = &object["lines"]["data"][0]["period"];
                Told::Renewed { reference, period: (seconds(&period["start"])?, seconds(&period["end"])?) }
            }
            None => Told::Nothing,
        },
        "invoice.payment_failed" if object["billing_reason"].as_str() != Some("subscription_create") => {
            subscription().map_or(Told::Nothing, |reference| Told::Late { reference })
        }
        "customer.subscription.deleted" => Told::Ends { reference: text(&object["id"])? },
        "customer.subscription.updated" if object["cancel_at_period_end"].as_bool() == Some(true) => {
            Told::Ends { reference: text(&object["id"])? }
        }
        // Only what changed says that an end was taken back: most updates are of something else.
        "customer.subscription.updated" if data["previous_attributes"]["cancel_at_period_end"].as_bool() == Some(true) => {
            Told::GoesOn { reference: text(&object["id"])?, product: None }
        }
        _ => Told::Nothing,
    })
}

/// Seconds since 1970 UTC.
fn seconds(value: &Json) -> Option<Timestamp> {
    value.as_i64()?.checked_mul(1_000_000).map(Timestamp)
}

/// What can be a name: PostgreSQL cannot even look for a NUL, and nobody's names are this long.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_stripe_only_what_is_paid_is_paid() {
        let from_stripe = |kind: &str, object: &Json| from_stripe(kind, &json!({"object": object}));
        let session = |status: &str| {
            json!({"client_reference_id": "p1", "payment_status": status, "payment_intent": "pi_1", "customer": "cus_1",
                   "amount_total": 999, "currency": "usd"})
        };
        let paid = Told::Paid {
            purchase_id: "p1".to_owned(),
            reference: Some("pi_1".to_owned()),
            customer: Some("cus_1".to_owned()),
            amount: Some((999, "usd".to_owned())),
        };
        assert_eq!(from_stripe("checkout.session.completed", &session("paid")), Some(paid));
        assert_eq!(from_stripe("checkout.session.completed", &session("unpaid")), Some(Told::Nothing));
        assert_eq!(from_stripe("checkout.session.expired", &session("paid")), Some(Told::Nothing));
        let invoice = |reason: &str, sub: Json| {
            json!({"billing_reason": reason, "parent": {"subscription_details": sub},
                   "lines": {"data": [{"period": {"start": 10, "end": 20}}]}})
        };
        let sub = json!({"subscription": "sub_1"});
        let renewed = Told::Renewed { reference: "sub_1".to_owned(), period: (Timestamp(10_000_000), Timestamp(20_000_000)) };
        assert_eq!(from_stripe("invoice.paid", &invoice("subscription_cycle", sub.clone())), Some(renewed));
        assert_eq!(from_stripe("invoice.paid", &invoice("subscription_create", sub)), Some(Told::Nothing));
        assert_eq!(from_stripe("invoice.paid", &invoice("manual", json!({}))), Some(Told::Nothing));
        let charge = |refunded: bool| json!({"payment_intent": "pi_1", "refunded": refunded});
        assert_eq!(from_stripe("charge.refunded", &charge(false)), Some(Told::Nothing), "a part of it");
        assert!(matches!(from_stripe("charge.refunded", &charge(true)), Some(Told::Refunded { .. })));
    }

    #[test]
    fn an_end_at_stripe_is_taken_back_there() {
        let updated = |ends: bool, before: Json| {
            let data = json!({"object": {"id": "sub_1", "cancel_at_period_end": ends}, "previous_attributes": before});
            from_stripe("customer.subscription.updated", &data)
        };
        let reference = "sub_1".to_owned();
        assert_eq!(updated(true, json!({"cancel_at_period_end": false})), Some(Told::Ends { reference: reference.clone() }));
        assert_eq!(updated(false, json!({"cancel_at_period_end": true})), Some(Told::GoesOn { reference, product: None }));
        assert_eq!(updated(false, json!({"quantity": 1})), Some(Told::Nothing));
    }

    #[test]
    fn what_lacks_something_is_no_event() {
        assert_eq!(from_external("purchase.paid", &json!({"purchase_id": "p1"})), None);
        assert_eq!(
            from_external("purchase.paid", &json!({"purchase_id": "p\u{0}1", "amount_cents": 1, "currency": "usd"})),
            None
        );
        assert_eq!(from_external("subscription.renewed", &json!({"reference": "s", "period_start": 1})), None);
        assert_eq!(from_external("something.else", &Json::Null), Some(Told::Nothing));
    }
}
