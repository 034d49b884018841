//! The web application: pages for people, errors for programs, under a policy that loads nothing from elsewhere.

mod common;

use common::server;

#[tokio::test]
async fn the_page_keeps_to_the_policy() {
    let server = server().await;
    for path in ["/", "/generate", "/admin/users"] {
        let page = server.get(path).await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        assert_eq!(page.header("cache-control"), "no-cache");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let html = String::from_utf8(page.bytes.clone()).unwrap();
        for inline in ["<style", " style=", " onclick=", "javascript:", "http://", "https://", "//cdn"] {
            assert!(!html.contains(inline), "{inline}");
        }
    }
}

#[tokio::test]
async fn what_is_for_programs_is_never_a_page() {
    let server = server().await;
    for path in ["/api/v1/nothing", "/v1/nothing", "/assets/nothing.js", "/health/nothing", "/robots.txt"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status.as_u16(), 404, "{path}");
        assert_eq!(answer.json()["error"]["code"], "not_found", "{path}");
    }
}
