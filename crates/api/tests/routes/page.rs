//! The web application: pages for people, errors for programs, under a policy that loads nothing from elsewhere.

use crate::common::{request, server};
use axum::{body::Body, http::Method};

#[tokio::test]
async fn the_page_keeps_to_the_policy() {
    let server = server().await;
    for path in ["/", "/generate", "/admin/users", "/shared/is_x"] {
        let page = server.get(path).await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        assert_eq!(page.header("cache-control"), "no-cache");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let html = String::from_utf8(page.bytes.clone()).unwrap();
        for inline in ["<style", " style=", " onclick=", "javascript:", "http://", "https://", "//cdn"] {
            assert!(!html.contains(inline), "{inline}");
        }
        assert_eq!(server.send(request(Method::HEAD, path, Body::empty())).await.status, 200, "{path}");
    }
}

/// A browser takes over the headers of "not modified" into what it kept: they are the page's own.
#[tokio::test]
async fn a_page_that_is_known_keeps_its_policy() {
    let server = server().await;
    let page = server.get("/").await;
    let mut again = request(Method::GET, "/", Body::empty());
    again.headers_mut().insert("if-none-match", page.headers["etag"].clone());
    let known = server.send(again).await;
    assert_eq!(known.status, 304);
    assert_eq!(known.header("content-security-policy"), page.header("content-security-policy"));
}

/// Where the program was built with its application, what the page names is there, and is kept for ever.
#[tokio::test]
async fn the_files_of_the_page_are_kept() {
    let server = server().await;
    let html = String::from_utf8(server.get("/").await.bytes).unwrap();
    let named: Vec<&str> = html.split('"').filter(|text| text.starts_with("/assets/")).collect();
    assert!(std::env::var("EASEL_WEB").as_deref() != Ok("require") || named.len() >= 2, "{html}");
    for path in named {
        let file = server.get(path).await;
        assert_eq!((file.status.as_u16(), file.header("cache-control")), (200, "public, max-age=31536000, immutable"), "{path}");
        let kind = if path.ends_with(".woff2") { "font/woff2" } else { "text/" };
        assert!(file.header("content-type").starts_with(kind), "{path}");
    }
}

#[tokio::test]
async fn what_is_for_programs_is_never_a_page() {
    let server = server().await;
    for path in ["/api/v1/nothing", "/v1/nothing", "/assets/nothing.js", "/health/nothing", "/robots.txt"] {
        let answer = server.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{path}");
    }
    let sent = server.post("/generate", "{}").await;
    assert_eq!((sent.status.as_u16(), sent.code().as_str()), (404, "not_found"), "pages are only looked at");
}
