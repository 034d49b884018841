//! Answers that are too large, too slow, or not what was asked for.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod common;

use std::time::Duration;

use common::{Names, Server, answer, client, policy, text};
use easel_imaging::Format;
use easel_outbound::{Client, Limits, OutboundError, Request};

const MAX: u64 = 64 * 1024;

async fn serving(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> (Server, Client, String) {
    let server = Server::start("127.0.0.1:0", answer).await;
    let names = Names::new(&[("front.example.com", &[&["127.0.0.1"]])]);
    let client = client(policy(&[], &[format!("front.example.com:{}", server.port())]), &names);
    let url = format!("http://front.example.com:{}/", server.port());
    (server, client, url)
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n".to_vec();
    for part in body.chunks(1000) {
        answer.extend(format!("{:x}\r\n", part.len()).bytes());
        answer.extend(part);
        answer.extend(b"\r\n");
    }
    answer.extend(b"0\r\n\r\n");
    answer
}

#[tokio::test]
async fn an_answer_may_be_as_large_as_allowed_and_no_larger() {
    for (length, fits) in [(MAX as usize, true), (MAX as usize + 1, false), (10 * MAX as usize, false)] {
        for (how, make) in [("counted", (|body| answer("200 OK", "", body)) as fn(&[u8]) -> Vec<u8>), ("in chunks", chunked)] {
            let body = vec![7; length];
            let (_server, client, url) = serving(move |_| make(&body)).await;
            let result = client.send(Request::get(&url)).await.map(|response| response.body.len());
            let wanted = if fits { Ok(length) } else { Err(OutboundError::TooLarge { max: MAX }) };
            assert_eq!(result, wanted, "{length} bytes {how}");
        }
    }
    // A length alone is enough to refuse.
    let (_server, client, url) = serving(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec()).await;
    assert_eq!(client.send(Request::get(&url)).await.unwrap_err(), OutboundError::TooLarge { max: MAX });
}

#[tokio::test]
async fn what_is_compressed_is_not_unpacked() {
    let (_server, client, url) = serving(|_| answer("200 OK", "content-encoding: gzip\r\n", b"\x1f\x8bnot unpacked")).await;
    assert_eq!(&client.send(Request::get(&url)).await.unwrap().body[..], b"\x1f\x8bnot unpacked");
    let (server, client, url) = serving(|_| text("")).await;
    client.send(Request::get(&url)).await.unwrap();
    assert!(!server.requests()[0].contains("accept-encoding"), "{}", server.requests()[0]);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    // Accepted by the system, answered by nobody.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let names = Names::new(&[("front.example.com", &[&["127.0.0.1"]])]);
    let client = client(policy(&[], &[format!("front.example.com:{port}")]), &names);
    let limits = Limits { first_byte: Duration::from_millis(50), ..*client.limits() };
    let request = Request { limits: Some(limits), ..Request::get(format!("http://front.example.com:{port}/")) };
    assert_eq!(client.send(request).await.unwrap_err(), OutboundError::Timeout);
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut streams = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome").await.unwrap();
            streams.push(stream);
        }
    });
    let names = Names::new(&[("front.example.com", &[&["127.0.0.1"]])]);
    let client = client(policy(&[], &[format!("front.example.com:{port}")]), &names);
    let patient = *client.limits();
    for limits in [Limits { idle: Duration::from_millis(50), ..patient }, Limits { total: Duration::from_millis(200), ..patient }]
    {
        let request = Request { limits: Some(limits), ..Request::get(format!("http://front.example.com:{port}/")) };
        assert_eq!(client.send(request).await.unwrap_err(), OutboundError::Timeout);
    }
}

#[tokio::test]
async fn broken_and_missing_servers_are_told_apart() {
    let (_server, client, url) = serving(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome".to_vec()).await;
    assert_eq!(client.send(Request::get(&url)).await.unwrap_err(), OutboundError::Broken);
    let (_server, client, url) = serving(|_| b"SSH-2.0-OpenSSH\r\n".to_vec()).await;
    assert_eq!(client.send(Request::get(&url)).await.unwrap_err(), OutboundError::Broken);
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let names = Names::new(&[]);
    let client = common::client(policy(&[], &[closed.to_string()]), &names);
    assert_eq!(client.send(Request::get(format!("http://{closed}/"))).await.unwrap_err(), OutboundError::Unreachable);
    assert_eq!(client.send(Request::get("http://nowhere.example.com/")).await.unwrap_err(), OutboundError::Unreachable);
}

#[tokio::test]
async fn pictures_are_told_by_their_bytes() {
    let png = b"\x89PNG\r\n\x1a\n and so on";
    // What the server calls it counts for nothing.
    let (_server, client, url) = serving(|_| answer("200 OK", "content-type: text/html\r\n", png)).await;
    let image = client.fetch_image(&url).await.unwrap();
    assert_eq!((image.format, &image.bytes[..]), (Format::Png, &png[..]));
    for body in [&b"<html>not a picture</html>"[..], b"", b"GIF89a............"] {
        let (_server, client, url) = serving(move |_| answer("200 OK", "content-type: image/png\r\n", body)).await;
        assert_eq!(client.fetch_image(&url).await.unwrap_err(), OutboundError::NotAnImage);
    }
    let (_server, client, url) = serving(|_| answer("404 Not Found", "", png)).await;
    assert_eq!(client.fetch_image(&url).await.unwrap_err(), OutboundError::Status(404));
    // An endless page is dropped after its first bytes, not after the last that would be allowed.
    let endless = chunked(&[b'<'; 10 * MAX as usize]);
    let (_server, client, url) = serving(move |_| endless.clone()).await;
    assert_eq!(client.fetch_image(&url).await.unwrap_err(), OutboundError::NotAnImage);
}
