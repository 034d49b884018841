//! One person on their own machine: what reaches the built-in account, what does not, and what ends it.

use crate::common::{Answer, Server, server};
use axum::{
    body::Body,
    http::{Method, Request},
};
use easel_platform::accounts::Registration;

async fn me(server: &Server, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(Method::GET).uri("/api/v1/users/me");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn this_machine_needs_no_account() {
    let server = server().await;
    for host in ["localhost:3273", "127.0.0.1:3273", "[::1]:3273", "easel.test"] {
        let answer = me(&server, &[("host", host)]).await;
        assert_eq!(answer.status, 200, "{host}");
        assert_eq!(answer.json()["username"], "@local");
    }
    let ours = [("host", "localhost:3273"), ("origin", "http://localhost:3273"), ("sec-fetch-site", "same-origin")];
    assert_eq!(me(&server, &ours).await.status, 200);
    // Programs made for other servers always send some key.
    assert_eq!(me(&server, &[("host", "localhost"), ("authorization", "Bearer sk-whatever")]).await.status, 200);
}

#[tokio::test]
async fn no_web_page_and_no_proxy_gets_in() {
    let server = server().await;
    let refused: [(&[(&str, &str)], &str); 8] = [
        (&[("host", "evil.example:3273")], "local_only"),
        (&[("host", "evil.example"), ("origin", "http://evil.example")], "local_only"),
        (&[("host", "localhost"), ("x-forwarded-for", "203.0.113.7")], "local_only"),
        (&[("host", "localhost"), ("forwarded", "for=203.0.113.7")], "local_only"),
        (&[("host", "localhost"), ("origin", "https://evil.example")], "origin_refused"),
        (&[("host", "localhost:3273"), ("origin", "http://localhost:8080")], "origin_refused"),
        (&[("host", "localhost"), ("origin", "null")], "origin_refused"),
        (&[("host", "localhost"), ("sec-fetch-site", "cross-site")], "origin_refused"),
    ];
    for (headers, code) in refused {
        let answer = me(&server, headers).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, code), "{headers:?}");
    }
    for headers in [&[][..], &[("host", "a b")], &[("host", "localhost/")]] {
        let answer = me(&server, headers).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid_host"), "{headers:?}");
    }
}

#[tokio::test]
async fn an_administrator_ends_it() {
    let server = server().await;
    let host = [("host", "localhost")];
    let somebody = Registration { email: "ada@example.org", password: "a long sentence", ..Registration::default() };
    server.platform.accounts.register(somebody).await.expect("an account");
    assert_eq!(me(&server, &host).await.status, 200, "others' accounts change nothing");
    let root = Registration { email: "root@example.org", password: "a long sentence", ..Registration::default() };
    server.platform.accounts.create_superuser(root).await.expect("an account");
    let answer = me(&server, &host).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthenticated"));
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    let answer = me(&server, &[("host", "localhost"), ("authorization", "Bearer sk-whatever")]).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "invalid_api_key"));
}

#[tokio::test]
async fn nobody_logs_in_as_the_built_in_account() {
    let server = server().await;
    let local = server.platform.accounts.local().await.expect("there is one");
    assert_eq!(server.platform.accounts.local().await.expect("and only one"), local);
    for email in ["@local", "local@localhost"] {
        let body = format!(r#"{{"email": "{email}", "password": ""}}"#);
        let answer = server.post("/api/v1/auth/login", body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthenticated"), "{email}");
    }
}
