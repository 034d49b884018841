//! A server that notes what it is sent and answers what it is told to: the other end of webhooks, or an identity provider.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

/// A request.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub target: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    pub body: String,
}

/// An answer: status, headers, body. `None` is none at all: the connection stays open and silent.
pub type Answer = Option<(u16, Vec<(&'static str, String)>, String)>;

pub fn status(status: u16) -> Answer {
    Some((status, Vec::new(), String::new()))
}

pub fn json(body: &serde_json::Value) -> Answer {
    Some((200, vec![("content-type", "application/json".to_owned())], body.to_string()))
}

pub struct Receiver {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<AtomicUsize>,
    news: Arc<Notify>,
}

impl Receiver {
    pub async fn start(answer: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let receiver = Self { address, received: Arc::default(), connections: Arc::default(), news: Arc::default() };
        let (received, connections, news, answer) =
            (receiver.received.clone(), receiver.connections.clone(), receiver.news.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (received, news, answer) = (received.clone(), news.clone(), answer.clone());
                tokio::spawn(async move {
                    let mut stream = BufStream::new(stream);
                    while let Some(request) = read(&mut stream).await {
                        let answer = answer(&request);
                        received.lock().expect("nobody panics").push(request);
                        news.notify_waiters();
                        let Some((status, headers, body)) = answer else { return std::future::pending().await };
                        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                        let text = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len());
                        // Whoever asked may have gone.
                        if stream.write_all(text.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        receiver
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("nobody panics").clone()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits until it was sent so many requests.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        loop {
            let news = self.news.notified();
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            news.await;
        }
    }
}

async fn read(stream: &mut BufStream<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|&read| read > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |text| text.parse().expect("a length"));
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Received { method, target, headers, body: String::from_utf8(body).ok()? })
}
