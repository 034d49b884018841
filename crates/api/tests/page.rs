//! `GET /`: the page works under its own policy and loads nothing from elsewhere.

mod common;

use common::server;

#[tokio::test]
async fn the_page_and_its_files_keep_to_the_policy() {
    let server = server().await;
    let page = server.get("/").await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = String::from_utf8(page.bytes.clone()).unwrap();
    assert!(html.contains("<label for=\"prompt\">") && html.contains("aria-live"));
    for inline in ["<style", " style=", " onclick=", " onsubmit=", "javascript:", "http://", "https://", "//cdn"] {
        assert!(!html.contains(inline), "{inline}");
    }
    for (path, media_type) in [("/assets/easel.css", "text/css"), ("/assets/easel.js", "text/javascript")] {
        assert!(html.contains(path));
        let file = server.get(path).await;
        assert_eq!(file.status, 200);
        assert!(file.header("content-type").starts_with(media_type));
        let text = String::from_utf8(file.bytes).unwrap();
        assert!(!text.contains("://") && !text.contains("innerHTML") && !text.contains("eval("));
    }
}
