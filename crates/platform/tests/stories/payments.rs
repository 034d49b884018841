//! What is ordered is given once it is paid, and once: however often and whenever the payment is told, and whatever fails in between.

use std::{sync::Arc, time::Duration};

use easel_platform::{
    PlatformError,
    accounts::Actor,
    housekeeping::{Housekeeping, Retention},
    payments::{Heard, Payments, Provider, Signed, StripeAccount, Wanted},
    plans::Interval,
    records::User,
};
use easel_store::Credits;
use easel_testing::on_both_engines;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use crate::{
    common::{Outcome, World, job_for, priced},
    faults::Nth,
    receiver::{Receiver, json as answered},
    webhooks::client,
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const DAY: Duration = Duration::from_secs(24 * 3600);

fn payments(world: &World, provider: Provider, receivers: &[&Receiver]) -> Payments {
    Payments::new(world.context.clone(), priced(), provider, client(receivers), "https://easel.example").expect("payments")
}

fn external(world: &World) -> Payments {
    let provider =
        Provider::External { checkout_url: "https://pay.example/here?x=1".to_owned(), secret: SECRET.to_owned().into() };
    payments(world, provider, &[])
}

/// A message of a service of the operator's, sent now.
async fn tell(payments: &Payments, world: &World, id: &str, event: &Value) -> Result<Heard, PlatformError> {
    let (body, seconds) = (event.to_string(), world.context.now().0 / 1_000_000);
    let signature = Webhook::new(SECRET).expect("a secret").sign(id, seconds, body.as_bytes()).expect("a signature");
    let time = seconds.to_string();
    let signed = Signed { id: Some(id), timestamp: Some(&time), signature: Some(&signature), ..Signed::default() };
    payments.hear("external", signed, body.as_bytes()).await
}

fn stripe_account(stripe: &Receiver) -> StripeAccount {
    StripeAccount {
        key: "sk_test_secret".to_owned().into(),
        webhook_secret: "whsec_stripe".to_owned().into(),
        api: stripe.url(""),
    }
}

/// A message of Stripe's, sent now.
async fn tell_stripe(payments: &Payments, world: &World, id: &str, kind: &str, object: Value) -> Result<Heard, PlatformError> {
    let body = json!({"id": id, "type": kind, "data": {"object": object}}).to_string();
    let seconds = world.context.now().0 / 1_000_000;
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"whsec_stripe").expect("any length");
    mac.update(format!("{seconds}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let header = format!("t={seconds},v1={hex}");
    payments.hear("stripe", Signed { stripe: Some(&header), ..Signed::default() }, body.as_bytes()).await
}

fn paid(id: &str, cents: i64, currency: &str) -> Value {
    json!({"type": "purchase.paid", "data": {"purchase_id": id, "reference": format!("ref-{id}"), "amount_cents": cents, "currency": currency}})
}

async fn plan_of(world: &World, user: &User) -> Outcome<String> {
    let user = world.accounts.get(&user.id).await?;
    Ok(world.catalogue.of(&user, world.context.now()).name.clone())
}

on_both_engines! {
    async fn a_pack_is_given_once_it_is_paid_and_once(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve) = (world.user("ada", 0).await?, world.user("eve", 0).await?);
        let payments = external(&world);
        let ordered = payments.order(&ada, Wanted::Pack("credits-500")).await?;
        assert!(ordered.url.starts_with("https://pay.example/here?x=1&purchase="), "{}", ordered.url);
        assert!(matches!(payments.order(&ada, Wanted::Pack("credits-9")).await, Err(PlatformError::NotFound("pack"))));
        assert_eq!(world.balance(&ada.id).await?, (100, 0), "nothing is given for an order");
        let id = &ordered.purchase.id;
        // Less, or of something else, is not paid.
        for (number, event) in [paid(id, 1998, "usd"), paid(id, 1999, "rub")].iter().enumerate() {
            let told = tell(&payments, &world, &format!("bad{number}"), event).await;
            assert!(matches!(told, Err(PlatformError::Invalid { field: "amount", .. })), "{told:?}");
        }
        assert!(matches!(tell(&payments, &world, "m0", &paid("nothing", 1, "usd")).await, Err(PlatformError::NotFound("purchase"))));
        assert_eq!(tell(&payments, &world, "m1", &paid(id, 1999, "usd")).await?, Heard::Done);
        assert_eq!(tell(&payments, &world, "m1", &paid(id, 1999, "usd")).await?, Heard::Repeated);
        assert_eq!(tell(&payments, &world, "m2", &paid(id, 1999, "usd")).await?, Heard::Done, "another message of the same payment");
        assert_eq!(tell(&payments, &world, "m3", &json!({"type": "else", "data": {}})).await?, Heard::Ignored);
        payments.mark_paid(&Actor::operator(), id).await?;
        assert_eq!((world.balance(&ada.id).await?, world.balance(&eve.id).await?), ((600, 0), (100, 0)));
        let listed = payments.of(&ada.id, None, 10).await?;
        assert_eq!((listed.len(), listed[0].state.as_str(), listed[0].credits), (1, "paid", Credits::whole(500).ok_or("fits")?));
        assert!(payments.of(&eve.id, None, 10).await?.is_empty());
        assert!(matches!(payments.mark_paid(&Actor::user(&ada), id).await, Err(PlatformError::Forbidden(_))));
        world.assert_clean().await?;
    }

    async fn only_who_has_the_secret_is_heard(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let payments = external(&world);
        let id = payments.order(&ada, Wanted::Pack("credits-100")).await?.purchase.id;
        let body = paid(&id, 499, "usd").to_string();
        let seconds = world.context.now().0 / 1_000_000;
        let by = |secret: &str, at: i64| Webhook::new(secret).expect("a secret").sign("m1", at, body.as_bytes()).expect("signed");
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        for (signature, at) in [(by(other, seconds), seconds), (by(SECRET, seconds - 301), seconds - 301), (by(SECRET, seconds), seconds + 1)] {
            let at = at.to_string();
            let signed = Signed { id: Some("m1"), timestamp: Some(&at), signature: Some(&signature), ..Signed::default() };
            let heard = payments.hear("external", signed, body.as_bytes()).await;
            assert!(matches!(heard, Err(PlatformError::PaymentSignature)), "{heard:?}");
        }
        assert!(matches!(payments.hear("stripe", Signed::default(), b"{}").await, Err(PlatformError::NotFound(_))), "not set up");
        let manual = self::payments(&world, Provider::Manual, &[]);
        assert!(matches!(manual.hear("manual", Signed::default(), b"{}").await, Err(PlatformError::NotFound(_))));
        assert_eq!(world.balance(&ada.id).await?, (100, 0));
    }

    async fn many_tell_of_it_at_once(database: &Database) {
        let world = Arc::new(World::open(database).await?);
        let ada = world.user("ada", 0).await?;
        let payments = external(&world);
        let id = payments.order(&ada, Wanted::Pack("credits-500")).await?.purchase.id;
        let telling: Vec<_> = (0..8).map(|number| {
            let (world, payments, event) = (world.clone(), payments.clone(), paid(&id, 1999, "usd"));
            tokio::spawn(async move { tell(&payments, &world, &format!("m{}", number / 2), &event).await })
        }).collect();
        for told in telling {
            told.await??;
        }
        assert_eq!(world.balance(&ada.id).await?, (600, 0));
        world.assert_clean().await?;
    }

    async fn every_call_fails_once_and_a_payment_counts_once(database: &Database) {
        let faults = Arc::new(Nth::default());
        faults.arm(i64::MAX);
        let world = World::open(database).await?.with_faults(faults.clone(), &database.dir())?;
        let ada = world.user("ada", 0).await?;
        let payments = external(&world);
        let mut points = 0;
        for nth in 0.. {
            faults.arm(i64::MAX);
            let id = payments.order(&ada, Wanted::Pack("credits-100")).await?.purchase.id;
            faults.arm(nth);
            // The service tells again what was not answered well.
            while let Err(error) = tell(&payments, &world, &format!("m{nth}"), &paid(&id, 499, "usd")).await {
                assert!(matches!(error, PlatformError::Store(_)), "{error:?}");
            }
            if !faults.is_spent() {
                break;
            }
            points += 1;
        }
        faults.arm(i64::MAX);
        assert!(points > 10, "{points} points");
        assert_eq!(world.balance(&ada.id).await?, (100 + 100 * (points + 1), 0));
        world.assert_clean().await?;
    }

    async fn what_is_paid_back_is_taken_as_far_as_it_is_there(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let payments = external(&world);
        let id = payments.order(&ada, Wanted::Pack("credits-100")).await?.purchase.id;
        let operator = Actor::operator();
        assert!(matches!(payments.refunded(&operator, &id).await, Err(PlatformError::Invalid { field: "purchase", .. })));
        world.clock.advance(Duration::from_secs(1));
        payments.mark_paid(&operator, &id).await?;
        // 150 of 200 are spent or set aside: the ones of the welcome first.
        world.jobs.submit(job_for(&ada.id, 10)).await?;
        for _ in 0..14 {
            world.jobs.submit(job_for(&ada.id, 10)).await?;
        }
        assert_eq!(world.balance(&ada.id).await?, (50, 150));
        let refund = json!({"type": "purchase.refunded", "data": {"purchase_id": id}});
        for message in ["r1", "r2"] {
            assert_eq!(tell(&payments, &world, message, &refund).await?, Heard::Done);
        }
        assert_eq!(world.balance(&ada.id).await?, (0, 150), "never below nothing");
        assert_eq!(tell(&payments, &world, "late", &paid(&id, 499, "usd")).await?, Heard::Done);
        assert_eq!(world.balance(&ada.id).await?, (0, 150), "what was paid back is not given again");
        world.assert_clean().await?;
    }

    async fn a_plan_begins_when_it_is_paid_and_goes_on_when_it_is_again(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let payments = self::payments(&world, Provider::Manual, &[]);
        let operator = Actor::operator();
        let ordered = payments.order(&ada, Wanted::Plan("basic", Interval::Month)).await?;
        assert_eq!((ordered.purchase.amount_cents, ordered.url), (999, format!("https://easel.example/pricing?purchase={}", ordered.purchase.id)));
        assert!(matches!(payments.order(&ada, Wanted::Plan("enterprise", Interval::Month)).await, Err(PlatformError::Invalid { field: "plan", .. })));
        assert_eq!(plan_of(&world, &ada).await?, "free");
        payments.mark_paid(&operator, &ordered.purchase.id).await?;
        assert_eq!((plan_of(&world, &ada).await?, world.balance(&ada.id).await?), ("basic".to_owned(), (400, 0)));
        // Paid for a year more, it goes on from its end.
        let year = payments.order(&ada, Wanted::Plan("basic", Interval::Year)).await?.purchase;
        assert_eq!(year.amount_cents, 9990);
        for _ in 0..2 {
            payments.mark_paid(&operator, &year.id).await?;
        }
        let live = world.subscriptions.of(&ada.id).await?.remove(0);
        let days = live.period_starts_at.until(live.period_ends_at).as_secs() / DAY.as_secs();
        assert!((393..=397).contains(&days), "a month and a year: {days} days");
        // A dearer one is not for nothing, a cheaper one may wait.
        let actor = Actor::user(&ada);
        assert!(matches!(payments.change_plan(&actor, &ada.id, "pro").await, Err(PlatformError::PaymentRequired)));
        assert_eq!(payments.change_plan(&actor, &ada.id, "free").await?.next_plan.as_deref(), Some("free"));
        let pro = payments.order(&ada, Wanted::Plan("pro", Interval::Month)).await?.purchase;
        payments.mark_paid(&operator, &pro.id).await?;
        assert_eq!(plan_of(&world, &ada).await?, "pro");
        payments.refunded(&operator, &pro.id).await?;
        assert_eq!(plan_of(&world, &ada).await?, "free");
        world.assert_clean().await?;
    }

    async fn what_nobody_pays_is_given_up(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let payments = self::payments(&world, Provider::Manual, &[]);
        let mut last = String::new();
        for _ in 0..20 {
            last = payments.order(&ada, Wanted::Pack("credits-100")).await?.purchase.id;
        }
        let more = payments.order(&ada, Wanted::Pack("credits-100")).await;
        assert!(matches!(more, Err(PlatformError::Limit { code: "too_many_purchases", .. })), "{more:?}");
        world.clock.advance(DAY * 31);
        Housekeeping::new(world.context.clone(), world.desk.clone(), world.privacy.clone(), Retention::default()).run().await?;
        assert!(payments.everybodys(Some("pending"), None, 100).await?.is_empty());
        payments.order(&ada, Wanted::Pack("credits-100")).await?;
        // The money may still come.
        payments.mark_paid(&Actor::operator(), &last).await?;
        assert_eq!(world.balance(&ada.id).await?, (200, 0));
    }

    async fn stripe_is_asked_and_believed(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let stripe = Receiver::start(|request| match request.target.as_str() {
            "/v1/checkout/sessions" | "/v1/billing_portal/sessions" => {
                answered(&json!({"id": "cs_1", "url": "https://checkout.stripe.example/c/pay/cs_1"}))
            }
            "/v1/subscriptions/sub_1" => {
                answered(&json!({"id": "sub_1", "items": {"data": [{"id": "si_1", "price": {"product": "prod_1"}}]}}))
            }
            "/v1/products/prod_1" => answered(&json!({"id": "prod_1"})),
            _ => Some((404, Vec::new(), "{}".to_owned())),
        })
        .await;
        let account = stripe_account(&stripe);
        assert!(!format!("{account:?}").contains("secret"));
        let payments = self::payments(&world, Provider::Stripe(account.clone()), &[&stripe]);
        let pack = payments.order(&ada, Wanted::Pack("credits-100")).await?;
        assert_eq!(pack.url, "https://checkout.stripe.example/c/pay/cs_1");
        let asked = stripe.received().remove(0);
        assert_eq!((asked.method.as_str(), asked.headers["authorization"].as_str()), ("POST", "Bearer sk_test_secret"));
        assert_eq!(asked.headers["idempotency-key"], pack.purchase.id);
        let form: std::collections::BTreeMap<_, _> =
            easel_outbound::Url::parse(&format!("https://x.example/?{}", asked.body))?.query_pairs().into_owned().collect();
        let of = |name: &str| form.get(name).map(String::as_str);
        assert_eq!((of("mode"), of("client_reference_id")), (Some("payment"), Some(pack.purchase.id.as_str())));
        assert_eq!((of("line_items[0][price_data][unit_amount]"), of("line_items[0][price_data][currency]")), (Some("499"), Some("usd")));

        let session = |id: &str, more: Value| {
            let mut session = json!({"client_reference_id": id, "payment_status": "paid", "customer": "cus_1", "currency": "usd"});
            session.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            session
        };
        let paid = session(&pack.purchase.id, json!({"payment_intent": "pi_1", "amount_total": 499}));
        assert!(matches!(
            payments.hear("stripe", Signed { stripe: Some("t=1,v1=00"), ..Signed::default() }, b"{}").await,
            Err(PlatformError::PaymentSignature)
        ));
        assert_eq!(tell_stripe(&payments, &world, "evt_1", "checkout.session.completed", paid.clone()).await?, Heard::Done);
        assert_eq!(tell_stripe(&payments, &world, "evt_1", "checkout.session.completed", paid).await?, Heard::Repeated);
        assert_eq!(world.balance(&ada.id).await?, (200, 0));
        let charge = json!({"payment_intent": "pi_1", "refunded": true});
        assert_eq!(tell_stripe(&payments, &world, "evt_2", "charge.refunded", charge).await?, Heard::Done);
        assert_eq!(world.balance(&ada.id).await?, (100, 0));

        // A subscription: begun by the checkout, renewed by an invoice, ended where it is paid.
        let plan = payments.order(&ada, Wanted::Plan("pro", Interval::Month)).await?.purchase;
        let renewal = |start: i64| json!({"billing_reason": "subscription_cycle", "subscription": "sub_1",
            "lines": {"data": [{"period": {"start": start, "end": start + 31 * 86_400}}]}});
        let start = world.context.now().0 / 1_000_000 + 30 * 86_400;
        let early = tell_stripe(&payments, &world, "evt_3", "invoice.paid", renewal(start)).await;
        assert!(matches!(early, Err(PlatformError::NotFound(_))), "it is told again: {early:?}");
        let begun = session(&plan.id, json!({"subscription": "sub_1", "amount_total": 2999}));
        assert_eq!(tell_stripe(&payments, &world, "evt_4", "checkout.session.completed", begun).await?, Heard::Done);
        assert_eq!(plan_of(&world, &ada).await?, "pro");
        assert_eq!(tell_stripe(&payments, &world, "evt_3", "invoice.paid", renewal(start)).await?, Heard::Done);
        let live = world.subscriptions.of(&ada.id).await?.remove(0);
        assert_eq!(live.period_ends_at.0 / 1_000_000, start + 31 * 86_400);
        assert!(matches!(payments.order(&ada, Wanted::Plan("basic", Interval::Month)).await, Err(PlatformError::Taken(_))), "not twice");
        // A cheaper plan counts from the next period, there too.
        assert_eq!(payments.change_plan(&Actor::user(&ada), &ada.id, "basic").await?.next_plan.as_deref(), Some("basic"));
        let asked = stripe.received();
        let [.., read, changed, named] = &asked[..] else { return Err("three requests".into()) };
        assert_eq!((read.method.as_str(), changed.method.as_str(), changed.target.as_str()), ("GET", "POST", "/v1/subscriptions/sub_1"));
        let form: std::collections::BTreeMap<_, _> =
            easel_outbound::Url::parse(&format!("https://x.example/?{}", changed.body))?.query_pairs().into_owned().collect();
        for (name, value) in [("items[0][id]", "si_1"), ("items[0][price_data][product]", "prod_1"), ("proration_behavior", "none"),
            ("items[0][price_data][unit_amount]", "999"), ("items[0][price_data][recurring][interval]", "month")] {
            assert_eq!(form.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert_eq!((named.target.as_str(), named.body.as_str()), ("/v1/products/prod_1", "name=Basic"));
        assert_eq!(payments.portal(&ada.id).await?, "https://checkout.stripe.example/c/pay/cs_1");
        assert!(payments.set_cancelled(&Actor::user(&ada), &ada.id, true).await?.cancel_at_period_end);
        let told = stripe.received().pop().ok_or("a request")?;
        assert_eq!((told.target.as_str(), told.body.as_str()), ("/v1/subscriptions/sub_1", "cancel_at_period_end=true"));
        world.clock.advance(DAY * 62);
        assert_eq!(world.subscriptions.end_due().await?, 1);
        assert_eq!(plan_of(&world, &ada).await?, "free");
        world.assert_clean().await?;

        // When Stripe does not answer nothing is ordered.
        let nowhere = StripeAccount { api: stripe.url("/nowhere"), ..account };
        let failing = self::payments(&world, Provider::Stripe(nowhere), &[&stripe]);
        assert!(matches!(failing.order(&ada, Wanted::Pack("credits-100")).await, Err(PlatformError::PaymentUnavailable)));
        assert!(payments.everybodys(Some("pending"), None, 100).await?.is_empty());
    }

    async fn what_stripe_has_changed_without_being_heard_is_looked_up(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        // The change is taken, and its answer is lost.
        let cents = Arc::new(std::sync::atomic::AtomicI64::new(999));
        let there = Arc::clone(&cents);
        let stripe = Receiver::start(move |request| match (request.method.as_str(), request.target.as_str()) {
            (_, "/v1/checkout/sessions") => answered(&json!({"id": "cs_1", "url": "https://checkout.stripe.example/c/pay/cs_1"})),
            ("GET", "/v1/subscriptions/sub_1") => {
                let cents = there.load(std::sync::atomic::Ordering::SeqCst);
                let price = json!({"product": "prod_1", "unit_amount": cents, "recurring": {"interval": "month"}});
                answered(&json!({"id": "sub_1", "items": {"data": [{"id": "si_1", "price": price}]}}))
            }
            ("POST", "/v1/subscriptions/sub_1") => {
                there.store(2999, std::sync::atomic::Ordering::SeqCst);
                Some((504, Vec::new(), String::new()))
            }
            _ => Some((404, Vec::new(), "{}".to_owned())),
        })
        .await;
        let account = stripe_account(&stripe);
        let payments = self::payments(&world, Provider::Stripe(account), &[&stripe]);
        let plan = payments.order(&ada, Wanted::Plan("basic", Interval::Month)).await?.purchase;
        let begun = json!({"client_reference_id": plan.id, "payment_status": "paid", "customer": "cus_1", "currency": "usd",
            "subscription": "sub_1", "amount_total": 999});
        assert_eq!(tell_stripe(&payments, &world, "evt_1", "checkout.session.completed", begun).await?, Heard::Done);
        let changed = payments.change_plan(&Actor::user(&ada), &ada.id, "pro").await;
        assert!(matches!(changed, Err(PlatformError::PaymentUnavailable)), "{changed:?}");
        assert_eq!(plan_of(&world, &ada).await?, "basic");
        world.clock.advance(Duration::from_secs(600));
        // Two nodes at once.
        let nodes = [payments.clone(), payments.clone()].map(|payments| tokio::spawn(async move { payments.settle_changes().await }));
        let mut settled = 0;
        for node in nodes {
            settled += node.await??;
        }
        assert_eq!((settled, plan_of(&world, &ada).await?.as_str()), (1, "pro"));
        assert_eq!(payments.settle_changes().await?, 0);
        world.assert_clean().await?;
    }

    async fn what_stripe_has_is_compared_once_a_day(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let listed = Arc::new(std::sync::Mutex::new(Vec::<Value>::new()));
        let theirs = listed.clone();
        // Lists two at a time, newest first, as Stripe does a hundred.
        let stripe = Receiver::start(move |request| {
            if request.target.starts_with("/nowhere") {
                return Some((404, Vec::new(), "{}".to_owned()));
            }
            if request.method == "POST" {
                return answered(&json!({"id": "cs_new", "url": "https://checkout.stripe.example/c/pay/cs_new"}));
            }
            let sessions = theirs.lock().expect("a list").clone();
            let after = request.target.split_once("starting_after=").map(|(_, id)| id);
            let from = after.map_or(0, |after| 1 + sessions.iter().position(|one| one["id"] == after).expect("one that was listed"));
            let page: Vec<Value> = sessions.iter().skip(from).take(2).cloned().collect();
            answered(&json!({"has_more": from + page.len() < sessions.len(), "data": page}))
        })
        .await;
        let account = stripe_account(&stripe);
        let payments = self::payments(&world, Provider::Stripe(account.clone()), &[&stripe]);
        let mut orders = Vec::new();
        for _ in 0..5 {
            orders.push(payments.order(&ada, Wanted::Pack("credits-100")).await?.purchase.id);
        }
        let [heard, lost, alone, by_hand, unpaid] = &orders[..] else { return Err("five orders".into()) };
        let begun = world.context.now().0 / 1_000_000;
        let session = |id: &str, order: &str, status: &str| json!({"id": id, "client_reference_id": order, "payment_status": status, "created": begun});
        let told = |order: &str| json!({"client_reference_id": order, "payment_status": "paid", "customer": "cus_1", "currency": "usd",
            "payment_intent": format!("pi_{order}"), "amount_total": 499});
        tell_stripe(&payments, &world, "evt_1", "checkout.session.completed", told(heard)).await?;
        tell_stripe(&payments, &world, "evt_2", "checkout.session.completed", told(alone)).await?;
        payments.mark_paid(&Actor::operator(), by_hand).await?;
        *listed.lock().expect("a list") = vec![
            session("cs_1", heard, "paid"), session("cs_2", unpaid, "unpaid"), session("cs_3", "of-another-server", "paid"), session("cs_4", lost, "paid"),
        ];
        // What is this young may be on its way.
        assert!(payments.compare_daily().await?.ok_or("a comparison")?.is_none());
        assert!(payments.compare_daily().await?.is_none(), "once a day");
        assert!(payments.metrics().await?.contains("payments_differing{unknown=\"here\"} 0\n"));
        world.clock.advance(DAY);
        let found = payments.compare_daily().await?.ok_or("a comparison")?;
        assert_eq!((found.unknown_here.iter().collect::<Vec<_>>(), found.unknown_there.iter().collect::<Vec<_>>()), (vec![lost], vec![alone]));
        let asked = stripe.received().pop().ok_or("a request")?;
        assert_eq!((asked.method.as_str(), asked.headers["authorization"].as_str()), ("GET", "Bearer sk_test_secret"));
        let recorded = easel_store::audit::recent(&world.context.db, i64::MAX, 1).await?.remove(0);
        assert!(recorded.action == "payments.differ" && recorded.detail.contains(lost.as_str()) && recorded.detail.contains(alone.as_str()));
        // For operators: in a list, and as a number to set an alert on.
        let days = payments.comparisons(None, 10).await?;
        let told: Vec<_> = days.iter().map(|day| (day.day, day.unknown_here_count, day.unknown_there_count)).collect();
        let today = world.context.now().day();
        assert_eq!(told, [(today, 1, 1), (today - 1, 0, 0)]);
        assert_eq!((days[0].unknown_here.as_str(), days[0].unknown_there.as_str()), (json!([lost]).to_string().as_str(), json!([alone]).to_string().as_str()));
        assert_eq!(payments.comparisons(Some(today), 10).await?, days[1..]);
        let metrics = payments.metrics().await?;
        for line in ["payments_differing{unknown=\"here\"} 1\n".to_owned(), "payments_differing{unknown=\"there\"} 1\n".to_owned(),
            format!("payments_compared_timestamp_seconds {}\n", world.context.now().0 / 1_000_000)] {
            assert!(metrics.contains(&line), "{metrics}");
        }
        // Settled, and old: nothing is said of it any more.
        payments.mark_paid(&Actor::operator(), lost).await?;
        world.clock.advance(DAY * 4);
        assert!(payments.compare_daily().await?.ok_or("a comparison")?.is_none());
        let failing = self::payments(&world, Provider::Stripe(StripeAccount { api: stripe.url("/nowhere"), ..account }), &[&stripe]);
        world.clock.advance(DAY);
        assert!(matches!(failing.compare_daily().await, Err(PlatformError::PaymentUnavailable)));
        assert!(payments.compare_daily().await?.is_some(), "what failed is tried again");
        world.assert_clean().await?;
    }
}
