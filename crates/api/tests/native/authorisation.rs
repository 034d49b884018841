//! Who may use which route, for every route of the OpenAPI document and everybody there is: nobody, another user, the owner, a moderator, an
//! administrator, and keys that have ended or allow something else.
//!
//! What the document says a route needs is compared with what it does. A route that is not in the document does not exist; one that forgets to
//! say what it needs is found here, and so is one that forgets to ask.

use crate::common::native::{Native, Outcome, native};
use axum::http::Method;
use easel_platform::records::Role;
use easel_testing::on_both_engines;
use serde_json::{Value, json};

/// One operation of the document.
struct Operation {
    method: Method,
    path: String,
    name: String,
    /// The least role of a session; `None` if nothing is needed.
    role: Option<Role>,
    /// The scope of a key; `None` if keys are refused.
    scope: Option<String>,
}

fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(easel_api::openapi()).expect("plain data");
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (verb, operation) in item.as_object().expect("operations") {
            let ways = operation["security"].as_array().cloned().unwrap_or_default();
            let way = |name: &str| ways.iter().find_map(|way| way.get(name)).cloned();
            let word = |list: &Value| list[0].as_str().map(str::to_owned);
            // Who may come without anything is told more if they say who they are.
            let open = ways.iter().any(|way| way.as_object().is_some_and(serde_json::Map::is_empty));
            let role = way("session")
                .filter(|_| !open)
                .map(|needs| word(&needs).map_or(Role::User, |role| role.parse().expect("a role")));
            assert_eq!(way("session"), way("cookie"), "{verb} {path}: a cookie is a session");
            found.push(Operation {
                method: verb.to_uppercase().parse().expect("a method"),
                path: path.clone(),
                name: operation["operationId"].as_str().expect("a name").to_owned(),
                role,
                scope: way("api_key").and_then(|needs| word(&needs)),
            });
        }
    }
    assert!(found.len() > 40, "{} operations", found.len());
    found
}

/// The owner's things, so that a route that is let through finds something.
struct Things {
    user: String,
    job: String,
    image: String,
    album: String,
}

impl Things {
    fn path(&self, operation: &Operation) -> String {
        let id = match operation.path.as_str() {
            path if path.contains("/jobs/") || path.contains("/tasks/") => &self.job,
            path if path.contains("/admin/users/") => &self.user,
            path if path.contains("/albums/") => &self.album,
            _ => &self.image,
        };
        operation.path.replace("{id}", id).replace("{name}", "x").replace("{model}", "sim")
    }
}

/// What is sent: nothing that would change anything, so that the same things are there for everybody.
fn body(operation: &Operation) -> Option<Value> {
    // A1111's clients may leave everything out.
    if operation.name == "a1111_txt2img" {
        return Some(json!({"steps": 0}));
    }
    (operation.method != Method::GET && operation.method != Method::DELETE).then(|| json!({"nothing": "of this kind"}))
}

async fn status(native: &Native, operation: &Operation, things: &Things, token: &str) -> (u16, String) {
    // A stream of a job that has ended ends; nothing here waits.
    let answer = native.call(operation.method.clone(), &things.path(operation), token, body(operation)).await;
    let code = serde_json::from_slice::<Value>(&answer.bytes).ok();
    // A1111's form has it beside the error.
    let code =
        code.and_then(|body| body["error"]["code"].as_str().or(body["code"].as_str()).map(str::to_owned)).unwrap_or_default();
    (answer.status.as_u16(), code)
}

async fn things(native: &Native) -> Outcome<(Things, String)> {
    let (owner, token) = native.somebody("owner", Role::User, "pro").await?;
    let job = native.drawn(&token, json!({"prompt": "a red circle"})).await;
    let album = native.post("/api/v1/albums", &token, json!({"title": "circles"})).await.json();
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    let (job, image) = (text(&job["id"]), text(&job["images"][0]["id"]));
    Ok((Things { user: owner.id, job, image, album: text(&album["id"]) }, token))
}

async fn key(native: &Native, token: &str, scopes: &[&str]) -> String {
    let made = native.post("/api/v1/api-keys", token, json!({"name": "k", "scopes": scopes})).await.json();
    made["key"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

/// What would end the session, or the thing, that the others are tried with.
fn ends_something(operation: &Operation) -> bool {
    operation.method == Method::DELETE || operation.name == "logout"
}

on_both_engines! {
    async fn every_route_lets_in_whom_it_says(database: &Database) {
        let native = native(database).await;
        let (things, owner) = things(&native).await?;
        let mut people = vec![(Role::User, owner.clone())];
        for role in [Role::User, Role::Moderator, Role::Admin, Role::Superuser] {
            people.push((role, native.somebody(role.name(), role, "pro").await?.1));
        }
        let scopes = ["generate", "images:read", "images:write", "account:read"];
        let every = key(&native, &owner, &scopes).await;
        let mut single = Vec::new();
        for scope in scopes {
            single.push((scope, key(&native, &owner, &[scope]).await));
        }
        for operation in operations() {
            let what = format!("{} {}", operation.method, operation.path);
            let (anonymous, code) = status(&native, &operation, &things, "").await;
            match operation.role {
                None => assert!(anonymous != 401 && anonymous != 403 || code != "unauthenticated", "{what}: {anonymous} {code}"),
                Some(_) => assert_eq!((anonymous, code.as_str()), (401, "unauthenticated"), "{what}"),
            }
            let Some(least) = operation.role else { continue };
            for bad in ["ik_000000000000_x", "ea_x", "sk-x"] {
                assert_eq!(status(&native, &operation, &things, bad).await.0, 401, "{what} with {bad}");
            }
            for (index, (role, token)) in people.iter().enumerate() {
                if ends_something(&operation) && (*role >= least) {
                    continue;
                }
                let (status, code) = status(&native, &operation, &things, token).await;
                if *role < least {
                    assert_eq!((status, code.as_str()), (403, "forbidden"), "{what} by {role:?}");
                } else {
                    assert!(![401, 403, 500].contains(&status), "{what} by {role:?}: {status} {code}");
                    // This server has no webhooks.
                    let elsewhere = ["/admin/", "/webhooks/"].iter().any(|folder| operation.path.contains(folder));
                    let theirs = operation.path.contains("{id}") && !elsewhere && operation.method == Method::GET;
                    if theirs {
                        assert_eq!(status == 404, index > 0, "{what} by person {index}: {status} {code}");
                    }
                }
            }
            for (scope, key) in &single {
                if ends_something(&operation) && operation.scope.as_deref() == Some(*scope) {
                    continue;
                }
                let (status, code) = status(&native, &operation, &things, key).await;
                if operation.scope.as_deref() == Some(*scope) {
                    assert!(![401, 403, 500].contains(&status), "{what} with {scope}: {status} {code}");
                } else {
                    assert_eq!((status, code.as_str()), (403, "scope_missing"), "{what} with {scope}");
                }
            }
            if operation.scope.is_none() {
                assert_eq!(status(&native, &operation, &things, &every).await.1, "scope_missing", "{what} with every scope");
            }
        }
        native.assert_clean().await?;
    }

    async fn keys_that_have_ended_open_nothing(database: &Database) {
        let native = native(database).await;
        let (things, owner) = things(&native).await?;
        let scopes = ["generate", "images:read", "images:write", "account:read"];
        let soon = easel_platform::records::Timestamp(native.platform.context.now().0 + 1_500_000);
        let body = json!({"name": "k", "scopes": scopes, "expires_at": rfc3339(soon.0)});
        let expiring = native.post("/api/v1/api-keys", &owner, body).await.json()["key"].as_str().ok_or("a key")?.to_owned();
        assert_eq!(native.get("/api/v1/images", &expiring).await.status, 200);
        let revoked = key(&native, &owner, &scopes).await;
        let list = native.get("/api/v1/api-keys", &owner).await.json();
        let id = list[0]["id"].as_str().ok_or("an id")?.to_owned();
        assert_eq!(native.delete(&format!("/api/v1/api-keys/{id}"), &owner).await.status, 204);
        tokio::time::sleep(std::time::Duration::from_millis(1600)).await;
        for operation in operations().iter().filter(|operation| operation.role.is_some()) {
            for key in [&expiring, &revoked] {
                let (status, code) = status(&native, operation, &things, key).await;
                assert_eq!((status, code.as_str()), (401, "invalid_api_key"), "{} {}", operation.method, operation.path);
            }
        }
    }
}

fn rfc3339(micros: i64) -> String {
    chrono::DateTime::from_timestamp_micros(micros).expect("a time").to_rfc3339()
}
