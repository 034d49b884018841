//! What is found, how long it is kept, and what is not there.

use axum::{
    body::to_bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use easel_web_ui::find;

fn text<'a>(response: &'a Response, name: &header::HeaderName) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("headers of ours are ASCII"))
}

#[tokio::test]
async fn the_applications_own_addresses_get_its_page() {
    let nothing = HeaderMap::new();
    let page = find("/", &nothing).unwrap();
    assert_eq!(text(&page, &header::CONTENT_TYPE), "text/html; charset=utf-8");
    assert_eq!(text(&page, &header::CACHE_CONTROL), "no-cache");
    let policy = text(&page, &header::CONTENT_SECURITY_POLICY);
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let bytes = to_bytes(page.into_body(), 1 << 20).await.unwrap();
    for path in ["/generate", "/images/01890a5d-ac96", "/admin/users", "/index.html"] {
        let same = to_bytes(find(path, &nothing).unwrap().into_body(), 1 << 20).await.unwrap();
        assert_eq!(same, bytes, "{path}");
    }
}

#[test]
fn what_is_for_programs_is_not_found_here() {
    for path in [
        "/api/v1/x",
        "/v1/models/x",
        "/health/x",
        "/metrics",
        "/assets/gone.js",
        "/robots.txt",
        "/index.html.gz",
        "/../Cargo.toml",
    ] {
        assert!(find(path, &HeaderMap::new()).is_none(), "{path}");
    }
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    let first = find("/", &HeaderMap::new()).unwrap();
    let mut sent = HeaderMap::new();
    sent.insert(header::IF_NONE_MATCH, HeaderValue::from_str(text(&first, &header::ETAG)).unwrap());
    let known = find("/", &sent).unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    for kept in [header::CONTENT_SECURITY_POLICY, header::CACHE_CONTROL, header::X_CONTENT_TYPE_OPTIONS, header::REFERRER_POLICY]
    {
        assert_eq!(text(&known, &kept), text(&first, &kept), "{kept}: what the browser kept is replaced by it");
    }
    sent.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"other\""));
    assert_eq!(find("/", &sent).unwrap().status(), StatusCode::OK);
}
