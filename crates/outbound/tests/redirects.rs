//! Names that change their mind, answers that send elsewhere, and a proxy that nobody asked for.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod common;

use std::process::Command;

use common::{Names, Server, answer, client, policy, redirect, text};
use easel_outbound::{OutboundError, Reason, Request, header};

fn refused(reason: Reason) -> OutboundError {
    OutboundError::NotAllowed(reason)
}

/// `front.example.com` is allowed by name and on this machine; everything else is as public or internal as it is.
async fn front(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> (Server, easel_outbound::Client) {
    let server = Server::start("127.0.0.1:0", answer).await;
    let names = Names::new(&[("front.example.com", &[&["127.0.0.1"]]), ("evil.example.com", &[&["127.0.0.1"]])]);
    let client = client(policy(&[server.port()], &[format!("front.example.com:{}", server.port())]), &names);
    (server, client)
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_judged_each_time_and_connected_to_as_judged() {
    let allowed = Server::start("127.0.0.2:0", |_| text("allowed")).await;
    let canary = Server::plain(&format!("127.0.0.1:{}", allowed.port())).await;
    let names = Names::new(&[("rebind.example.com", &[&["127.0.0.2"], &["127.0.0.1"]])]);
    let mut policy = policy(&[allowed.port()], &[]);
    policy.internal_networks = vec!["127.0.0.2/32".parse().unwrap()];
    let client = client(policy, &names);
    let url = format!("http://rebind.example.com:{}/", allowed.port());

    let first = client.send(Request::get(&url)).await.unwrap();
    assert_eq!((&first.body[..], names.asked()), (&b"allowed"[..], 1), "resolved once, and that answer was used");
    for _ in 0..3 {
        assert_eq!(client.send(Request::get(&url)).await.unwrap_err(), refused(Reason::InternalAddress));
    }
    assert_eq!((allowed.connections(), canary.connections()), (1, 0));
}

#[tokio::test]
async fn redirects_to_internal_addresses_are_refused() {
    let canary = Server::plain("127.0.0.1:0").await;
    let port = canary.port();
    for (to, reason) in [
        ("http://169.254.169.254/latest/meta-data/".to_owned(), Reason::InternalAddress),
        (format!("http://127.0.0.1:{port}/"), Reason::InternalAddress),
        (format!("http://2130706433:{port}/"), Reason::InternalAddress),
        (format!("//[::ffff:127.0.0.1]:{port}/"), Reason::InternalAddress),
        (format!("http://localhost:{port}/"), Reason::InternalName),
        ("file:///etc/passwd".to_owned(), Reason::Scheme),
        ("gopher://127.0.0.1:6379/_x".to_owned(), Reason::Scheme),
        ("http://front.example.com:22/".to_owned(), Reason::Port),
        ("//u:p@example.com/".to_owned(), Reason::Credentials),
        ("/\\127.0.0.1/".to_owned(), Reason::Malformed),
    ] {
        for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
            let location = to.clone();
            let (server, client) = front(move |_| redirect(status, &location)).await;
            let url = format!("http://front.example.com:{}/", server.port());
            assert_eq!(client.send(Request::get(&url)).await.unwrap_err(), refused(reason), "{status} to {to}");
            assert_eq!(client.fetch_image(&url).await.unwrap_err(), refused(reason), "{status} to {to}");
            assert_eq!(server.connections(), 2);
        }
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn a_redirect_to_a_name_is_judged_when_that_is_resolved() {
    let canary = Server::plain("127.0.0.1:0").await;
    let port = canary.port();
    let server = Server::start("127.0.0.1:0", move |_| redirect("302 Found", &format!("http://evil.example.com:{port}/"))).await;
    let names = Names::new(&[("front.example.com", &[&["127.0.0.1"]]), ("evil.example.com", &[&["127.0.0.1"]])]);
    let client = client(policy(&[port], &[format!("front.example.com:{}", server.port())]), &names);
    let url = format!("http://front.example.com:{}/", server.port());
    assert_eq!(client.send(Request::get(&url)).await.unwrap_err(), refused(Reason::InternalAddress));
    assert_eq!((server.connections(), canary.connections()), (1, 0));
}

#[tokio::test]
async fn chains_end() {
    let (server, client) = front(|head| {
        let count: usize = head.split(['/', ' ']).nth(2).and_then(|count| count.parse().ok()).unwrap_or(0);
        if count == 0 { text("arrived") } else { redirect("307 Temporary", &format!("/{}", count - 1)) }
    })
    .await;
    let url = |count: usize| format!("http://front.example.com:{}/{count}", server.port());
    assert_eq!(&client.send(Request::get(url(3))).await.unwrap().body[..], b"arrived");
    assert_eq!(client.send(Request::get(url(4))).await.unwrap_err(), OutboundError::TooManyRedirects);
    assert_eq!(client.send(Request::get(url(10))).await.unwrap_err(), OutboundError::TooManyRedirects);
    assert_eq!(server.connections(), 12, "four requests each");
    // What is sent is never sent on.
    let sent = client.send(Request::post_json(url(1), "{}".into())).await.unwrap();
    assert_eq!(sent.status.as_u16(), 307);
}

#[tokio::test]
async fn secrets_stay_with_the_first_origin() {
    let other = Server::start("127.0.0.1:0", |_| text("other")).await;
    let to = format!("http://front.example.com:{}/", other.port());
    let first = Server::start("127.0.0.1:0", move |head| match head.starts_with("GET /same") {
        true => redirect("302 Found", "/then"),
        false => redirect("302 Found", &to),
    })
    .await;
    let names = Names::new(&[("front.example.com", &[&["127.0.0.1"]])]);
    let hosts = [first.port(), other.port()].map(|port| format!("front.example.com:{port}"));
    let client = client(policy(&[], &hosts), &names);
    let mut request = Request::get(format!("http://front.example.com:{}/same", first.port()));
    for (name, value) in
        [("authorization", "Bearer secret"), ("x-api-key", "secret"), ("cookie", "a=secret"), ("accept", "image/png")]
    {
        request.headers.insert(header::HeaderName::from_static(name), header::HeaderValue::from_static(value));
    }
    assert_eq!(&client.send(request).await.unwrap().body[..], b"other");
    assert_eq!(first.requests().iter().filter(|head| head.contains("Bearer secret")).count(), 2, "the same origin gets them");
    let last = &other.requests()[0];
    assert!(!last.contains("secret") && last.contains("accept: image/png"), "{last}");
    assert!(!last.contains("referer"), "{last}");
}

/// Environment variables are the whole program's, so the client runs in a program of its own.
#[tokio::test]
async fn a_proxy_in_the_environment_is_ignored() {
    const INNER: &str = "EASEL_TEST_PROXY_TARGET";
    if let Ok(port) = std::env::var(INNER) {
        let names = Names::new(&[("front.example.com", &[&["127.0.0.1"]])]);
        let client = client(policy(&[], &[format!("front.example.com:{port}")]), &names);
        let response = client.send(Request::get(format!("http://front.example.com:{port}/"))).await.unwrap();
        assert_eq!(&response.body[..], b"straight");
        return;
    }
    let (target, proxy) = (Server::start("127.0.0.1:0", |_| text("straight")).await, Server::plain("127.0.0.1:0").await);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "a_proxy_in_the_environment_is_ignored"]).env(INNER, target.port().to_string());
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(name, format!("http://{}", proxy.address));
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!((target.connections(), proxy.connections()), (1, 0));
}

#[tokio::test]
async fn errors_tell_users_nothing_about_the_network() {
    let (server, client) = front(|_| answer("404 Not Found", "", b"secret")).await;
    let url = format!("http://front.example.com:{}/", server.port());
    let texts = [
        client.fetch_image(&url).await.unwrap_err().to_string(),
        client.send(Request::get("http://10.0.0.1/")).await.unwrap_err().to_string(),
        client.send(Request::get(format!("http://evil.example.com:{}/", server.port()))).await.unwrap_err().to_string(),
        client.send(Request::get("http://nowhere.example.com/")).await.unwrap_err().to_string(),
    ];
    assert_eq!(texts[1], texts[2], "written or resolved, nobody can tell");
    for text in texts {
        assert!(
            !text.contains("10.") && !text.contains("127.") && !text.contains("example") && !text.contains("secret"),
            "{text}"
        );
    }
}
