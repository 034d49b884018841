//! Who is let in, by whatever A1111's clients send.

use axum::http::Method;
use base64::{Engine, prelude::BASE64_STANDARD};
use easel_platform::records::Role;
use easel_testing::on_both_engines;
use serde_json::json;

use crate::common::native::{PASSWORD, native};

const OPTIONS: &str = "/sdapi/v1/options";

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))
}

on_both_engines! {
    async fn a_key_or_a_password_lets_in(database: &Database) {
        let native = native(database).await;
        let (_, token) = native.somebody("ada", Role::User, "pro").await?;
        let made = native.post("/api/v1/api-keys", &token, json!({"name": "k", "scopes": ["generate"]})).await.json();
        let key = made["key"].as_str().ok_or("a key")?;
        let good = [
            basic("anything", key),
            basic(key, ""),
            basic("ada@example.org", PASSWORD),
            format!("Bearer {key}"),
            format!("Bearer {token}"),
        ];
        for header in &good {
            assert_eq!(native.with(Method::GET, OPTIONS, Some(header), None).await.status, 200, "{header}");
        }
        let bad = [
            basic("ada@example.org", "not this"),
            basic("nobody@example.org", PASSWORD),
            basic("x", "ik_000000000000_x"),
            "Basic !!!".to_owned(),
            "Basic".to_owned(),
        ];
        for header in &bad {
            let answer = native.with(Method::GET, OPTIONS, Some(header), None).await;
            assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, "Basic"), "{header}");
            assert!(answer.json()["detail"].is_string() && answer.json()["error"] == "HTTPException", "{}", answer.json());
        }
        for header in [None, Some("")] {
            assert_eq!(native.with(Method::GET, OPTIONS, header, None).await.status, 401);
        }
        let wrong = native.with(Method::GET, OPTIONS, Some(&bad[0]), None).await;
        assert_eq!(wrong.json()["detail"], "Incorrect username or password");
        assert!(wrong.header("x-process-time").parse::<f64>().is_ok());
    }

    async fn a_password_begins_one_session(database: &Database) {
        let native = native(database).await;
        let (user, token) = native.somebody("ada", Role::User, "pro").await?;
        let header = basic("ada@example.org", PASSWORD);
        for _ in 0..5 {
            assert_eq!(native.with(Method::GET, OPTIONS, Some(&header), None).await.status, 200);
        }
        let sessions = native.read("/api/v1/users/me/sessions", &token).await;
        assert_eq!(sessions.as_array().map(Vec::len), Some(2), "the test's own, and this one: {sessions}");
        // When all sessions have ended, so has this one, and the password begins another.
        for session in native.platform.accounts.sessions(&user).await? {
            native.platform.accounts.end_session(&user.id, &session.id).await?;
        }
        assert_eq!(native.with(Method::GET, OPTIONS, Some(&header), None).await.status, 200);
    }

    async fn a_password_opens_nothing_else(database: &Database) {
        let native = native(database).await;
        native.somebody("ada", Role::User, "pro").await?;
        let header = basic("ada@example.org", PASSWORD);
        for path in ["/api/v1/users/me", "/v1/models"] {
            assert_eq!(native.with(Method::GET, path, Some(&header), None).await.status, 401, "{path}");
        }
    }
}
