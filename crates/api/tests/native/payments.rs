//! Buying credits and plans over HTTP: ordered by whose they are, paid where it is told, seen in the history.

use axum::{
    body::Body,
    http::{Method, Request},
};
use easel_api::Services;
use easel_engine::sim::SimConfig;
use easel_outbound::{Client, Policy};
use easel_platform::{
    Platform,
    payments::{CreemAccount, Payments, Provider},
    plans::Catalogue,
    records::Role,
};
use easel_testing::{Database, on_both_engines};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};

use crate::common::{
    Answer,
    native::{Native, native, native_serving},
};

/// 24 zeros.
const SECRET: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const HOOK: &str = "/api/v1/subscriptions/webhook/external";

fn catalogue() -> Catalogue {
    let text = include_str!("../../../platform/src/plans.toml").replace("credits = 500", "credits = 500\nprice_cents = 1999");
    let text = text.replace("# \"org/model\" = \"advanced\"", "\"sim\" = \"advanced\"");
    Catalogue::parse(&text).expect("a catalogue")
}

async fn selling(database: &Database) -> Native {
    let provider = Provider::External { checkout_url: "https://pay.example/".to_owned(), secret: SECRET.to_owned().into() };
    selling_by(database, provider).await
}

async fn selling_by(database: &Database, provider: Provider) -> Native {
    let services = |platform: &Platform| {
        let client = Client::new(Policy::default()).expect("a client");
        let (context, catalogue) = (platform.context.clone(), platform.catalogue.clone());
        let payments = Payments::new(context, catalogue, provider, client, "https://easel.test").expect("payments");
        Services { payments: Some(payments), ..Services::default() }
    };
    native_serving(database, SimConfig::default(), catalogue(), services).await
}

async fn tell(native: &Native, id: &str, event: &Value, spoil: bool) -> Answer {
    use base64::Engine;
    let (body, seconds) = (event.to_string(), native.platform.context.now().0 / 1_000_000);
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&[u8::from(spoil); 24]).expect("any length");
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    let signature = format!("v1,{}", base64::prelude::BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    let request = Request::builder().method(Method::POST).uri(HOOK).header("host", "easel.test");
    let request = request.header("content-type", "application/json").header("webhook-id", id);
    let request = request.header("webhook-timestamp", seconds).header("webhook-signature", signature);
    native.send(request.body(Body::from(body)).expect("a well-formed request")).await
}

on_both_engines! {
    async fn a_pack_is_bought_paid_and_listed(database: &Database) {
        let native = selling(database).await;
        let (ada, token) = native.somebody("ada", Role::User, "free").await?;
        let (_, eve) = native.somebody("eve", Role::User, "free").await?;
        let (_, admin) = native.somebody("root", Role::Admin, "free").await?;
        assert_eq!(native.get("/api/v1/config/public", "").await.json()["billing"], json!(true));
        let packs = native.get("/api/v1/credits/packs", "").await.json();
        assert_eq!(packs, json!({"data": [{"id": "credits-500", "title": "500 credits", "credits": "500", "price_cents": 1999, "currency": "usd"}]}));
        let ordered = native.post("/api/v1/credits/purchase", &token, json!({"pack": "credits-500"})).await;
        assert_eq!(ordered.status, 201, "{}", ordered.json());
        let ordered = ordered.json();
        assert_eq!(ordered["purchase"]["state"], "pending");
        assert!(ordered["url"].as_str().is_some_and(|url| url.starts_with("https://pay.example/?purchase=")), "{ordered}");
        assert_eq!(native.post("/api/v1/credits/purchase", &token, json!({"pack": "credits-100"})).await.status, 404, "it has no price");
        let plans = native.get("/api/v1/subscriptions/plans", "").await;
        assert_eq!(plans.headers["cache-control"], "public, max-age=60");
        let told = |plan: &Value| json!([plan["name"], plan["price_cents"], plan["sla"]]);
        let offered: Vec<_> = plans.json().as_array().ok_or("a list")?.iter().map(told).collect();
        assert_eq!(json!(offered), json!([["free", null, false], ["basic", 999, false], ["pro", 2999, false], ["enterprise", null, true]]));

        let id = &ordered["purchase"]["id"];
        let paid = json!({"type": "purchase.paid", "data": {"purchase_id": id, "amount_cents": 1999, "currency": "usd"}});
        let forged = tell(&native, "m1", &paid, true).await;
        assert_eq!((forged.status.as_u16(), forged.code().as_str()), (400, "signature_invalid"));
        for _ in 0..2 {
            assert_eq!(tell(&native, "m1", &paid, false).await.status, 200);
        }
        assert_eq!(native.balance(&ada).await?, (600, 0));
        let mine = native.get("/api/v1/credits/purchases", &token).await.json();
        assert_eq!((&mine["data"][0]["state"], &mine["data"][0]["amount_cents"]), (&json!("paid"), &json!(1999)));
        assert_eq!(native.get("/api/v1/credits/purchases", &eve).await.json()["data"], json!([]));
        let all = native.get("/api/v1/admin/purchases?state=paid", &admin).await.json();
        assert_eq!(all["data"][0]["user_id"], json!(ada.id));
        let compared = native.get("/api/v1/admin/payments/comparisons", &admin).await.json();
        assert_eq!(compared, json!({"data": [], "next": null}), "there is nobody to compare with");
        assert_eq!(native.get("/api/v1/admin/payments/comparisons", &eve).await.status, 403);
        let refund = format!("/api/v1/admin/purchases/{}/refund", id.as_str().ok_or("an id")?);
        assert_eq!(native.post(&refund, &eve, json!({})).await.status, 403);
        assert_eq!(native.post(&refund, &admin, json!({})).await.json()["state"], "refunded");
        assert_eq!(native.balance(&ada).await?, (100, 0));
        native.assert_clean().await?;
    }

    async fn a_plan_is_bought_and_opens_what_it_says(database: &Database) {
        let native = selling(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        let (_, admin) = native.somebody("root", Role::Admin, "free").await?;
        let drawing = json!({"prompt": "a red circle"});
        for path in ["generate", "quote"] {
            let refused = native.post(&format!("/api/v1/images/{path}"), &token, drawing.clone()).await;
            assert_eq!((refused.status.as_u16(), refused.code().as_str()), (403, "model_not_in_plan"), "{path}");
        }
        let refused = native.post("/v1/images/generations", &token, drawing.clone()).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (403, "model_not_in_plan"));
        let model = native.get("/api/v1/models", &token).await.json();
        assert_eq!((&model[0]["tier"], &model[0]["available"]), (&json!("advanced"), &json!(false)));
        let ordered = native.post("/api/v1/subscriptions/checkout", &token, json!({"plan": "basic", "interval": "year"})).await.json();
        assert_eq!((&ordered["purchase"]["amount_cents"], &ordered["purchase"]["interval"]), (&json!(9990), &json!("year")));
        let paid = format!("/api/v1/admin/purchases/{}/paid", ordered["purchase"]["id"].as_str().ok_or("an id")?);
        assert_eq!(native.post(&paid, &token, json!({})).await.status, 403);
        assert_eq!(native.post(&paid, &admin, json!({})).await.json()["state"], "paid");
        assert_eq!(native.post("/api/v1/images/quote", &token, drawing.clone()).await.json()["available"], "400");
        let change = native.post("/api/v1/subscriptions/change", &token, json!({"plan": "pro"})).await;
        assert_eq!((change.status.as_u16(), change.code().as_str()), (402, "payment_required"));
        assert_eq!(native.get("/api/v1/subscriptions/portal", &token).await.code(), "not_found");
        assert_eq!(native.call(Method::POST, "/api/v1/subscriptions/cancel", &token, None).await.json()["cancel_at_period_end"], json!(true));
        native.assert_clean().await?;
    }

    async fn where_nothing_is_sold_nothing_is_bought(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "free").await?;
        assert_eq!(native.get("/api/v1/credits/packs", "").await.json(), json!({"data": []}));
        assert_eq!(native.get("/api/v1/config/public", "").await.json()["billing"], json!(false));
        for (path, body) in [("credits/purchase", json!({"pack": "credits-500"})), ("subscriptions/checkout", json!({"plan": "pro"}))] {
            assert_eq!(native.post(&format!("/api/v1/{path}"), &token, body).await.status, 404, "{path}");
        }
        assert_eq!(tell(&native, "m1", &json!({"type": "x"}), false).await.status, 404);
    }

    async fn creem_is_heard_by_its_signature_alone(database: &Database) {
        let account = CreemAccount {
            key: "creem_test_1".to_owned().into(), webhook_secret: "whsec_creem".to_owned().into(),
            api: "https://creem.invalid".to_owned(), products: [("credits-500".to_owned(), "prod_1".to_owned())].into(),
        };
        let native = selling_by(database, Provider::Creem(account)).await;
        let body = json!({"id": "evt_1", "eventType": "something.new", "object": {}}).to_string();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"whsec_creem").expect("any length");
        mac.update(body.as_bytes());
        let good: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let tell = async |provider: &str, signature: Option<&str>, body: &str| {
            let request = Request::builder().method(Method::POST).uri(format!("/api/v1/subscriptions/webhook/{provider}"));
            let request = request.header("host", "easel.test").header("content-type", "application/json");
            let request = signature.into_iter().fold(request, |request, signature| request.header("creem-signature", signature));
            native.send(request.body(Body::from(body.to_owned())).expect("a well-formed request")).await
        };
        let other = body.replace("new", "old");
        for (signature, body) in [(None, body.as_str()), (Some("00"), body.as_str()), (Some(good.as_str()), other.as_str())] {
            let refused = tell("creem", signature, body).await;
            assert_eq!((refused.status.as_u16(), refused.code().as_str()), (400, "signature_invalid"), "{body}");
        }
        for _ in 0..2 {
            assert_eq!(tell("creem", Some(&good), &body).await.status, 200, "what is of no interest is answered well");
        }
        assert_eq!(tell("stripe", Some(&good), &body).await.status, 404, "it is not set up");
    }

    async fn the_mark_is_of_the_plan(database: &Database) {
        let native = native(database).await;
        let (_, free) = native.somebody("ada", Role::User, "free").await?;
        let (_, basic) = native.somebody("eve", Role::User, "basic").await?;
        let (_, pro) = native.somebody("bob", Role::User, "pro").await?;
        let mut pixels = Vec::new();
        for token in [&free, &basic, &pro] {
            let job = native.drawn(token, json!({"prompt": "a red circle", "seed": 7, "width": 256, "height": 256})).await;
            let file = native.get(job["images"][0]["url"].as_str().ok_or("an address")?, token).await;
            pixels.push(easel_imaging::decode(&file.bytes, &easel_imaging::DecodeLimits::default())?.rgb.into_pixels());
        }
        assert!(pixels[0] != pixels[1] && pixels[1] == pixels[2]);
    }
}
