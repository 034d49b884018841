//! `/api/v1/subscriptions`.

use std::time::Duration;

use axum::http::Method;
use easel_platform::{accounts::Actor, subscriptions::NewSubscription};
use serde_json::json;

use super::support::{peopled, person};

#[tokio::test]
async fn a_subscription_is_changed_and_cancelled_by_whose_it_is() {
    let server = peopled().await;
    let (ada, eve) = (person(&server, "ada").await, person(&server, "eve").await);
    let now = server.platform.context.now();
    let period = (now, now.after(Duration::from_secs(30 * 24 * 3600)));
    let new = NewSubscription { user_id: &ada.user.id, plan: "pro", provider: "manual", provider_ref: None, period };
    server.platform.subscriptions.begin(&Actor::operator(), new).await.expect("a first one");
    let listed = server.see(Some(&ada), "/subscriptions").await;
    assert_eq!((&listed[0]["plan"], &listed[0]["state"]), (&json!("pro"), &json!("active")));
    assert_eq!(server.see(Some(&eve), "/subscriptions").await, json!([]));
    let changed = server.ask(Some(&ada), Method::POST, "/subscriptions/change", Some(json!({ "plan": "basic" }))).await.json();
    assert_eq!((&changed["plan"], &changed["next_plan"]), (&json!("pro"), &json!("basic")));
    assert_eq!(server.refused(Some(&ada), Method::POST, "/subscriptions/change", Some(json!({ "plan": "gold" }))).await.0, 404);
    for (verb, cancelled) in [("cancel", true), ("resume", false)] {
        let path = format!("/subscriptions/{verb}");
        assert_eq!(server.ask(Some(&ada), Method::POST, &path, None).await.json()["cancel_at_period_end"], json!(cancelled));
        assert_eq!(server.refused(Some(&eve), Method::POST, &path, None).await, (404, "not_found".to_owned()));
        assert_eq!(server.refused(None, Method::POST, &path, None).await.0, 401);
    }
}
