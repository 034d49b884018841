//! The document of all routes: the one in the repository is the one the routes make, and every route is in it.
//!
//! `EASEL_WRITE_OPENAPI=1 cargo test -p easel-api --test openapi` writes it anew.

mod common;

use std::{collections::BTreeSet, fs, path::Path};

use common::{pretty, server};
use serde_json::Value;

fn document() -> Value {
    serde_json::to_value(easel_api::openapi()).expect("plain data")
}

#[test]
fn the_one_in_the_repository_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let made = format!("{}\n", pretty(&document()));
    if std::env::var_os("EASEL_WRITE_OPENAPI").is_some() {
        fs::write(&path, &made).expect("the repository can be written to");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/openapi.json is not what the routes say: EASEL_WRITE_OPENAPI=1 cargo test -p easel-api --test openapi"
    );
}

#[test]
fn operations_have_names_of_their_own_words_and_known_needs() {
    let document = document();
    let schemes: BTreeSet<_> = document["components"]["securitySchemes"].as_object().expect("schemes").keys().cloned().collect();
    assert_eq!(schemes.iter().map(String::as_str).collect::<Vec<_>>(), ["api_key", "cookie", "session"]);
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (verb, operation) in item.as_object().expect("operations") {
            let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{verb} {path} has no name"));
            assert!(name != "handler" && names.insert(name.to_owned()), "{verb} {path}: {name} is taken");
            assert!(operation["summary"].is_string() || operation["description"].is_string(), "{verb} {path} says nothing");
            assert!(operation["responses"]["4XX"].is_object(), "{verb} {path}");
            for way in operation["security"].as_array().into_iter().flatten() {
                for scheme in way.as_object().expect("a way").keys() {
                    assert!(schemes.contains(scheme), "{verb} {path}: {scheme}");
                }
            }
        }
    }
}

#[tokio::test]
async fn it_is_served_with_a_page_that_loads_nothing_from_elsewhere() {
    let server = server().await;
    let answer = server.get("/openapi.json").await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, document()));
    let page = server.get("/docs").await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
    let text = String::from_utf8(page.bytes).expect("UTF-8");
    assert!(!text.contains("://"), "nothing from elsewhere");
    for asset in ["/assets/docs.js", "/assets/docs.css"] {
        assert!(text.contains(asset));
        assert_eq!(server.get(asset).await.status, 200, "{asset}");
    }
}
