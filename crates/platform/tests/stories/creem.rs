//! What is ordered is paid at Creem and given once: a pack, and a plan that is renewed, late, ended and taken back.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use easel_platform::{
    PlatformError,
    accounts::Actor,
    payments::{CreemAccount, Heard, Payments, Provider, Signed, Wanted},
    plans::Interval,
};
use easel_store::users::User;
use easel_testing::on_both_engines;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};

use crate::{
    common::{Outcome, World, job_for, priced},
    faults::Nth,
    receiver::{Receiver, json as answered},
    webhooks::client,
};

const SECRET: &str = "whsec_creem";
const DAY: Duration = Duration::from_secs(24 * 3600);
const PAGE: &str = "https://checkout.creem.example/ch_1";

/// Creem, as far as it is asked.
async fn creem() -> Receiver {
    Receiver::start(|request| match request.target.as_str() {
        "/v1/checkouts" => answered(&json!({"id": "ch_1", "object": "checkout", "status": "pending", "checkout_url": PAGE})),
        "/v1/customers/billing" => answered(&json!({"customer_portal_link": "https://creem.example/portal/1"})),
        "/v1/subscriptions/sub_1/cancel" => answered(&json!({"id": "sub_1", "status": "scheduled_cancel"})),
        "/v1/subscriptions/sub_1/upgrade" => answered(&json!({"id": "sub_1", "status": "active"})),
        "/v1/subscriptions/sub_1/resume" => answered(&json!({"id": "sub_1", "status": "active"})),
        _ => Some((404, Vec::new(), "{}".to_owned())),
    })
    .await
}

fn account(creem: &Receiver) -> CreemAccount {
    let products = [("credits-100", "prod_pack"), ("basic:month", "prod_basic"), ("pro:month", "prod_pro")];
    CreemAccount {
        key: "creem_test_secret".to_owned().into(),
        webhook_secret: SECRET.to_owned().into(),
        api: creem.url(""),
        products: products.map(|(name, product)| (name.to_owned(), product.to_owned())).into(),
    }
}

fn selling(world: &World, account: CreemAccount, creem: &Receiver) -> Result<Payments, PlatformError> {
    Payments::new(world.context.clone(), priced(), Provider::Creem(account), client(&[creem]), "https://easel.example")
}

fn signature(body: &str) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A message of Creem's.
async fn tell(payments: &Payments, id: &str, kind: &str, object: Value) -> Result<Heard, PlatformError> {
    let body = json!({"id": id, "eventType": kind, "created_at": 1_728_734_325_927_i64, "object": object}).to_string();
    let signature = signature(&body);
    payments.hear("creem", Signed { creem: Some(&signature), ..Signed::default() }, body.as_bytes()).await
}

/// A checkout that was paid, of an order of ours; `more` stands beside what all have.
fn checkout(order: &str, cents: i64, more: Value) -> Value {
    let mut checkout = json!({
        "id": "ch_1", "object": "checkout", "request_id": order, "status": "completed", "customer": {"id": "cust_1", "object": "customer"},
        "order": {"id": "ord_1", "amount": cents, "currency": "USD", "status": "paid"}, "metadata": {"purchase_id": order},
    });
    checkout.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    checkout
}

/// A plan (and what it costs) is ordered by the month, and paid for at Creem as this subscription.
async fn buys(payments: &Payments, user: &User, (plan, cents): (&str, i64), subscription: &str, event: &str) -> Outcome {
    let order = payments.order(user, Wanted::Plan(plan, Interval::Month)).await?.purchase;
    let begun = checkout(&order.id, cents, json!({ "subscription": subscription }));
    assert_eq!(tell(payments, event, "checkout.completed", begun).await?, Heard::Done);
    Ok(())
}

async fn plan_of(world: &World, user_id: &str) -> Outcome<String> {
    let user = world.accounts.get(user_id).await?;
    Ok(world.catalogue.of(&user, world.context.now()).name.clone())
}

/// A time as Creem writes it, so many days from now.
fn in_days(world: &World, days: u32) -> String {
    let time = world.context.now().after(DAY * days).0;
    chrono::DateTime::from_timestamp_micros(time).expect("a time").to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

on_both_engines! {
    async fn a_pack_is_paid_at_creem_and_what_is_left_of_it_is_taken_back(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let creem = creem().await;
        let account = account(&creem);
        assert!(!format!("{account:?}").contains("secret"));
        let payments = selling(&world, account.clone(), &creem)?;
        let pack = payments.order(&ada, Wanted::Pack("credits-100")).await?;
        assert_eq!((pack.url.as_str(), pack.purchase.provider.as_str()), (PAGE, "creem"));
        let asked = creem.received().remove(0);
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/v1/checkouts"));
        assert_eq!((asked.headers["x-api-key"].as_str(), asked.headers["content-type"].as_str()), ("creem_test_secret", "application/json"));
        let id = pack.purchase.id.as_str();
        let wanted = json!({"product_id": "prod_pack", "units": 1, "request_id": id, "metadata": {"purchase_id": id},
            "success_url": format!("https://easel.example/pricing?purchase={id}")});
        assert_eq!(serde_json::from_str::<Value>(&asked.body)?, wanted);
        // What is no product there is not ordered, and leaves nothing behind.
        let other = payments.order(&ada, Wanted::Pack("credits-500")).await;
        assert!(matches!(other, Err(PlatformError::Invalid { field: "pack", .. })), "{other:?}");
        assert_eq!((creem.received().len(), payments.of(&ada.id, None, 10).await?.len()), (1, 1));

        let paid = || checkout(id, 499, json!({}));
        let body = json!({"id": "evt_1", "eventType": "checkout.completed", "object": paid()}).to_string();
        let forged = signature(&body.replace("499", "500"));
        for given in [None, Some("00"), Some(forged.as_str())] {
            let heard = payments.hear("creem", Signed { creem: given, ..Signed::default() }, body.as_bytes()).await;
            assert!(matches!(heard, Err(PlatformError::PaymentSignature)), "{heard:?}");
        }
        let short = tell(&payments, "evt_0", "checkout.completed", checkout(id, 498, json!({}))).await;
        assert!(matches!(short, Err(PlatformError::Invalid { field: "amount", .. })), "{short:?}");
        assert_eq!(tell(&payments, "evt_9", "license.created", json!({"id": "lic_1"})).await?, Heard::Ignored);
        assert_eq!(world.balance(&ada.id).await?, (100, 0), "nothing was paid so far");
        // What was given first is spent first.
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(tell(&payments, "evt_1", "checkout.completed", paid()).await?, Heard::Done);
        assert_eq!(tell(&payments, "evt_1", "checkout.completed", paid()).await?, Heard::Repeated);
        assert_eq!(tell(&payments, "evt_2", "checkout.completed", paid()).await?, Heard::Done, "another message of the same payment");
        assert_eq!(world.balance(&ada.id).await?, (200, 0));

        // 150 of 200 are set aside: of what was bought 50 are left, and no more is taken.
        for _ in 0..15 {
            world.jobs.submit(job_for(&ada.id, 10)).await?;
        }
        let refund = |back: i64| json!({"id": "ref_1", "object": "refund", "status": "succeeded", "refund_amount": back, "refund_currency": "USD",
            "transaction": {"id": "tran_1", "amount": 499, "amount_paid": 599, "refunded_amount": back, "order": "ord_1"},
            "order": {"id": "ord_1"}, "checkout": {"id": "ch_1"}});
        assert_eq!(tell(&payments, "evt_3", "refund.created", refund(499)).await?, Heard::Ignored, "a part of it");
        assert_eq!(world.balance(&ada.id).await?, (50, 150));
        for event in ["evt_4", "evt_5"] {
            assert_eq!(tell(&payments, event, "refund.created", refund(599)).await?, Heard::Done);
            assert_eq!(world.balance(&ada.id).await?, (0, 150));
        }
        assert_eq!(payments.of(&ada.id, None, 10).await?[0].state, "refunded");
        world.assert_clean().await?;

        // When Creem does not answer nothing is ordered.
        let failing = selling(&world, CreemAccount { api: creem.url("/nowhere"), ..account.clone() }, &creem)?;
        assert!(matches!(failing.order(&ada, Wanted::Pack("credits-100")).await, Err(PlatformError::PaymentUnavailable)));
        assert!(payments.everybodys(Some("pending"), None, 100).await?.is_empty());
        let unknown = CreemAccount { products: BTreeMap::from([("gold:month".to_owned(), "prod_1".to_owned())]), ..account };
        assert!(matches!(selling(&world, unknown, &creem), Err(PlatformError::Settings(_))));
    }

    async fn a_plan_is_begun_renewed_and_ended_at_creem(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let creem = creem().await;
        let payments = selling(&world, account(&creem), &creem)?;
        let yearly = payments.order(&ada, Wanted::Plan("pro", Interval::Year)).await;
        assert!(matches!(yearly, Err(PlatformError::Invalid { field: "plan", .. })), "{yearly:?}");
        let order = payments.order(&ada, Wanted::Plan("pro", Interval::Month)).await?.purchase;
        let begins = world.context.now();
        let at = |days: u32| {
            let time = begins.after(DAY * days).0;
            chrono::DateTime::from_timestamp_micros(time).expect("a time").to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
        };
        let subscription = |status: &str, from: u32| json!({"id": "sub_1", "object": "subscription", "status": status,
            "current_period_start_date": at(from), "current_period_end_date": at(from + 31)});
        let early = tell(&payments, "evt_1", "subscription.paid", subscription("active", 0)).await;
        assert!(matches!(early, Err(PlatformError::NotFound(_))), "it is told again: {early:?}");
        let begun = checkout(&order.id, 2999, json!({"subscription": {"id": "sub_1", "status": "active"}}));
        assert_eq!(tell(&payments, "evt_2", "checkout.completed", begun).await?, Heard::Done);
        assert_eq!(tell(&payments, "evt_3", "subscription.active", subscription("active", 0)).await?, Heard::Ignored);
        assert_eq!(tell(&payments, "evt_1", "subscription.paid", subscription("active", 0)).await?, Heard::Done);
        assert_eq!((plan_of(&world, &ada.id).await?, world.balance(&ada.id).await?), ("pro".to_owned(), (1100, 0)), "a month's credits, once");
        let live = async || Ok::<_, PlatformError>(world.subscriptions.of(&ada.id).await?.remove(0));
        assert_eq!((live().await?.provider.as_str(), live().await?.provider_ref.as_deref()), ("creem", Some("sub_1")));
        assert!(matches!(payments.order(&ada, Wanted::Plan("pro", Interval::Month)).await, Err(PlatformError::Taken(_))), "not twice");
        assert_eq!(payments.portal(&ada.id).await?, "https://creem.example/portal/1");
        let asked = creem.received().pop().ok_or("a request")?;
        assert_eq!((asked.target.as_str(), serde_json::from_str::<Value>(&asked.body)?), ("/v1/customers/billing", json!({"customer_id": "cust_1"})));

        // Late, and paid after all.
        assert_eq!(tell(&payments, "evt_4", "subscription.past_due", subscription("past_due", 0)).await?, Heard::Done);
        assert_eq!(live().await?.state, "past_due");
        assert_eq!(tell(&payments, "evt_5", "subscription.paid", subscription("active", 31)).await?, Heard::Done);
        assert_eq!((live().await?.state.as_str(), live().await?.period_ends_at), ("active", begins.after(DAY * 62)));

        // Ended from here, which is asked for once, and taken back there.
        let actor = Actor::user(&ada);
        for _ in 0..2 {
            assert!(payments.set_cancelled(&actor, &ada.id, true).await?.cancel_at_period_end);
        }
        let asked: Vec<_> = creem.received().into_iter().filter(|request| request.target.ends_with("/cancel")).collect();
        let [once] = &asked[..] else { return Err("asked once".into()) };
        assert_eq!(serde_json::from_str::<Value>(&once.body)?, json!({"mode": "scheduled", "onExecute": "cancel"}));
        assert_eq!(tell(&payments, "evt_6", "subscription.update", subscription("active", 31)).await?, Heard::Done);
        assert!(!live().await?.cancel_at_period_end);
        assert_eq!(tell(&payments, "evt_7", "subscription.scheduled_cancel", subscription("scheduled_cancel", 31)).await?, Heard::Done);
        assert!(live().await?.cancel_at_period_end);
        assert!(!payments.set_cancelled(&actor, &ada.id, false).await?.cancel_at_period_end);
        assert_eq!(creem.received().pop().ok_or("a request")?.target, "/v1/subscriptions/sub_1/resume");

        // Over there, it lasts as long as it is paid.
        assert_eq!(tell(&payments, "evt_8", "subscription.canceled", subscription("canceled", 31)).await?, Heard::Done);
        assert_eq!((world.subscriptions.end_due().await?, plan_of(&world, &ada.id).await?), (0, "pro".to_owned()));
        world.clock.advance(DAY * 63);
        assert_eq!((world.subscriptions.end_due().await?, plan_of(&world, &ada.id).await?), (1, "free".to_owned()));
        world.assert_clean().await?;
    }

    async fn a_plan_is_changed_where_it_is_paid(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve) = (world.user("ada", 0).await?, world.user("eve", 0).await?);
        let creem = creem().await;
        let account = account(&creem);
        let payments = selling(&world, account.clone(), &creem)?;
        buys(&payments, &ada, ("basic", 999), "sub_1", "evt_1").await?;
        let actor = Actor::user(&ada);
        let asked = || -> Outcome<Value> {
            let last = creem.received().pop().ok_or("a request")?;
            assert_eq!(last.target, "/v1/subscriptions/sub_1/upgrade");
            Ok(serde_json::from_str(&last.body)?)
        };
        // What is refused there is not changed here.
        let failing = selling(&world, CreemAccount { api: creem.url("/nowhere"), ..account }, &creem)?;
        assert!(matches!(failing.change_plan(&actor, &ada.id, "pro").await, Err(PlatformError::PaymentUnavailable)));
        assert!(matches!(payments.change_plan(&Actor::user(&eve), &ada.id, "pro").await, Err(PlatformError::Forbidden(_))));
        assert_eq!(plan_of(&world, &ada.id).await?, "basic");
        // A dearer one at once.
        assert_eq!(payments.change_plan(&actor, &ada.id, "pro").await?.plan, "pro");
        assert_eq!(asked()?, json!({"product_id": "prod_pro", "update_behavior": "proration-charge-immediately"}));
        assert_eq!(plan_of(&world, &ada.id).await?, "pro");
        let sent = creem.received().len();
        payments.change_plan(&actor, &ada.id, "pro").await?;
        assert!(matches!(payments.change_plan(&actor, &ada.id, "free").await, Err(PlatformError::Forbidden(_))));
        assert!(matches!(payments.change_plan(&actor, &ada.id, "enterprise").await, Err(PlatformError::Invalid { field: "plan", .. })));
        assert_eq!(creem.received().len(), sent, "there is nothing to ask for");
        // A cheaper one with the next period, unless it is taken back.
        assert_eq!(payments.change_plan(&actor, &ada.id, "basic").await?.next_plan.as_deref(), Some("basic"));
        assert_eq!(asked()?, json!({"product_id": "prod_basic", "update_behavior": "proration-none"}));
        assert_eq!(payments.change_plan(&actor, &ada.id, "pro").await?.next_plan, None);
        assert_eq!(asked()?, json!({"product_id": "prod_pro", "update_behavior": "proration-none"}));
        assert_eq!(payments.change_plan(&actor, &ada.id, "basic").await?.plan, "pro");
        // What is told of another product: a cheaper one was asked for here, a dearer one is paid for.
        let updated = |product: &str| json!({"id": "sub_1", "status": "active", "product": {"id": product}});
        assert_eq!(tell(&payments, "evt_2", "subscription.update", updated("prod_basic")).await?, Heard::Done);
        assert_eq!(plan_of(&world, &ada.id).await?, "pro");
        let at = |days| in_days(&world, days);
        let paid = json!({"id": "sub_1", "status": "active", "current_period_start_date": at(31), "current_period_end_date": at(62)});
        assert_eq!(tell(&payments, "evt_3", "subscription.paid", paid).await?, Heard::Done);
        assert_eq!(plan_of(&world, &ada.id).await?, "basic", "the next period");
        assert_eq!(tell(&payments, "evt_4", "subscription.update", updated("prod_pro")).await?, Heard::Done);
        assert_eq!(plan_of(&world, &ada.id).await?, "pro");
        world.assert_clean().await?;
    }

    async fn what_is_paid_after_all_is_given_again(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let creem = creem().await;
        let payments = selling(&world, account(&creem), &creem)?;
        buys(&payments, &ada, ("pro", 2999), "sub_1", "evt_1").await?;
        let late = json!({"id": "sub_1", "status": "past_due"});
        assert_eq!(tell(&payments, "evt_2", "subscription.past_due", late).await?, Heard::Done);
        // The days of grace are over; Creem goes on trying for longer.
        world.clock.advance(DAY * 38);
        assert_eq!((world.subscriptions.end_due().await?, plan_of(&world, &ada.id).await?), (1, "free".to_owned()));
        assert_eq!(world.subscriptions.of(&ada.id).await?[0].state, "expired");
        let at = |days| in_days(&world, days);
        let paid = json!({"id": "sub_1", "status": "active", "current_period_start_date": at(0), "current_period_end_date": at(30)});
        assert_eq!(tell(&payments, "evt_3", "subscription.paid", paid).await?, Heard::Done);
        assert_eq!(plan_of(&world, &ada.id).await?, "pro");
        assert_eq!(world.subscriptions.of(&ada.id).await?.len(), 1, "the same one");
        world.assert_clean().await?;
    }

    async fn a_change_that_nobody_heard_of_is_looked_up(database: &Database) {
        let faults = Arc::new(Nth::default());
        faults.arm(i64::MAX);
        let world = World::open(database).await?.with_faults(faults.clone(), &database.dir())?;
        let ada = world.user("ada", 0).await?;
        // Creem keeps what it is asked for, and says so.
        let there = Arc::new(Mutex::new("prod_basic".to_owned()));
        let kept = Arc::clone(&there);
        let creem = Receiver::start(move |request| match request.target.as_str() {
            "/v1/checkouts" => answered(&json!({"id": "ch_1", "checkout_url": PAGE})),
            "/v1/subscriptions/sub_1/upgrade" => {
                let asked: Value = serde_json::from_str(&request.body).expect("JSON");
                *kept.lock().expect("nobody panics") = asked["product_id"].as_str().expect("a product").to_owned();
                answered(&json!({"id": "sub_1", "status": "active"}))
            }
            "/v1/subscriptions?subscription_id=sub_1" => {
                answered(&json!({"id": "sub_1", "product": {"id": kept.lock().expect("nobody panics").clone()}}))
            }
            _ => Some((404, Vec::new(), "{}".to_owned())),
        })
        .await;
        let payments = selling(&world, account(&creem), &creem)?;
        buys(&payments, &ada, ("basic", 999), "sub_1", "evt_1").await?;
        let actor = Actor::user(&ada);
        let product = || there.lock().expect("nobody panics").clone();
        let mut points = 0;
        for nth in 0.. {
            let wanted = if product() == "prod_pro" { "basic" } else { "pro" };
            faults.arm(nth);
            let tried = payments.change_plan(&actor, &ada.id, wanted).await;
            let spent = faults.is_spent();
            faults.arm(i64::MAX);
            if !spent {
                assert!(tried.is_ok(), "{tried:?}");
                break;
            }
            points += 1;
            // Nobody tries again, as if the program had ended there.
            assert_eq!(payments.settle_changes().await?, 0, "somebody may still be at it");
            world.clock.advance(Duration::from_secs(600));
            payments.settle_changes().await?;
            let live = world.subscriptions.of(&ada.id).await?.remove(0);
            assert_eq!(format!("prod_{}", live.next_plan.unwrap_or(live.plan)), product(), "point {nth}, {tried:?}");
            assert_eq!(payments.settle_changes().await?, 0, "once");
        }
        assert!(points > 10, "{points} points");
        world.assert_clean().await?;
    }

    async fn what_creem_never_answers_is_looked_up_by_the_next_asking(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        // The dearer plan is taken there, and the answer is lost.
        let creem = Receiver::start(|request| match request.target.as_str() {
            "/v1/checkouts" => answered(&json!({"id": "ch_1", "checkout_url": PAGE})),
            "/v1/subscriptions/sub_1/upgrade" if request.body.contains("prod_pro") => Some((502, Vec::new(), String::new())),
            "/v1/subscriptions/sub_1/upgrade" => answered(&json!({"id": "sub_1", "status": "active"})),
            "/v1/subscriptions?subscription_id=sub_1" => answered(&json!({"id": "sub_1", "product": {"id": "prod_pro"}})),
            _ => Some((404, Vec::new(), "{}".to_owned())),
        })
        .await;
        let payments = selling(&world, account(&creem), &creem)?;
        buys(&payments, &ada, ("basic", 999), "sub_1", "evt_1").await?;
        let actor = Actor::user(&ada);
        assert!(matches!(payments.change_plan(&actor, &ada.id, "pro").await, Err(PlatformError::PaymentUnavailable)));
        assert_eq!(plan_of(&world, &ada.id).await?, "basic");
        // What is paid for is there before the next wish counts: the rest of the period is the dearer plan's.
        let changed = payments.change_plan(&actor, &ada.id, "basic").await?;
        assert_eq!((changed.plan.as_str(), changed.next_plan.as_deref()), ("pro", Some("basic")));
        world.clock.advance(Duration::from_secs(600));
        assert_eq!(payments.settle_changes().await?, 0, "nothing is left to be looked up");
        world.assert_clean().await?;
    }

    async fn money_for_what_is_over_is_in_the_books(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let creem = creem().await;
        let payments = selling(&world, account(&creem), &creem)?;
        buys(&payments, &ada, ("pro", 2999), "sub_1", "evt_1").await?;
        world.clock.advance(DAY * 38);
        assert_eq!(world.subscriptions.end_due().await?, 1);
        // Another takes its place, and the first is paid after all.
        buys(&payments, &ada, ("basic", 999), "sub_2", "evt_2").await?;
        let at = |days| in_days(&world, days);
        let late = json!({"id": "sub_1", "status": "active", "current_period_start_date": at(0), "current_period_end_date": at(30)});
        assert_eq!(tell(&payments, "evt_3", "subscription.paid", late.clone()).await?, Heard::Done);
        assert_eq!(tell(&payments, "evt_4", "subscription.paid", late).await?, Heard::Done);
        assert_eq!(plan_of(&world, &ada.id).await?, "basic");
        let all = payments.everybodys(Some("paid"), None, 10).await?;
        let booked: Vec<_> = all.iter().filter(|purchase| purchase.gave_nothing).collect();
        assert_eq!((all.len(), booked.len()), (3, 1), "once");
        assert_eq!((booked[0].product.as_str(), booked[0].amount_cents, booked[0].user_id.as_str()), ("pro", 2999, ada.id.as_str()));
        // An operator pays it back; what runs goes on.
        let back = payments.refunded(&Actor::operator(), &booked[0].id).await?;
        assert_eq!((back.state.as_str(), plan_of(&world, &ada.id).await?.as_str()), ("refunded", "basic"));
        world.assert_clean().await?;
    }

    async fn a_disputed_plan_ends_at_once(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let creem = creem().await;
        let payments = selling(&world, account(&creem), &creem)?;
        buys(&payments, &ada, ("pro", 2999), "sub_1", "evt_1").await?;
        assert_eq!(plan_of(&world, &ada.id).await?, "pro");
        let dispute = json!({"id": "disp_1", "object": "dispute", "amount": 2999, "currency": "USD", "subscription": {"id": "sub_1"},
            "checkout": {"id": "ch_1"}, "order": {"id": "ord_1"}, "transaction": {"id": "tran_1", "amount": 2999, "status": "chargeback"}});
        assert_eq!(tell(&payments, "evt_2", "dispute.created", dispute).await?, Heard::Done);
        assert_eq!(plan_of(&world, &ada.id).await?, "free");
        world.assert_clean().await?;
    }
}
