//! Asks a running server for everything but pictures, at a fixed rate, and says how long it takes to answer.
//!
//! ```text
//! seed sqlite:DATA/easel.db --keys 50 > keys.txt
//! easel serve --data-dir DATA --port 8090 --rate-limit-per-minute 0 …
//! endpoints http://127.0.0.1:8090 --keys keys.txt --rate 500 --seconds 30
//! ```
//!
//! The load is open: requests come at random moments (Poisson) whether or not earlier ones have been answered, and the time counts from the
//! moment a request was due, so that a server that stops for a moment does not hide it by slowing its clients down.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use clap::Parser;
use easel_testing::{SEEDED_ALBUM, seeded_image};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use reqwest::{Client, Method, StatusCode};
use serde::Serialize;
use serde_json::json;

#[derive(Debug, Parser)]
#[command(about = "Asks a running server for everything but pictures, at a fixed rate")]
struct Options {
    /// The server's address
    server: String,
    /// A file with one API key on each line, the first one of the seeded person who has the most pictures
    #[arg(long)]
    keys: PathBuf,
    /// Requests a second
    #[arg(long, default_value_t = 500.0)]
    rate: f64,
    /// How long
    #[arg(long, default_value_t = 30.0)]
    seconds: f64,
    /// How long before anything counts
    #[arg(long, default_value_t = 5.0)]
    warm_up: f64,
    /// Pictures in the database
    #[arg(long, default_value_t = 1_000_000)]
    images: i64,
    /// The traffic's seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// One kind of request.
struct Kind {
    name: &'static str,
    /// How often, relatively.
    weight: u32,
    make: fn(&mut SmallRng, i64) -> Asked,
}

struct Asked {
    method: Method,
    path: String,
    body: Option<serde_json::Value>,
    /// By whom: the one with many pictures, anybody, nobody.
    by: By,
}

#[derive(Clone, Copy)]
enum By {
    Owner,
    Anybody,
    Nobody,
}

fn get(path: impl Into<String>, by: By) -> Asked {
    Asked { method: Method::GET, path: path.into(), body: None, by }
}

/// A picture that is public: every second one is, but of a thousand one is hidden and every fiftieth is in the trash.
fn public(rng: &mut SmallRng, images: i64) -> i64 {
    rng.random_range(0..images / 1000) * 1000 + 2 * rng.random_range(1..200)
}

/// What a site's visitors do that API keys allow: mostly look, now and then change something.
const KINDS: &[Kind] = &[
    Kind { name: "gallery", weight: 16, make: |_, _| get("/api/v1/images?limit=20", By::Anybody) },
    Kind { name: "gallery of 50,000", weight: 8, make: |_, _| get("/api/v1/images?limit=50", By::Owner) },
    Kind {
        name: "gallery, filtered",
        weight: 6,
        make: |rng, _| get(format!("/api/v1/images?model=model{}&limit=20", rng.random_range(0..5) * 4), By::Owner),
    },
    Kind {
        name: "search",
        weight: 8,
        make: |rng, _| get(format!("/api/v1/images?q=thing{}&limit=20", rng.random_range(0..50) * 20), By::Owner),
    },
    Kind {
        name: "own picture",
        weight: 10,
        // Every twentieth is the owner's.
        make: |rng, images| get(format!("/api/v1/images/{}", seeded_image(rng.random_range(0..images / 100) * 100)), By::Owner),
    },
    Kind { name: "public, recent", weight: 10, make: |_, _| get("/api/v1/images/public?limit=20", By::Nobody) },
    Kind { name: "public, trending", weight: 8, make: |_, _| get("/api/v1/images/public?sort=trending&limit=20", By::Nobody) },
    Kind {
        name: "public picture",
        weight: 10,
        make: |rng, images| get(format!("/api/v1/images/{}/public", seeded_image(public(rng, images))), By::Nobody),
    },
    Kind {
        name: "comments",
        weight: 4,
        make: |rng, images| get(format!("/api/v1/images/{}/comments", seeded_image(public(rng, images))), By::Anybody),
    },
    Kind { name: "albums", weight: 3, make: |_, _| get("/api/v1/albums", By::Owner) },
    Kind { name: "album", weight: 3, make: |_, _| get(format!("/api/v1/albums/{SEEDED_ALBUM}/images?limit=20"), By::Owner) },
    Kind { name: "me", weight: 8, make: |_, _| get("/api/v1/users/me", By::Anybody) },
    Kind { name: "balance", weight: 6, make: |_, _| get("/api/v1/credits/balance", By::Anybody) },
    Kind { name: "jobs", weight: 6, make: |_, _| get("/api/v1/jobs?limit=20", By::Owner) },
    Kind { name: "plans", weight: 2, make: |_, _| get("/api/v1/subscriptions/plans", By::Nobody) },
    Kind { name: "models", weight: 2, make: |_, _| get("/api/v1/models", By::Anybody) },
    Kind { name: "following", weight: 2, make: |_, _| get("/api/v1/users/me/following?limit=20", By::Anybody) },
    Kind {
        name: "quote",
        weight: 2,
        make: |_, _| Asked {
            method: Method::POST,
            path: "/api/v1/images/quote".to_owned(),
            body: Some(json!({ "prompt": "a cat", "n": 2 })),
            by: By::Anybody,
        },
    },
    Kind {
        name: "change a title",
        weight: 2,
        make: |rng, images| Asked {
            method: Method::PATCH,
            path: format!("/api/v1/images/{}", seeded_image(rng.random_range(0..images / 100) * 100)),
            body: Some(json!({ "title": "another title" })),
            by: By::Owner,
        },
    },
];

/// How one request went.
#[derive(Clone, Copy)]
struct Answer {
    kind: usize,
    millis: f64,
    /// `None`: no answer.
    status: Option<StatusCode>,
}

/// How the requests of one kind went. Times are milliseconds.
#[derive(Debug, Serialize)]
struct Line {
    name: String,
    requests: usize,
    failed: usize,
    /// Answers that were not a success, by status; 0 is none at all.
    failures: BTreeMap<u16, usize>,
    p50: f64,
    p95: f64,
    p99: f64,
    max: f64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let keys: Vec<String> =
        fs::read_to_string(&options.keys)?.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect();
    if keys.is_empty() {
        return Err(format!("{} has no keys; `seed --keys 50` prints some", options.keys.display()).into());
    }
    let answers = drive(&options, &keys).await?;
    let mut lines: Vec<Line> = (0..KINDS.len())
        .map(|kind| line(KINDS[kind].name, answers.iter().filter(|answer| answer.kind == kind)))
        .filter(|line| line.requests > 0)
        .collect();
    lines.push(line("all", answers.iter()));
    if options.json {
        println!("{}", serde_json::to_string_pretty(&lines)?);
    } else {
        println!("{:<20} {:>8} {:>7} {:>8} {:>8} {:>8} {:>8}", "ms", "requests", "failed", "p50", "p95", "p99", "max");
        for Line { name, requests, failed, failures, p50, p95, p99, max } in &lines {
            let why = if failures.is_empty() { String::new() } else { format!("  {failures:?}") };
            println!("{name:<20} {requests:>8} {failed:>7} {p50:>8.1} {p95:>8.1} {p99:>8.1} {max:>8.1}{why}");
        }
    }
    if lines.iter().any(|line| line.failed > 0) { Err("some requests failed".into()) } else { Ok(()) }
}

/// Sends everything, each at its moment, and waits for all answers. Those of the warm-up are left out.
async fn drive(options: &Options, keys: &[String]) -> Result<Vec<Answer>, Box<dyn Error>> {
    let client = Client::builder().timeout(Duration::from_secs(30)).build()?;
    let mut rng = SmallRng::seed_from_u64(options.seed);
    let total: u32 = KINDS.iter().map(|kind| kind.weight).sum();
    let answers = Arc::new(Mutex::new(Vec::new()));
    let (begun, mut at, mut sent) = (Instant::now(), 0.0f64, tokio::task::JoinSet::new());
    while at < options.warm_up + options.seconds {
        let mut pick = rng.random_range(0..total);
        let kind = KINDS.iter().position(|kind| {
            let here = pick < kind.weight;
            pick = pick.saturating_sub(kind.weight);
            here
        });
        let kind = kind.unwrap_or_default();
        let Asked { method, path, body, by } = (KINDS[kind].make)(&mut rng, options.images);
        let mut request = client.request(method, format!("{}{path}", options.server));
        let key = match by {
            By::Owner => Some(&keys[0]),
            By::Anybody => Some(&keys[rng.random_range(0..keys.len())]),
            By::Nobody => None,
        };
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let due = begun + Duration::from_secs_f64(at);
        let counts = at >= options.warm_up;
        let answers = Arc::clone(&answers);
        tokio::time::sleep_until(due.into()).await;
        sent.spawn(async move {
            let status = match request.send().await {
                Ok(response) => {
                    let status = response.status();
                    response.bytes().await.ok().map(|_| status)
                }
                Err(_) => None,
            };
            let answer = Answer { kind, millis: due.elapsed().as_secs_f64() * 1e3, status };
            if counts {
                answers.lock().expect("nobody panics with it").push(answer);
            }
        });
        at -= rng.random_range(f64::MIN_POSITIVE..1.0f64).ln() / options.rate;
    }
    sent.join_all().await;
    let answers = std::mem::take(&mut *answers.lock().expect("nobody panics with it"));
    Ok(answers)
}

fn line<'a>(name: &str, answers: impl Iterator<Item = &'a Answer>) -> Line {
    let mut failures = BTreeMap::new();
    let mut millis: Vec<f64> = answers
        .map(|answer| {
            if !answer.status.is_some_and(|status| status.is_success()) {
                *failures.entry(answer.status.map_or(0, |status| status.as_u16())).or_default() += 1;
            }
            answer.millis
        })
        .collect();
    millis.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| millis.get(((millis.len() as f64 * share) as usize).min(millis.len().saturating_sub(1))).copied();
    let [p50, p95, p99, max] = [0.5, 0.95, 0.99, 1.0].map(|share| at(share).unwrap_or_default());
    Line { name: name.to_owned(), requests: millis.len(), failed: failures.values().sum(), failures, p50, p95, p99, max }
}
