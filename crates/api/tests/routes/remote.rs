//! Pictures that are fetched from where somebody says they are: what comes is taken in like any other, and nothing leads inside.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::common::{Answer, Server, server_with_services};
use crate::sixty::{ADDRESSES, HOSTS, Wanted};
use axum::{
    body::Body,
    http::{Method, Request},
};
use easel_api::Services;
use easel_imaging::{EncodeOptions, Format, encode};
use easel_outbound::{Client, Policy};
use easel_types::Rgb8;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// A server of one answer, which counts who comes.
async fn fake(kind: &'static str, body: Vec<u8>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let mut request = [0; 4096];
            // Whether the client is still there is its own affair.
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
        }
    });
    (port, count)
}

/// A server that may fetch from these ports of this host, and the token of somebody on it.
async fn server(ports: &[u16]) -> (Server, String) {
    let internal_hosts = ports.iter().map(|port| format!("127.0.0.1:{port}").parse().expect("a host")).collect();
    let client = Client::new(Policy { internal_hosts, ..Policy::default() }).expect("a client");
    let server = server_with_services(|_| Services { fetcher: Some(client), ..Services::default() }).await;
    let who = json!({"email": "ada@example.org", "password": "a long sentence"}).to_string();
    server.post("/api/v1/auth/register", who.clone()).await;
    let token = server.post("/api/v1/auth/login", who).await.json()["access_token"].as_str().expect("a token").to_owned();
    (server, token)
}

async fn upload(server: &Server, token: &str, url: &str) -> Answer {
    let request = Request::builder().method(Method::POST).uri("/api/v1/images/upload").header("host", "easel.test");
    let request =
        request.header("content-type", "application/json; charset=utf-8").header("authorization", format!("Bearer {token}"));
    server.send(request.body(Body::from(json!({"url": url}).to_string())).expect("a request")).await
}

/// The same address, to be shown and not kept.
async fn proxy(server: &Server, token: &str, url: &str) -> Answer {
    let mut address = easel_outbound::Url::parse("http://easel.test/api/v1/images/proxy").expect("an address");
    address.query_pairs_mut().append_pair("url", url);
    let path = address.as_str().strip_prefix("http://easel.test").expect("ours");
    let request = Request::builder().uri(path).header("host", "easel.test").header("authorization", format!("Bearer {token}"));
    server.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_picture_at_an_address_is_taken_in() {
    let picture = Rgb8::new(48, 32, vec![90; 48 * 32 * 3]).expect("three bytes a pixel");
    let bytes = encode(&picture, &EncodeOptions::new(Format::Png)).expect("a file");
    // What a server calls a file does not matter.
    let (port, _) = fake("text/plain", bytes).await;
    let (other, _) = fake("image/png", b"<html>no picture</html>".to_vec()).await;
    let (server, token) = server(&[port, other]).await;
    let taken = upload(&server, &token, &format!("http://127.0.0.1:{port}/a.png")).await;
    assert_eq!(taken.status, 201, "{}", taken.json());
    assert_eq!((&taken.json()["width"], &taken.json()["height"]), (&json!(48), &json!(32)));
    assert_eq!(upload(&server, &token, &format!("http://127.0.0.1:{other}/a.png")).await.code(), "url_not_an_image");
    assert_eq!(upload(&server, &token, "").await.status, 400);
    let shown = proxy(&server, &token, &format!("http://127.0.0.1:{port}/a.png")).await;
    assert_eq!((shown.header("content-type"), shown.header("x-content-type-options")), ("image/png", "nosniff"));
    assert!(shown.bytes.starts_with(b"\x89PNG"));
    assert_eq!(proxy(&server, &token, &format!("http://127.0.0.1:{other}/a.png")).await.code(), "url_not_an_image");
}

#[tokio::test]
async fn no_address_leads_inside() {
    let (port, connections) = fake("image/png", vec![0; 100]).await;
    let (server, token) = server(&[]).await;
    let hosts = HOSTS.iter().map(|(host, _)| format!("http://{host}:{port}/a.png"));
    // Names that are refused when they are resolved need a resolver of one's own: `outbound` tries them.
    let whole = ADDRESSES.iter().filter(|(_, wanted)| matches!(wanted, Wanted::Refused(reasons) if !reasons.is_empty()));
    let urls: Vec<_> = hosts.chain(whole.map(|(url, _)| url.replace("PORT", &port.to_string()))).collect();
    assert!(urls.len() > 50, "{} addresses", urls.len());
    for url in urls {
        for answer in [upload(&server, &token, &url).await, proxy(&server, &token, &url).await] {
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "url_not_allowed"), "{url}");
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn no_picture_of_an_openai_request_leads_inside() {
    let (port, connections) = fake("image/png", vec![0; 100]).await;
    let (server, token) = server(&[]).await;
    let hosts = HOSTS.iter().map(|(host, _)| format!("http://{host}:{port}/a.png"));
    let whole = ADDRESSES.iter().filter(|(_, wanted)| matches!(wanted, Wanted::Refused(_)));
    for url in hosts.chain(whole.map(|(url, _)| url.replace("PORT", &port.to_string()))) {
        let control = json!({"prompt": "a heron", "controlnet": [{"model": "edges", "image": url}]});
        let edit = json!({"prompt": "a heron", "images": [{"image_url": url}]});
        for (path, body) in [("/v1/images/generations", control), ("/v1/images/edits", edit)] {
            let request = Request::builder().method(Method::POST).uri(path).header("host", "easel.test");
            let request = request.header("content-type", "application/json").header("authorization", format!("Bearer {token}"));
            let answer = server.send(request.body(Body::from(body.to_string())).expect("a request")).await;
            // What is no address of the web is no picture either.
            let code = if url.starts_with("http://") { "url_not_allowed" } else { "picture_invalid" };
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, code), "{path} {url}");
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_server_that_fetches_nothing_says_so() {
    let server = server_with_services(|_| Services::default()).await;
    let who = json!({"email": "ada@example.org", "password": "a long sentence"}).to_string();
    server.post("/api/v1/auth/register", who.clone()).await;
    let token = server.post("/api/v1/auth/login", who).await.json()["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(upload(&server, &token, "https://example.org/a.png").await.code(), "url_not_allowed");
}
