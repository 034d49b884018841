//! Drives a running server with pictures for a long time, and says whether its memory stays flat and its pictures stay the same.
//!
//! ```text
//! easel serve --data-dir DATA --port 8090 --rate-limit-per-minute 0 & echo $!
//! soak http://127.0.0.1:8090 --pid PID --minutes 30 --clients 100 --report docs/benchmarks
//! ```
//!
//! The load is closed: every client asks for its next picture when it has its last one, so that the server is never without work, and asks again
//! after the time it is told where the server is full. Every request differs from the one before in everything that a body can say. The command
//! fails if memory grows, if a request does, or if a picture differs from the one that the same request gives alone, afterwards.
//!
//! Linux only: what a process has in memory is read from `/proc`.

mod memory;
mod plot;
mod report;
mod traffic;

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;

use crate::{
    memory::{Sample, judge},
    report::Report,
    traffic::{Server, Traffic},
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Parser)]
#[command(name = "soak", about = "Drives a running server with pictures and watches its memory")]
struct Options {
    /// The server's address
    server: String,
    /// Its process, on this machine
    #[arg(long)]
    pid: u32,
    /// How long
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// How many ask at once
    #[arg(long, default_value_t = 100)]
    clients: usize,
    /// Seconds from one look at the process to the next
    #[arg(long, default_value_t = 10.0)]
    every: f64,
    /// How many pictures are made again alone and compared
    #[arg(long, default_value_t = 50)]
    checked: usize,
    /// How much memory may grow while it is judged, as a share of all of it
    #[arg(long, default_value_t = 0.02)]
    tolerance: f64,
    /// An API key, where the server wants one
    #[arg(long, env = "EASEL_API_KEY", hide_env_values = true)]
    key: Option<String>,
    /// The traffic's seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A folder that gets soak.json, soak.svg and soak.md
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Looks at the process until everybody has what they asked for.
async fn watch(options: &Options, begun: Instant, traffic: impl Future<Output = ()>) -> Result<Vec<Sample>, Failure> {
    let mut samples = Vec::new();
    let mut looks = tokio::time::interval(Duration::from_secs_f64(options.every));
    let mut traffic = std::pin::pin!(traffic);
    loop {
        tokio::select! {
            () = &mut traffic => return Ok(samples),
            _ = looks.tick() => samples.push(memory::sample(options.pid, begun.elapsed().as_secs_f64())?),
        }
    }
}

async fn run(options: &Options) -> Result<Report, Failure> {
    let server = Server::new(&options.server, options.key.clone())?;
    let begun = Instant::now();
    let until = begun + Duration::from_secs_f64(options.minutes * 60.0);
    let traffic = Arc::new(Traffic::new(server, options.seed, options.checked));
    let mut samples = watch(options, begun, Arc::clone(&traffic).drive(options.clients, until)).await?;
    // The last requests are answered by fewer and fewer clients: that is not the load that memory is judged under.
    samples.retain(|sample| sample.seconds <= options.minutes * 60.0);
    let verdict = judge(&samples, options.tolerance)?;
    let (counts, kept) = traffic.finish();
    let mut differing = Vec::new();
    for picture in &kept {
        if !traffic.again(picture).await? {
            differing.push(picture.body.clone());
        }
    }
    Ok(Report {
        minutes: options.minutes,
        clients: options.clients,
        every: options.every,
        tolerance: options.tolerance,
        counts,
        checked: kept.len(),
        differing,
        verdict,
        samples,
    })
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let done = run(&options).await.and_then(|report| {
        if let Some(folder) = &options.report {
            report.write(folder)?;
        }
        print!("{}", report.words());
        Ok(report.good())
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}
