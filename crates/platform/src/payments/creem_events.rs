//! What Creem says, after <https://docs.creem.io/code/webhooks>. `None` if something is missing.
//!
//! Things are given whole in one event and by name alone in another.

use chrono::DateTime;
use easel_store::Timestamp;
use serde_json::Value as Json;

use super::told::{Told, is_plain};

/// In our words.
pub(super) fn from_creem(kind: &str, object: &Json) -> Option<Told> {
    Some(match kind {
        "checkout.completed" => {
            let order = &object["order"];
            match (order["status"].as_str(), order_of(object)) {
                (Some("paid"), Some(purchase_id)) => Told::Paid {
                    purchase_id,
                    reference: name(&object["subscription"]).or_else(|| name(order)),
                    customer: name(&object["customer"]),
                    // The price before what the operator's own discount codes take off; which of the two has the taxes in it is the product's.
                    amount: Some((order["amount"].as_i64().max(order["sub_total"].as_i64())?, text(&order["currency"])?)),
                },
                // What was not ordered here is not ours.
                _ => Told::Nothing,
            }
        }
        "refund.created" if !is_whole(object) => Told::Nothing,
        "refund.created" | "dispute.created" => {
            let (purchase_id, payment) = (order_of(&object["checkout"]), &object["transaction"]);
            let subscription = || name(&object["subscription"]).or_else(|| name(&payment["subscription"]));
            let reference = subscription().or_else(|| name(&object["order"])).or_else(|| name(&payment["order"]));
            if purchase_id.is_none() && reference.is_none() { Told::Nothing } else { Told::Refunded { purchase_id, reference } }
        }
        // The first period too, whose beginning the checkout told; a period that is known changes nothing.
        "subscription.paid" => Told::Renewed {
            reference: text(&object["id"])?,
            period: (time(&object["current_period_start_date"])?, time(&object["current_period_end_date"])?),
        },
        // Payment is tried again even of one that has `expired`; what is over is `canceled`.
        "subscription.past_due" | "subscription.unpaid" | "subscription.expired" => {
            Told::Late { reference: text(&object["id"])? }
        }
        "subscription.canceled" | "subscription.scheduled_cancel" => Told::Ends { reference: text(&object["id"])? },
        "subscription.update" if object["status"] == "active" => {
            Told::GoesOn { reference: text(&object["id"])?, product: name(&object["product"]) }
        }
        // `subscription.active` among them: its payment is told of by itself.
        _ => Told::Nothing,
    })
}

/// Which of our orders a checkout is for.
fn order_of(checkout: &Json) -> Option<String> {
    text(&checkout["request_id"]).or_else(|| text(&checkout["metadata"]["purchase_id"]))
}

/// Whether all of a payment goes back: a part of it takes nothing away.
fn is_whole(refund: &Json) -> bool {
    let payment = &refund["transaction"];
    let paid = payment["amount_paid"].as_i64().or_else(|| payment["amount"].as_i64());
    let back = payment["refunded_amount"].as_i64().max(refund["refund_amount"].as_i64());
    !matches!(refund["status"].as_str(), Some("failed" | "canceled")) && paid.zip(back).is_some_and(|(paid, back)| back >= paid)
}

fn name(value: &Json) -> Option<String> {
    text(value).or_else(|| text(&value["id"]))
}

fn text(value: &Json) -> Option<String> {
    value.as_str().filter(|text| is_plain(text)).map(str::to_owned)
}

fn time(value: &Json) -> Option<Timestamp> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|time| Timestamp(time.timestamp_micros()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refunded(purchase_id: Option<&str>, reference: Option<&str>) -> Option<Told> {
        Some(Told::Refunded { purchase_id: purchase_id.map(str::to_owned), reference: reference.map(str::to_owned) })
    }

    #[test]
    fn of_creem_only_what_is_paid_is_paid() {
        let checkout = |status: &str| {
            json!({"id": "ch_1", "request_id": "p1", "customer": {"id": "cust_1"},
                   "order": {"id": "ord_1", "amount": 999, "currency": "EUR", "status": status}})
        };
        let paid = |reference: &str, cents: i64| {
            Some(Told::Paid {
                purchase_id: "p1".to_owned(),
                reference: Some(reference.to_owned()),
                customer: Some("cust_1".to_owned()),
                amount: Some((cents, "EUR".to_owned())),
            })
        };
        assert_eq!(from_creem("checkout.completed", &checkout("paid")), paid("ord_1", 999));
        assert_eq!(from_creem("checkout.completed", &checkout("pending")), Some(Told::Nothing));
        let with = |more: &[(&str, Json)]| {
            let mut checkout = checkout("paid");
            more.iter().for_each(|(path, value)| *checkout.pointer_mut(path).expect("a place") = value.clone());
            checkout
        };
        let begun = with(&[("/order/amount", json!(900)), ("/customer", json!("cust_1"))]);
        let mut begun = begun.as_object().expect("an object").clone();
        begun.insert("subscription".to_owned(), json!({"id": "sub_1"}));
        assert_eq!(from_creem("checkout.completed", &begun.into()), paid("sub_1", 900));
        let elsewhere = with(&[("/request_id", Json::Null)]);
        assert_eq!(from_creem("checkout.completed", &elsewhere), Some(Told::Nothing), "not ordered here");
        assert_eq!(from_creem("checkout.completed", &with(&[("/order/amount", Json::Null)])), None);
    }

    #[test]
    fn what_is_paid_back_is_told_by_whatever_name_it_has() {
        let refund = |status: &str, back: i64, checkout: Json| {
            json!({"status": status, "refund_amount": back, "checkout": checkout,
                   "transaction": {"amount": 1000, "amount_paid": 1210, "order": "ord_1"}})
        };
        let by_name = refund("succeeded", 1210, json!({"request_id": "p1"}));
        assert_eq!(from_creem("refund.created", &by_name), refunded(Some("p1"), Some("ord_1")));
        let by_metadata = refund("pending", 1210, json!({"metadata": {"purchase_id": "p1"}}));
        assert_eq!(from_creem("refund.created", &by_metadata), refunded(Some("p1"), Some("ord_1")));
        assert_eq!(from_creem("refund.created", &refund("succeeded", 1210, json!("ch_1"))), refunded(None, Some("ord_1")));
        assert_eq!(from_creem("refund.created", &refund("succeeded", 1000, Json::Null)), Some(Told::Nothing), "a part of it");
        assert_eq!(from_creem("refund.created", &refund("failed", 1210, Json::Null)), Some(Told::Nothing));
        let dispute = json!({"subscription": {"id": "sub_1"}, "order": {"id": "ord_1"}, "checkout": {"id": "ch_1"}});
        assert_eq!(from_creem("dispute.created", &dispute), refunded(None, Some("sub_1")));
        assert_eq!(from_creem("dispute.created", &json!({})), Some(Told::Nothing));
    }

    #[test]
    fn a_subscription_goes_on_is_late_and_ends() {
        let event = json!({"id": "sub_1", "current_period_start_date": "2028-01-01T00:00:00.000Z",
                           "current_period_end_date": "2028-02-01T00:00:00.000Z"});
        let period = (Timestamp(1_830_297_600_000_000), Timestamp(1_832_976_000_000_000));
        let reference = || "sub_1".to_owned();
        assert_eq!(from_creem("subscription.paid", &event), Some(Told::Renewed { reference: reference(), period }));
        assert_eq!(from_creem("subscription.paid", &json!({"id": "sub_1"})), None);
        for (kind, told) in [
            ("subscription.past_due", Told::Late { reference: reference() }),
            ("subscription.expired", Told::Late { reference: reference() }),
            ("subscription.canceled", Told::Ends { reference: reference() }),
            ("subscription.scheduled_cancel", Told::Ends { reference: reference() }),
            ("subscription.active", Told::Nothing),
            ("subscription.update", Told::Nothing),
            ("something.else", Told::Nothing),
        ] {
            assert_eq!(from_creem(kind, &event), Some(told), "{kind}");
        }
        for (product, told) in [(Json::Null, None), (json!("prod_1"), Some("prod_1")), (json!({"id": "prod_1"}), Some("prod_1"))]
        {
            let resumed = json!({"id": "sub_1", "status": "active", "product": product});
            let told = Told::GoesOn { reference: reference(), product: told.map(str::to_owned) };
            assert_eq!(from_creem("subscription.update", &resumed), Some(told));
        }
    }
}
