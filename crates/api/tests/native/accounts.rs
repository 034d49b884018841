//! Getting an account, getting in by token, cookie and key, and getting out again.

use crate::common::{
    Answer,
    native::{Native, PASSWORD, native},
};
use axum::{
    body::Body,
    http::{Method, Request},
};
use easel_platform::{
    mail::{Mailer, Outgoing},
    records::Role,
};
use easel_testing::{Database, on_both_engines};
use serde_json::{Value, json};

/// The token of the newest mail to somebody, which went into the folder of mail.
async fn mailed(native: &Native, database: &Database, to: &str) -> String {
    let folder = database.dir().join("outbox");
    let outgoing = Outgoing::folder(&folder, "Easel <easel@example.org>").expect("the folder can be used");
    Mailer::new(native.platform.context.clone(), outgoing).send_due().await.expect("mail goes out");
    let mut files: Vec<_> = std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let mut texts = files.iter().map(|path| std::fs::read_to_string(path).expect("a mail"));
    let mail = texts.rfind(|text| text.contains(to)).expect("a mail to them").replace("=\r\n", "").replace("=3D", "=");
    let token = mail.split("#token=").nth(1).expect("a link");
    token.split_whitespace().next().expect("a token").to_owned()
}

fn cookies(answer: &Answer) -> Vec<(String, String)> {
    let set = answer.headers.get_all("set-cookie").into_iter().map(|value| value.to_str().expect("ASCII"));
    set.map(|cookie| {
        let (name, rest) = cookie.split_once('=').expect("a cookie");
        assert!(name.starts_with("__Host-") && cookie.contains("; Secure") && cookie.contains("; Path=/"), "{cookie}");
        assert!(cookie.contains("SameSite=Lax") && !cookie.contains("Domain"), "{cookie}");
        assert_eq!(cookie.contains("HttpOnly"), !name.contains("csrf"), "{cookie}");
        (name.to_owned(), rest.split(';').next().expect("a value").to_owned())
    })
    .collect()
}

async fn with_cookies(
    native: &Native,
    method: Method,
    path: &str,
    cookies: &[(String, String)],
    more: &[(&str, &str)],
) -> Answer {
    let jar: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut request = Request::builder().method(method).uri(path).header("host", "easel.test").header("cookie", jar.join("; "));
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    native.send(request.header("content-type", "application/json").body(Body::from("{}")).expect("a request")).await
}

on_both_engines! {
    async fn a_fresh_server_is_set_up_once_and_by_who_reads_what_it_says(database: &Database) {
        let native = native(database).await;
        let config = native.get("/api/v1/config/public", "").await.json();
        assert_eq!((&config["accounts"], &config["needs_setup"], &config["registration"]), (&json!(true), &json!(true), &json!(true)));
        assert_eq!(config["max_upload_bytes"], json!(10 * 1024 * 1024));
        let body = |token: &str, password: &str| json!({"token": token, "email": "root@example.org", "password": password});
        let token = native.platform.setup_token();
        for wrong in ["", "su_", &token[1..], &token.to_uppercase()] {
            assert_eq!(native.post("/api/v1/setup", "", body(wrong, PASSWORD)).await.code(), "forbidden", "{wrong}");
        }
        assert_eq!(native.post("/api/v1/setup", "", body(&token, "root")).await.status, 400, "weak");
        let made = native.post("/api/v1/setup", "", body(&token, PASSWORD)).await;
        assert_eq!((made.status.as_u16(), &made.json()["role"]), (201, &json!("superuser")));
        assert_eq!(made.json()["is_verified"], json!(true));
        assert_eq!(native.post("/api/v1/setup", "", body(&token, PASSWORD)).await.code(), "not_found", "once");
        assert_eq!(native.get("/api/v1/config/public", "").await.json()["needs_setup"], json!(false));
        let entered = native.post("/api/v1/auth/login", "", json!({"email": "root@example.org", "password": PASSWORD})).await;
        assert_eq!(entered.status, 200);
    }

    async fn from_registering_to_leaving(database: &Database) {
        let native = native(database).await;
        let body = json!({"email": "Ada@Example.org", "password": PASSWORD, "username": "ada"});
        let answer = native.post("/api/v1/auth/register", "", body.clone()).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["email"]), (201, &json!("ada@example.org")));
        assert_eq!(answer.json()["is_verified"], false);
        let answer = native.post("/api/v1/auth/register", "", body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (409, "already_taken"));
        let weak = json!({"email": "eve@example.org", "password": "eve"});
        assert_eq!(native.post("/api/v1/auth/register", "", weak).await.status, 400);

        let token = mailed(&native, database, "ada@example.org").await;
        assert_eq!(native.post("/api/v1/auth/verify-email", "", json!({"token": token})).await.status, 204);
        let answer = native.post("/api/v1/auth/verify-email", "", json!({"token": token})).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "token_invalid"));

        let wrong = json!({"email": "ada@example.org", "password": "another sentence"});
        assert_eq!(native.post("/api/v1/auth/login", "", wrong).await.code(), "unauthenticated");
        let right = json!({"email": "ada@example.org", "password": PASSWORD});
        let session = native.post("/api/v1/auth/login", "", right.clone()).await;
        assert_eq!((session.status.as_u16(), session.header("cache-control")), (200, "no-store"));
        assert!(session.headers.get("set-cookie").is_none());
        let session = session.json();
        let (access, refresh) = (session["access_token"].as_str().ok_or("a token")?, &session["refresh_token"]);
        let me = native.get("/api/v1/users/me", access).await.json();
        assert_eq!((&me["username"], &me["is_verified"], &me["role"]), (&json!("ada"), &json!(true), &json!("user")));
        let balance = native.get("/api/v1/credits/balance", access).await.json();
        assert_eq!((&me["credits_balance"], &balance["available"]), (&json!("100"), &json!("100")), "what registering gives");

        let refreshed = native.post("/api/v1/auth/refresh", "", json!({"refresh_token": refresh})).await.json();
        let newer = refreshed["access_token"].as_str().ok_or("a token")?.to_owned();
        assert_eq!(native.get("/api/v1/users/me", &newer).await.status, 200);
        // One that comes back ends the session: somebody has a copy.
        assert_eq!(native.post("/api/v1/auth/refresh", "", json!({"refresh_token": refresh})).await.status, 401);
        assert_eq!(native.get("/api/v1/users/me", &newer).await.status, 401);

        let session = native.post("/api/v1/auth/login", "", right).await.json();
        let access = session["access_token"].as_str().ok_or("a token")?;
        assert_eq!(native.call(Method::POST, "/api/v1/auth/logout", access, None).await.status, 204);
        assert_eq!(native.get("/api/v1/users/me", access).await.code(), "unauthenticated");
    }

    async fn a_forgotten_password(database: &Database) {
        let native = native(database).await;
        let (_, before) = native.somebody("ada", Role::User, "free").await?;
        for email in ["ada@example.org", "nobody@example.org", "no address"] {
            assert_eq!(native.post("/api/v1/auth/reset-password", "", json!({"email": email})).await.status, 202, "{email}");
        }
        let token = mailed(&native, database, "Subject: Choose a new password").await;
        let body = json!({"token": token, "password": "quite another sentence"});
        assert_eq!(native.post("/api/v1/auth/reset-password/confirm", "", body.clone()).await.status, 204);
        assert_eq!(native.post("/api/v1/auth/reset-password/confirm", "", body).await.code(), "token_invalid");
        assert_eq!(native.get("/api/v1/users/me", &before).await.status, 401, "every session has ended");
        let login = json!({"email": "ada@example.org", "password": "quite another sentence"});
        let session = native.post("/api/v1/auth/login", "", login).await.json();
        let access = session["access_token"].as_str().ok_or("a token")?;
        let body = json!({"old": "quite another sentence", "new": PASSWORD});
        assert_eq!(native.call(Method::PUT, "/api/v1/users/me/password", access, Some(body)).await.status, 204);
        assert_eq!(native.get("/api/v1/users/me", access).await.status, 401);
    }

    async fn a_browser_keeps_cookies_and_proves_its_page(database: &Database) {
        let native = native(database).await;
        native.somebody("ada", Role::User, "free").await?;
        let login = json!({"email": "ada@example.org", "password": PASSWORD, "transport": "cookie"});
        let answer = native.post("/api/v1/auth/login", "", login).await;
        assert!(answer.json()["access_token"].is_null() && answer.json()["refresh_token"].is_null());
        let kept = cookies(&answer);
        assert_eq!(kept.len(), 3);
        let proof = kept.iter().find(|(name, _)| name.contains("csrf")).ok_or("a proof")?.1.clone();
        let proved = [("x-csrf-token", proof.as_str()), ("origin", "https://easel.test"), ("sec-fetch-site", "same-origin")];

        assert_eq!(with_cookies(&native, Method::GET, "/api/v1/users/me", &kept, &[]).await.status, 200);
        let refused: [&[(&str, &str)]; 5] = [
            &[],
            &[("x-csrf-token", "x")],
            &[("x-csrf-token", "")],
            &[("x-csrf-token", &proof), ("origin", "https://evil.example")],
            &[("x-csrf-token", &proof), ("sec-fetch-site", "cross-site")],
        ];
        for more in refused {
            for path in ["/api/v1/auth/logout", "/api/v1/auth/refresh"] {
                let answer = with_cookies(&native, Method::POST, path, &kept, more).await;
                assert_eq!(answer.status, 403, "{path} {more:?}");
            }
        }
        // A proof of another session is none.
        let other = native.post("/api/v1/auth/login", "", json!({"email": "ada@example.org", "password": PASSWORD, "transport": "cookie"})).await;
        let others = cookies(&other);
        let mut mixed = kept.clone();
        mixed.retain(|(name, _)| !name.contains("csrf"));
        mixed.extend(others.iter().filter(|(name, _)| name.contains("csrf")).cloned());
        let foreign = others.iter().find(|(name, _)| name.contains("csrf")).ok_or("a proof")?.1.clone();
        let answer = with_cookies(&native, Method::POST, "/api/v1/auth/logout", &mixed, &[("x-csrf-token", &foreign)]).await;
        assert_eq!(answer.code(), "csrf_token_missing");

        let refreshed = with_cookies(&native, Method::POST, "/api/v1/auth/refresh", &kept, &proved).await;
        assert_eq!(refreshed.status, 200);
        let kept = cookies(&refreshed);
        let proof = kept.iter().find(|(name, _)| name.contains("csrf")).ok_or("a proof")?.1.clone();
        let answer = with_cookies(&native, Method::POST, "/api/v1/auth/logout", &kept, &[("x-csrf-token", &proof)]).await;
        assert_eq!(answer.status, 204);
        assert!(cookies_are_gone(&answer));
        assert_eq!(with_cookies(&native, Method::GET, "/api/v1/users/me", &kept, &[]).await.status, 401);
    }

    async fn sessions_and_profile(database: &Database) {
        let native = native(database).await;
        let (_, here) = native.somebody("ada", Role::User, "free").await?;
        let login = json!({"email": "ada@example.org", "password": PASSWORD});
        let there = native.post("/api/v1/auth/login", "", login).await.json()["access_token"].as_str().ok_or("a token")?.to_owned();
        let sessions = native.get("/api/v1/users/me/sessions", &here).await.json();
        let sessions = sessions.as_array().ok_or("a list")?;
        assert_eq!(sessions.len(), 2);
        let other = sessions.iter().find(|session| session["is_current"] == false).ok_or("another")?;
        let path = format!("/api/v1/users/me/sessions/{}", other["id"].as_str().ok_or("an id")?);
        assert_eq!(native.delete(&path, &here).await.status, 204);
        assert_eq!(native.get("/api/v1/users/me", &there).await.status, 401);

        let patch = |body: Value| native.call(Method::PATCH, "/api/v1/users/me", &here, Some(body));
        let me = patch(json!({"full_name": "Ada Lovelace", "locale": "en"})).await.json();
        assert_eq!((&me["full_name"], &me["username"]), (&json!("Ada Lovelace"), &json!("ada")));
        let me = patch(json!({"full_name": null, "username": "countess"})).await.json();
        assert_eq!((&me["full_name"], &me["locale"], &me["username"]), (&Value::Null, &json!("en"), &json!("countess")));
        let answer = patch(json!({"role": "superuser"})).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid_value"));
        assert_eq!(native.delete("/api/v1/users/me", &here).await.status, 202);
        assert_eq!(native.get("/api/v1/users/me", &here).await.status, 401);
    }

    async fn an_archive_is_asked_for_and_fetched_by_an_address_that_ends(database: &Database) {
        let native = native(database).await;
        let (_, ada) = native.somebody("ada", Role::User, "free").await?;
        let (_, eve) = native.somebody("eve", Role::User, "free").await?;
        let state = async |token: &str| native.get("/api/v1/users/me/export", token).await.json();
        assert_eq!(state(&ada).await["state"], "none");
        let asked = native.call(Method::POST, "/api/v1/users/me/export", &ada, None).await;
        assert_eq!((asked.status.as_u16(), &asked.json()["state"], &asked.json()["url"]), (202, &json!("pending"), &Value::Null));
        let again = native.call(Method::POST, "/api/v1/users/me/export", &ada, None).await;
        assert_eq!(again.json()["requested_at"], asked.json()["requested_at"], "one at a time");
        assert_eq!(native.platform.privacy.write_exports().await?, 1);
        assert_eq!(state(&eve).await["state"], "none", "nobody else's");

        let ready = state(&ada).await;
        assert_eq!(ready["state"], "ready", "{ready}");
        let url = ready["url"].as_str().ok_or("an address")?;
        let path = url.strip_prefix("http://easel.test").ok_or("an address of ours")?.to_owned();
        let archive = native.get(&path, "").await;
        assert_eq!((archive.status.as_u16(), archive.header("content-type")), (200, "application/zip"));
        assert_eq!(Some(i64::try_from(archive.bytes.len())?), ready["bytes"].as_i64());
        let has = |what: &[u8]| archive.bytes.windows(what.len()).any(|at| at == what);
        assert!(archive.bytes.starts_with(b"PK") && has(b"data.json") && has(b"ada@example.org"));
        assert_eq!(archive.header("cache-control"), "no-store");

        let other = native.get(&path.replace("signature=", "signature=0"), "").await;
        assert_eq!((other.status.as_u16(), other.code().as_str()), (403, "address_invalid"));
        // One that was ready goes when another is asked for.
        assert_eq!(native.call(Method::POST, "/api/v1/users/me/export", &ada, None).await.status, 202);
        native.platform.privacy.remove_exports().await?;
        assert_eq!(native.get(&path, "").await.code(), "address_invalid");
        assert_eq!(native.get("/api/v1/users/me/export/archive", &ada).await.status, 404);
        native.assert_clean().await?;
    }

    async fn keys_are_shown_once_and_stay_within_their_scopes(database: &Database) {
        let native = native(database).await;
        let (_, free) = native.somebody("eve", Role::User, "free").await?;
        let body = json!({"name": "script", "scopes": ["images:read"]});
        assert_eq!(native.post("/api/v1/api-keys", &free, body.clone()).await.code(), "plan_required");
        let (_, access) = native.somebody("ada", Role::User, "pro").await?;
        let made = native.post("/api/v1/api-keys", &access, body).await;
        assert_eq!((made.status.as_u16(), made.header("cache-control")), (201, "no-store"));
        let made = made.json();
        let key = made["key"].as_str().ok_or("a key")?;
        assert!(key.starts_with("ik_"));
        let listed = native.get("/api/v1/api-keys", &access).await;
        assert!(!String::from_utf8(listed.bytes.clone())?.contains(key), "shown once");
        let listed = listed.json();
        assert_eq!(listed[0]["scopes"], json!(["images:read"]));
        assert_eq!((&listed[0]["jobs_this_month"], &listed[0]["credits_this_month"]), (&json!(0), &json!("0")));
        assert_eq!(native.get("/api/v1/images", key).await.status, 200);
        for (method, path) in [(Method::GET, "/api/v1/jobs"), (Method::GET, "/api/v1/users/me"), (Method::GET, "/api/v1/api-keys")] {
            assert_eq!(native.call(method, path, key, None).await.code(), "scope_missing", "{path}");
        }
        assert_eq!(native.get("/api/v1/images", &format!("{key}x")).await.code(), "invalid_api_key");
        let body = json!({"name": "script", "scopes": ["everything"]});
        let answer = native.post("/api/v1/api-keys", &access, body).await;
        assert_eq!((answer.status.as_u16(), answer.error()["param"].as_str()), (400, Some("scopes[0]")));
        let path = format!("/api/v1/api-keys/{}", made["id"].as_str().ok_or("an id")?);
        assert_eq!(native.delete(&path, &free).await.status, 404, "somebody else's");
        assert_eq!(native.delete(&path, &access).await.status, 204);
        assert_eq!(native.get("/api/v1/images", key).await.code(), "invalid_api_key");
    }

    async fn administrators_act_on_those_below_them(database: &Database) {
        let native = native(database).await;
        let (ada, user) = native.somebody("ada", Role::User, "free").await?;
        let (root, _) = native.somebody("root", Role::Superuser, "free").await?;
        let (_, admin) = native.somebody("admin", Role::Admin, "free").await?;
        assert_eq!(native.get("/api/v1/admin/users", &user).await.status, 403);
        let first = native.get("/api/v1/admin/users?limit=2", &admin).await.json();
        assert_eq!(first["data"].as_array().map(Vec::len), Some(2));
        let next = first["next"].as_str().ok_or("more")?;
        let rest = native.get(&format!("/api/v1/admin/users?limit=2&after={next}"), &admin).await.json();
        assert_eq!((rest["data"].as_array().map(Vec::len), &rest["next"]), (Some(1), &Value::Null));

        let path = format!("/api/v1/admin/users/{}", ada.id);
        let patch = |path: String, body: Value| native.call(Method::PATCH, leak(path), &admin, Some(body));
        assert_eq!(patch(path.clone(), json!({"plan": "pro"})).await.json()["plan"], "pro");
        assert_eq!(patch(path.clone(), json!({"plan": "local"})).await.status, 404, "nobody gets the built-in account's plan");
        assert_eq!(patch(path.clone(), json!({"role": "superuser"})).await.status, 403);
        assert_eq!(patch(format!("/api/v1/admin/users/{}", root.id), json!({"is_active": false})).await.status, 403);
        let adjust = json!({"credits": 5, "key": "k", "reason": "sorry"});
        let credits = format!("{path}/credits");
        let before = native.balance(&ada).await?.0;
        for _ in 0..2 {
            assert_eq!(native.post(&credits, &admin, adjust.clone()).await.json()["amount"], "5");
        }
        assert_eq!(native.balance(&ada).await?.0, before + 5, "the same key changes nothing");
        let limits = format!("{path}/limits");
        let set = |body: Value| native.call(Method::PUT, &limits, &admin, Some(body));
        let none = json!({"images_daily_max": null, "jobs_open_max": null, "storage_bytes_max": null});
        assert_eq!(native.get(&limits, &admin).await.json(), none);
        let own = json!({"images_daily_max": 2, "jobs_open_max": null, "storage_bytes_max": 5});
        let given = set(json!({"images_daily_max": 2, "storage_bytes_max": 5, "reason": "a class"})).await;
        assert_eq!((given.status.as_u16(), given.json()), (200, own.clone()));
        assert_eq!(native.get(&limits, &admin).await.json(), own);
        assert_eq!(native.get("/api/v1/users/me/storage", &user).await.json()["bytes_max"], 5);
        let refused = native.post("/api/v1/images/generate", &user, json!({"prompt": "a red circle", "n": 3})).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (429, "daily_limit_reached"));
        for bad in [json!({"images_daily_max": -1, "reason": "why"}), json!({"images_daily_max": 1, "reason": " "}), json!({"images_daily_max": 1})] {
            assert!(set(bad).await.status.is_client_error());
        }
        assert_eq!(native.get(&limits, &user).await.status, 403);
        assert_eq!(set(json!({"reason": "the class is over"})).await.json(), none, "with none, the plan's hold again");
        assert_eq!(patch(path, json!({"is_active": false})).await.json()["is_active"], false);
        assert_eq!(native.get("/api/v1/users/me", &user).await.status, 401);
        native.assert_clean().await?;
    }
}

fn cookies_are_gone(answer: &Answer) -> bool {
    let set: Vec<_> = answer.headers.get_all("set-cookie").into_iter().map(|value| value.to_str().expect("ASCII")).collect();
    set.len() == 3 && set.iter().all(|cookie| cookie.contains("Max-Age=0"))
}

/// Paths that outlive the request they are made for.
fn leak(path: String) -> &'static str {
    Box::leak(path.into_boxed_str())
}
