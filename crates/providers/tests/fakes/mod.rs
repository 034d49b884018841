//! Providers of the shape that was recorded, on this machine: names are resolved to it by the test's own resolver, and the policy lets exactly
//! these names through. Neither can be had by configuration alone: a resolver is code.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod accounts;
pub mod services;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use easel_outbound::{Client, Policy, Resolver};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// A request as it was received.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub head: String,
    pub body: Vec<u8>,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: {error}", self.path))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// An answer to give.
#[derive(Debug, Clone)]
pub enum Reply {
    Json(u16, Value),
    With(u16, String, Vec<u8>),
    /// Nothing, for ever.
    Silence,
}

impl Reply {
    pub fn ok(value: Value) -> Self {
        Self::Json(200, value)
    }

    pub fn redirect(to: &str) -> Self {
        Self::With(302, format!("location: {to}\r\n"), Vec::new())
    }

    pub fn png() -> Self {
        Self::With(200, "content-type: image/png\r\n".into(), png())
    }

    fn bytes(self) -> Option<Vec<u8>> {
        let (status, headers, body) = match self {
            Self::Json(status, value) => {
                (status, "content-type: application/json\r\n".to_owned(), value.to_string().into_bytes())
            }
            Self::With(status, headers, body) => (status, headers, body),
            Self::Silence => return None,
        };
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n", body.len());
        Some([head.as_bytes(), &body].concat())
    }
}

/// The first bytes of a PNG file: what it is told by.
pub fn png() -> Vec<u8> {
    b"\x89PNG\r\n\x1a\n the rest is decoded elsewhere".to_vec()
}

/// A server that answers as it is told and remembers what it was asked.
pub struct Fake {
    pub address: SocketAddr,
    pub received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<AtomicUsize>,
}

impl Fake {
    pub async fn start(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (received, connections) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (seen, counted, answer) = (received.clone(), connections.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (seen, answer) = (seen.clone(), answer.clone());
                tokio::spawn(async move {
                    let Some(request) = read(&mut stream).await else { return };
                    let reply = answer(&request).bytes();
                    seen.lock().unwrap().push(request);
                    match reply {
                        Some(bytes) => {
                            let _ = stream.write_all(&bytes).await;
                            let _ = stream.shutdown().await;
                        }
                        None => std::future::pending::<()>().await,
                    }
                });
            }
        });
        Self { address, received, connections }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// What was asked with this method.
    pub fn asked(&self, method: &str) -> Vec<Received> {
        self.received.lock().unwrap().iter().filter(|request| request.method == method).cloned().collect()
    }
}

async fn read(stream: &mut tokio::net::TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).await.ok().filter(|&read| read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
    let mut body = bytes[head_end..].to_vec();
    let length = length.unwrap_or(0);
    while body.len() < length {
        let mut piece = vec![0; 65536];
        let read = stream.read(&mut piece).await.ok().filter(|&read| read > 0)?;
        body.extend_from_slice(&piece[..read]);
    }
    let mut words = head.split(' ').map(str::to_owned);
    Some(Received { method: words.next()?, path: words.next()?, head, body })
}

/// Every name is this machine.
struct Here;

impl Resolver for Here {
    fn resolve(&self, _: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        Box::pin(async { Ok(vec!["127.0.0.1".parse().unwrap()]) })
    }
}

/// Reaches these names on this port, here, and nothing else that is internal.
pub fn client(names: &[&str], port: u16) -> Client {
    let policy = Policy {
        plain_http: true,
        ports: vec![443, port],
        internal_hosts: names.iter().map(|name| format!("{name}:{port}").parse().unwrap()).collect(),
        ..Policy::default()
    };
    Client::with_resolver(policy, Arc::new(Here)).unwrap()
}
