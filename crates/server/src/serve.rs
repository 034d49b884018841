//! The HTTP server: binding, saying where, serving, and leaving without cutting anybody off.
//!
//! Asked to stop (SIGINT, SIGTERM), it takes nothing new, finishes what it has begun, and after the drain limit (or a second signal) stops
//! what is left. A lost device ends the process with an error, so that a supervisor starts it again.

use std::{future::Future, net::SocketAddr, time::Duration};

use axum::Router;
use easel_engine::{Engine, State};
use easel_platform::worker::Worker;
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

use crate::{
    config::{Config, server::Role},
    edge::{self, Caps},
    error::{Exit, Failure, Result},
    output,
    runtime::Runtime,
    signals::Signals,
};

/// How long stopping what is left may take: one step of a slow device.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Serves until asked to stop.
pub async fn serve(
    config: &Config,
    runtime: &Runtime,
    router: Router,
    worker: Option<Worker>,
    setup: Option<&str>,
) -> Result<()> {
    let mut signals = Signals::listen()?;
    let listener = bind(SocketAddr::new(config.server.host, config.server.port)).await?;
    announce(&listener, config, setup)?;
    let engine = runtime.engine.clone();
    let caps = Caps { proxies: config.server.proxies.clone(), ..Caps::default() };
    let (leave, left) = tokio::sync::oneshot::channel::<()>();
    // An error means the sender is gone, which is a reason to leave too.
    let left = async { drop(left.await) };
    let mut server = tokio::spawn(edge::serve(listener, router, caps, left));
    let (mut working, rest) = work(worker.clone());
    tokio::select! {
        exit = signals.next() => tracing::info!(signal = ?exit, "stopping; finishing what has been begun"),
        () = failed(&engine) => return Err(runtime.failure()),
        result = &mut server => return ended(result),
    }
    let _ = rest.send(());
    engine.drain();
    let _ = leave.send(());
    let finished = async {
        // What fails is logged where it fails.
        while working.join_next().await.is_some() {}
        engine.stopped().await;
        (&mut server).await
    };
    match until(finished, config.server.drain, &mut signals).await {
        Some(result) => ended(result)?,
        None => {
            tracing::warn!("the drain limit is over; stopping what is left");
            engine.stop();
            let _ = tokio::time::timeout(STOP_LIMIT, engine.stopped()).await;
            server.abort();
        }
    }
    working.abort_all();
    if let Some(worker) = worker {
        match worker.hand_back().await {
            Ok(0) => {}
            Ok(jobs) => tracing::info!(jobs, "unfinished jobs were handed back"),
            Err(error) => tracing::warn!(error = ?error, "unfinished jobs were not handed back; their leases will end"),
        }
    }
    tracing::info!("stopped");
    Ok(())
}

/// Starts the worker, if this node has one; it rests when it is told to, or when whoever could tell it is gone.
fn work(worker: Option<Worker>) -> (JoinSet<()>, oneshot::Sender<()>) {
    let (rest, rested) = oneshot::channel();
    let mut working = JoinSet::new();
    if let Some(worker) = worker {
        working.spawn(async move {
            worker.run(async { drop(rested.await) }).await;
        });
    }
    (working, rest)
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let failure = Failure::io(format!("cannot listen on {address}"), &error);
        match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                failure.hint("another program listens there; choose another --port, or 0 for a free one")
            }
            std::io::ErrorKind::PermissionDenied => failure.hint("ports below 1024 are for the system; choose another --port"),
            std::io::ErrorKind::AddrNotAvailable => failure.hint("--host must be an address of this machine"),
            _ => failure,
        }
    })
}

/// Says where the server is, for people and for programs that start it: the first line on stdout is the address.
fn announce(listener: &TcpListener, config: &Config, setup: Option<&str>) -> Result<()> {
    let address = listener.local_addr().map_err(|error| Failure::io("cannot tell the address", &error))?;
    output::line(format_args!("listening on http://{address}"));
    let here = reachable(address);
    if config.server.role == Role::Worker {
        output::line(format_args!("takes jobs from the queue; http://{here}/health/ready says whether it does"));
    } else if let Some(token) = setup {
        let place = config.server.public_url.clone().unwrap_or_else(|| format!("http://{here}"));
        // Behind a `#`, where neither servers nor proxies see it.
        output::line(format_args!(
            "nobody administers this server yet: open {place}/setup#token={token}, or run `easel admin create-superuser`"
        ));
    } else if !config.accounts.required {
        output::line(format_args!(
            "try: curl -so out.png \"$(curl -s http://{here}/v1/images/generations -H 'content-type: application/json' \
             -d '{{\"prompt\": \"a red circle on a blue background\"}}' | grep -o 'http[^\"]*')\""
        ));
    }
    Ok(())
}

/// An address this machine reaches the server at.
fn reachable(address: SocketAddr) -> SocketAddr {
    let any = address.ip().is_unspecified();
    let local = if address.is_ipv6() { std::net::Ipv6Addr::LOCALHOST.into() } else { std::net::Ipv4Addr::LOCALHOST.into() };
    if any { SocketAddr::new(local, address.port()) } else { address }
}

/// Ends when the engine cannot work any more.
async fn failed(engine: &Engine) {
    let mut state = engine.watch();
    if state.wait_for(|state| *state == State::Failed).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The result of `work` if it comes within `limit` and before the next signal.
async fn until<T>(work: impl Future<Output = T>, limit: Duration, signals: &mut Signals) -> Option<T> {
    tokio::select! {
        result = work => Some(result),
        () = tokio::time::sleep(limit) => None,
        _ = signals.next() => None,
    }
}

fn ended(result: std::result::Result<std::io::Result<()>, tokio::task::JoinError>) -> Result<()> {
    match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failure::io("the server has stopped", &error)),
        Err(error) => Err(Failure::new(Exit::Failure, format!("the server has stopped: {error}"))),
    }
}
