//! Taking connections: our own loop, because `axum::serve` gives hyper no clock, and without one a client that sends half a header stays for
//! ever.
//!
//! | a client that | is cut off after |
//! |---|---|
//! | sends no whole header, on a new connection or an idle one | [`HEADER_LIMIT`] |
//! | does not read what it asked for | [`STALL_LIMIT`] |
//! | sends no whole body | what the route says |
//! | is one too many, of all or of one address | at once |
//!
//! Connections of this machine and of the proxies that are named are not counted by address: everybody's come from there.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use easel_api::Proxies;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

/// For a whole header.
const HEADER_LIMIT: Duration = Duration::from_secs(10);
/// For a client to read something.
const STALL_LIMIT: Duration = Duration::from_secs(30);
/// Bytes of a header.
const HEADER_MAX: usize = 64 * 1024;
/// Lines of a header.
const HEADERS_MAX: usize = 100;
/// Requests at a time on one connection of HTTP/2.
const STREAMS_MAX: u32 = 100;
/// Requests of HTTP/2 that may be called off before they were answered.
const RESETS_MAX: usize = 20;
/// Between two questions whether an HTTP/2 client is still there, and for its answer.
const PING_EVERY: Duration = Duration::from_secs(20);
/// The longest pause when the system has no more files to give.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How many connections there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caps {
    /// Of all.
    pub all: usize,
    /// Of one address.
    pub each: usize,
    /// Whose are not counted.
    pub proxies: Proxies,
}

impl Default for Caps {
    fn default() -> Self {
        Self { all: 4096, each: 256, proxies: Proxies::default() }
    }
}

/// Serves until `leave` comes, then takes no new connection and returns when the last request is answered.
pub async fn serve(listener: TcpListener, router: Router, caps: Caps, leave: impl Future<Output = ()>) -> io::Result<()> {
    let (places, addresses) = (Arc::new(Semaphore::new(caps.all)), Addresses::new(caps.each, caps.proxies));
    let (graceful, mut leave) = (GracefulShutdown::new(), std::pin::pin!(leave));
    let mut pause = Duration::from_millis(10);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut leave => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                pause = Duration::from_millis(10);
                let place = Arc::clone(&places).try_acquire_owned().ok();
                let (Some(place), Some(address)) = (place, addresses.enter(peer.ip())) else {
                    tracing::warn!("a connection too many was closed");
                    continue;
                };
                connect(stream, peer, router.clone(), &graceful, (place, address));
            }
            // The client has gone again.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be taken");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
    Ok(())
}

/// What a connection takes up until it ends.
type Taken = (OwnedSemaphorePermit, Entered);

fn connect(stream: TcpStream, peer: SocketAddr, router: Router, graceful: &GracefulShutdown, taken: Taken) {
    // Answers are written whole; waiting to fill a packet only delays them. A socket that is gone already is found out soon enough.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALL_LIMIT));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request.map(Body::new))
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_LIMIT).max_buf_size(HEADER_MAX).max_headers(HEADERS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEADER_MAX as u32)
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_EVERY);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(Box::pin(stream)), service).into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        // A client that breaks off, or is cut off, is none of our failures.
        if let Err(error) = connection.await {
            tracing::debug!(error, "a connection has ended early");
        }
        drop(taken);
    });
}

/// How many connections each address has.
#[derive(Debug, Clone)]
struct Addresses {
    each: usize,
    proxies: Proxies,
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One of them; it is counted until it is dropped.
#[derive(Debug)]
struct Entered {
    addresses: Addresses,
    address: Option<IpAddr>,
}

impl Addresses {
    fn new(each: usize, proxies: Proxies) -> Self {
        Self { each, proxies, counts: Arc::default() }
    }

    /// Counts one more, if it may be.
    fn enter(&self, address: IpAddr) -> Option<Entered> {
        let address = address.to_canonical();
        if address.is_loopback() || self.proxies.trusts(address) {
            return Some(Entered { addresses: self.clone(), address: None });
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= self.each {
            return None;
        }
        *count += 1;
        Some(Entered { addresses: self.clone(), address: Some(address) })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut counts = self.addresses.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_so_many_and_this_machine_any_number() {
        let addresses = Addresses::new(2, "10.0.0.0/8".parse().unwrap());
        let elsewhere: IpAddr = "203.0.113.7".parse().unwrap();
        let first = addresses.enter(elsewhere);
        let second = addresses.enter("::ffff:203.0.113.7".parse().unwrap());
        assert!(first.is_some() && second.is_some() && addresses.enter(elsewhere).is_none());
        assert!(addresses.enter("203.0.113.8".parse().unwrap()).is_some());
        drop(first);
        assert!(addresses.enter(elsewhere).is_some());
        drop(second);
        assert!(addresses.counts.lock().unwrap().is_empty(), "nobody is remembered who is gone");
        for any in ["127.0.0.1", "10.1.2.3"] {
            let many: Vec<_> = (0..1000).map(|_| addresses.enter(any.parse().unwrap())).collect();
            assert!(many.iter().all(Option::is_some), "{any}");
        }
    }

    #[tokio::test]
    async fn half_a_header_does_not_hold_a_connection() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (leave, left) = tokio::sync::oneshot::channel::<()>();
        let router = Router::new().route("/", axum::routing::get(|| async { "here" }));
        let serving =
            tokio::spawn(serve(listener, router, Caps { all: 205, each: 1, ..Caps::default() }, async { drop(left.await) }));
        let mut slow = Vec::new();
        for _ in 0..200 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: loc").await.unwrap();
            slow.push(stream);
        }
        let mut quick = TcpStream::connect(address).await.unwrap();
        quick.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        quick.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        // Every one of them is closed by the server, without a word or with a 408.
        for mut stream in slow {
            let mut rest = Vec::new();
            let closed = tokio::time::timeout(HEADER_LIMIT * 3, stream.read_to_end(&mut rest)).await;
            assert!(closed.is_ok(), "the server did not close it");
        }
        leave.send(()).unwrap();
        tokio::time::timeout(HEADER_LIMIT, serving).await.unwrap().unwrap().unwrap();
    }
}
