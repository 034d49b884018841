//! Many clients who ask for pictures, each as soon as it has the last one.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use reqwest::{Client, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Failure;

/// A server and how to get in.
pub struct Server {
    client: Client,
    url: String,
    key: Option<String>,
}

/// What one attempt came to.
enum Answer {
    /// PNG files.
    Pictures(Vec<Vec<u8>>),
    /// The server is full; when to ask again.
    Later(Duration),
}

impl Server {
    pub fn new(address: &str, key: Option<String>) -> Result<Self, Failure> {
        let client = Client::builder().timeout(Duration::from_secs(900)).build()?;
        Ok(Self { client, url: format!("{}/v1/images/generations", address.trim_end_matches('/')), key })
    }

    async fn ask(&self, body: &Value) -> Result<Answer, Failure> {
        let mut request = self.client.post(&self.url).header("content-type", "application/json").body(body.to_string());
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await?;
        let status = response.status();
        let after = response.headers().get("retry-after").and_then(|after| after.to_str().ok()?.parse().ok());
        let text = response.text().await?;
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            return Ok(Answer::Later(Duration::from_secs(after.unwrap_or(1))));
        }
        if !status.is_success() {
            return Err(format!("{status}: {text}").into());
        }
        let answer: Value = serde_json::from_str(&text)?;
        let pictures = answer["data"].as_array().ok_or("an answer without `data`")?.iter().map(|picture| {
            let png = BASE64.decode(picture["b64_json"].as_str().ok_or("a picture without `b64_json`")?)?;
            if png.starts_with(b"\x89PNG") { Ok(png) } else { Err(Failure::from("a picture that is no PNG")) }
        });
        let pictures = pictures.collect::<Result<Vec<_>, _>>()?;
        let wanted = body["n"].as_u64().unwrap_or(1);
        if pictures.len() as u64 != wanted {
            return Err(format!("{} pictures, and {wanted} were asked for", pictures.len()).into());
        }
        Ok(Answer::Pictures(pictures))
    }
}

/// A request and what it gave in company.
#[derive(Clone)]
pub struct Kept {
    pub body: Value,
    files: Vec<Vec<u8>>,
}

/// How the requests went.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// Requests that were answered with pictures.
    pub answered: u64,
    pub pictures: u64,
    /// Times the server said that it was full.
    pub refused: u64,
    /// What else went wrong, and how often.
    pub failures: BTreeMap<String, u64>,
    /// Seconds from the first attempt to the answer, in hundredths of the requests: the 50th, 95th and 99th.
    pub seconds: [f64; 3],
}

struct State {
    rng: SmallRng,
    asked: u64,
    counts: Counts,
    seconds: Vec<f32>,
    kept: Vec<Kept>,
}

/// The clients and what they have seen.
pub struct Traffic {
    server: Server,
    kept_max: usize,
    state: Mutex<State>,
}

impl Traffic {
    /// Keeps `kept_max` answers, any as likely as any other.
    pub fn new(server: Server, seed: u64, kept_max: usize) -> Self {
        let (rng, counts) = (SmallRng::seed_from_u64(seed), Counts::default());
        let state = State { rng, asked: 0, counts, seconds: Vec::new(), kept: Vec::new() };
        Self { server, kept_max, state: Mutex::new(state) }
    }

    /// Nobody panics with it, and counts would be good enough even then.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks until the time is up, and waits for what was asked.
    pub async fn drive(self: Arc<Self>, clients: usize, until: Instant) {
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..clients {
            let all = Arc::clone(&self);
            asking.spawn(async move {
                while Instant::now() < until {
                    let body = all.next();
                    let begun = Instant::now();
                    let answer = all.draw(&body).await;
                    all.took(body, answer, begun.elapsed());
                }
            });
        }
        asking.join_all().await;
    }

    fn next(&self) -> Value {
        let mut state = self.state();
        state.asked += 1;
        let asked = state.asked;
        body(&mut state.rng, asked)
    }

    /// Asks as often as it takes.
    async fn draw(&self, body: &Value) -> Result<Vec<Vec<u8>>, Failure> {
        loop {
            match self.server.ask(body).await? {
                Answer::Pictures(pictures) => return Ok(pictures),
                Answer::Later(after) => {
                    self.state().counts.refused += 1;
                    tokio::time::sleep(after).await;
                }
            }
        }
    }

    fn took(&self, body: Value, answer: Result<Vec<Vec<u8>>, Failure>, time: Duration) {
        let mut state = self.state();
        match answer {
            Ok(files) => {
                state.counts.answered += 1;
                state.counts.pictures += files.len() as u64;
                state.seconds.push(time.as_secs_f32());
                let answered = state.counts.answered;
                if state.kept.len() < self.kept_max {
                    state.kept.push(Kept { body, files });
                } else if let Ok(place) = usize::try_from(state.rng.random_range(0..answered))
                    && place < self.kept_max
                {
                    state.kept[place] = Kept { body, files };
                }
            }
            Err(error) => *state.counts.failures.entry(error.to_string()).or_default() += 1,
        }
    }

    /// How it went, and the answers that were kept.
    pub fn finish(&self) -> (Counts, Vec<Kept>) {
        let mut state = self.state();
        state.seconds.sort_by(f32::total_cmp);
        let all = state.seconds.len();
        let at = |share: f64| state.seconds.get(((all as f64 * share) as usize).min(all.saturating_sub(1))).copied();
        let seconds = [0.5, 0.95, 0.99].map(|share| at(share).map_or(0.0, f64::from));
        (Counts { seconds, ..state.counts.clone() }, state.kept.clone())
    }

    /// Whether a request gives the same pixels once more, when nobody else asks.
    pub async fn again(&self, kept: &Kept) -> Result<bool, Failure> {
        let alone = self.draw(&kept.body).await?;
        if alone.len() != kept.files.len() {
            return Ok(false);
        }
        for (alone, before) in alone.iter().zip(&kept.files) {
            if image::load_from_memory(alone)?.to_rgb8() != image::load_from_memory(before)?.to_rgb8() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn one<T: Copy>(rng: &mut SmallRng, list: &[T]) -> T {
    list[rng.random_range(0..list.len())]
}

/// A request that differs from others in everything; the built-in model draws it.
fn body(rng: &mut SmallRng, number: u64) -> Value {
    let colours = ["red", "green", "blue", "yellow", "orange", "purple", "white", "black"];
    let shapes = ["circle", "square", "triangle", "star", "cross"];
    let sampler = one(rng, &["euler", "euler_ancestral", "dpmpp_2m", "ddim", "heun"]);
    let mut body = json!({
        "prompt": format!("a {} {} on a {} background", one(rng, &colours), one(rng, &shapes), one(rng, &colours)),
        "seed": number * 7919,
        "num_inference_steps": rng.random_range(1..=20),
        "guidance_scale": one(rng, &[1.0, 3.0, 5.5, 7.5]),
        "sampler": sampler,
        "width": one(rng, &[64, 96, 128]),
        "height": one(rng, &[64, 96, 128]),
        "response_format": "b64_json",
    });
    if rng.random_range(0..2) == 0 {
        body["negative_prompt"] = json!(one(rng, &colours));
    }
    // DDIM is defined on its own timesteps only.
    if sampler != "ddim" && rng.random_range(0..3) == 0 {
        body["schedule"] = json!(one(rng, &["karras", "exponential"]));
    }
    if rng.random_range(0..10) == 0 {
        body["n"] = json!(2);
    }
    body
}
