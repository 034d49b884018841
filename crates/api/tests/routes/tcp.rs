//! Over a real port: a picture comes through, and a client that hangs up stops its request.

use std::time::Duration;

use crate::common::server_with;
use easel_engine::{
    EngineConfig,
    scheduler::Rules,
    sim::{Gate, Probe, SimConfig},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Serves the router on a free port.
async fn listen(router: axum::Router) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn post(address: std::net::SocketAddr, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let length = body.len();
    let head = "POST /v1/images/generations HTTP/1.1\r\nhost: easel\r\ncontent-type: application/json\r\nconnection: close\r\n";
    stream.write_all(format!("{head}content-length: {length}\r\n\r\n{body}").as_bytes()).await.expect("the server reads");
    stream
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not happen");
}

fn steps(probe: &Probe) -> usize {
    probe.calls().iter().filter(|call| call.starts_with("step")).count()
}

#[tokio::test]
async fn a_picture_comes_over_the_wire() {
    let server = server_with(SimConfig::default(), EngineConfig::default(), |_| {}).await;
    let address = listen(server.router.clone()).await;
    let mut answer = Vec::new();
    let mut stream = post(address, r#"{"prompt": "a cat", "response_format": "b64_json"}"#).await;
    stream.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8(answer).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.contains("b64_json"));
}

#[tokio::test]
async fn a_client_that_hangs_up_stops_its_request() {
    for body in [r#"{"prompt": "a cat", "steps": 100}"#, r#"{"prompt": "a cat", "steps": 100, "stream": true}"#] {
        let gate = Gate::closed();
        let sim = SimConfig { gate: Some(gate.clone()), ..SimConfig::default() };
        let one_at_once = Rules { admitted_max: 1, ..Rules::default() };
        let server = server_with(sim, EngineConfig { rules: one_at_once, ..EngineConfig::default() }, |_| {}).await;
        let address = listen(server.router.clone()).await;
        let drawn = post(address, body).await;
        until("the start", || server.engine.status().active == 1 && server.probe.slots() == 1).await;
        let waiting = post(address, body).await;
        until("the wait", || server.engine.status().queued == 1).await;
        drop(waiting);
        until("the end of the wait", || server.engine.status().queued == 0).await;
        gate.allow(3);
        until("three steps", || steps(&server.probe) == 3).await;
        drop(drawn);
        // The server hears of it in its own time; meanwhile no step is allowed through.
        tokio::time::sleep(Duration::from_millis(200)).await;
        gate.open();
        until("the end", || server.engine.status().active == 0).await;
        assert!(steps(&server.probe) <= 4, "{} steps", steps(&server.probe));
        until("the slot's release", || server.probe.slots() == 0).await;
    }
}
