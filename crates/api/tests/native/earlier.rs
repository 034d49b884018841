//! What clients of earlier designs ask for is there under their names, and says the same.

use axum::http::Method;
use easel_platform::records::Role;
use easel_testing::on_both_engines;
use serde_json::{Value, json};

use crate::common::native::native;

on_both_engines! {
    async fn jobs_are_tasks_and_a_history(database: &Database) {
        let mut native = crate::common::native::native_with(database, easel_engine::sim::SimConfig::default()).await;
        let (_, ada) = native.somebody("ada", Role::User, "pro").await?;
        let (_, eve) = native.somebody("eve", Role::User, "pro").await?;
        let waits = native.post("/api/v1/generate", &ada, json!({"prompt": "a blue square"})).await.json();
        let task = format!("/api/v1/tasks/{}", waits["id"].as_str().ok_or("an id")?);
        let seen = native.get(&task, &ada).await.json();
        assert_eq!((&seen["status"], &seen["prompt"], &seen["result_urls"]), (&json!("pending"), &json!("a blue square"), &json!([])));
        assert_eq!(native.get(&task, &eve).await.status, 404);
        let cancelled = native.call(Method::POST, &format!("{task}/cancel"), &ada, None).await;
        assert_eq!((cancelled.status.as_u16(), &cancelled.json()["status"]), (202, &json!("cancelled")));
        native.start_worker();
        let drawn = native.drawn(&ada, json!({"prompt": "a red circle", "n": 2})).await;
        let events = native.get(&format!("/api/v1/tasks/{}/events", drawn["id"].as_str().ok_or("an id")?), &ada).await;
        assert_eq!(events.header("content-type"), "text/event-stream");

        let tasks = native.get("/api/v1/tasks?limit=1", &ada).await.json();
        assert_eq!((&tasks["data"][0]["id"], &tasks["data"][0]["status"]), (&drawn["id"], &json!("completed")));
        let urls: Vec<&Value> = drawn["images"].as_array().ok_or("pictures")?.iter().map(|image| &image["url"]).collect();
        assert_eq!(tasks["data"][0]["result_urls"], json!(urls));
        let next = format!("/api/v1/tasks?limit=1&cursor={}", tasks["next"].as_str().ok_or("more")?);
        assert_eq!(native.get(&next, &ada).await.json()["data"][0]["id"], waits["id"]);
        let history = native.get("/api/v1/generate/history", &ada).await.json();
        assert_eq!((&history["data"][0]["images"], &history["data"][1]["images"]), (&drawn["images"], &json!([])));
        assert_eq!(native.get("/api/v1/generate/history", &eve).await.json()["data"], json!([]));
    }

    async fn a_profile_is_replaced_and_a_plan_is_told(database: &Database) {
        let native = native(database).await;
        let (_, ada) = native.somebody("ada", Role::User, "pro").await?;
        let whole = json!({"full_name": "Ada", "locale": "en"});
        assert_eq!(native.call(Method::PUT, "/api/v1/users/profile", &ada, Some(whole)).await.json()["full_name"], "Ada");
        let less = native.call(Method::PUT, "/api/v1/users/profile", &ada, Some(json!({"locale": "de"}))).await.json();
        assert_eq!((&less["full_name"], &less["locale"], &less["username"]), (&Value::Null, &json!("de"), &json!("ada")));
        let told = native.get("/api/v1/users/me/subscription", &ada).await.json();
        assert_eq!((&told["plan"]["name"], &told["plan"]["currency"], &told["subscription"]), (&json!("pro"), &json!("usd"), &Value::Null));
        assert_eq!(native.get("/health", "").await.status, 200);
        // This server fetches nothing, and nobody logs in elsewhere.
        assert_eq!(native.get("/api/v1/images/proxy?url=https://example.org/x.png", &ada).await.code(), "url_not_allowed");
        assert_eq!(native.get("/api/v1/images/proxy?url=x", "").await.status, 401);
        assert_eq!(native.get("/api/v1/auth/oauth/google", "").await.code(), "not_found");
    }
}
