//! The worker: takes jobs that this node can serve, has the engine draw them, stores what comes out, and ends them.
//!
//! Runs on async threads and never on a device's. It holds each job by a lease that a task of its own renews (`held.rs`), stops within a step
//! when the lease is lost or the job is cancelled, and stores the bytes of every picture before the job is finished (`keep.rs`), so that a
//! crash at any point leaves a job that is begun again and a file that the second attempt writes anew.
//!
//! | step | file |
//! |---|---|
//! | holding a job | `held.rs` |
//! | drawing | `draw.rs` |
//! | enlarging | `upscale.rs` |
//! | reading the pictures it starts from | `sources.rs` |
//! | having it drawn elsewhere | `elsewhere.rs` |
//! | storing | `keep.rs` |

mod draw;
mod elsewhere;
mod held;
mod infotext;
mod keep;
mod sources;
mod trouble;
mod upscale;

use std::{collections::BTreeSet, future::Future, sync::Arc, time::Duration};

use easel_engine::{Engine, State};
use easel_store::jobs::Job;
use tokio::{sync::broadcast::error::RecvError, task::JoinSet};

use crate::{
    Platform, PlatformError,
    bus::What,
    fallback::Fallback,
    jobs::Results,
    orders::{NO_MODEL, Order, Work},
};

pub use held::{Held, Stop};
pub use infotext::infotext;
pub(crate) use keep::{BLOCKED, FLAGGED, UNSEEN};
pub use keep::{Keeper, Kept, Writing};
pub(crate) use sources::blocking;
pub use trouble::Trouble;

/// How a worker works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSettings {
    /// What it is called in leases: unique among all nodes, and new each time it starts.
    pub name: String,
    /// Jobs it has at a time. The engine shares the device among them.
    pub jobs_max: usize,
    /// Jobs that it has done elsewhere at a time, beside those.
    pub away_max: usize,
    /// How often it looks for jobs when nobody tells it of one.
    pub look_every: Duration,
    /// How long a job may wait for the device and be drawn.
    pub time_limit: Duration,
    /// How long the device may take for a job that it has begun, if that is less.
    pub device_limit: Option<Duration>,
    /// Evaluations between two previews.
    pub preview_every: u32,
    /// Write what a picture was made with into its file.
    pub write_parameters: bool,
}

impl WorkerSettings {
    /// With the usual times.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            jobs_max: 16,
            away_max: 16,
            look_every: Duration::from_secs(1),
            time_limit: Duration::from_secs(15 * 60),
            device_limit: None,
            preview_every: 2,
            write_parameters: true,
        }
    }
}

/// A worker. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Worker {
    platform: Arc<Platform>,
    engine: Engine,
    keeper: Keeper,
    settings: Arc<WorkerSettings>,
    fallback: Option<Fallback>,
}

impl Worker {
    /// Over this platform and this engine.
    pub fn new(platform: Arc<Platform>, engine: Engine, settings: WorkerSettings) -> Self {
        let keeper = Keeper::new(Arc::clone(&platform), settings.write_parameters);
        Self { platform, engine, keeper, settings: Arc::new(settings), fallback: None }
    }

    /// What this node cannot do is done elsewhere, where that is allowed.
    #[must_use]
    pub fn with_fallback(self, fallback: Option<Fallback>) -> Self {
        Self { fallback, ..self }
    }

    /// Works until `stop` comes, then takes nothing new, finishes what it has begun, and returns. Whoever does not want to wait for that drops
    /// this and calls [`Self::hand_back`].
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut news = self.platform.jobs.bus().listen();
        let (mut working, mut away) = (JoinSet::new(), JoinSet::new());
        let mut stop = std::pin::pin!(stop);
        loop {
            let room = self.settings.jobs_max.saturating_sub(working.len());
            for job in self.claim(room).await {
                let worker = self.clone();
                working.spawn(async move { worker.work(job).await });
            }
            // They wait for others and take nothing of the device.
            let leave = self.settings.away_max.saturating_sub(away.len());
            for job in self.claim_leaving(leave).await {
                let worker = self.clone();
                away.spawn(async move { worker.work(job).await });
            }
            tokio::select! {
                () = &mut stop => break,
                Some(_) = working.join_next() => {}
                Some(_) = away.join_next() => {}
                () = queued(&mut news), if room > 0 => {}
                () = tokio::time::sleep(self.settings.look_every) => {}
            }
        }
        while working.join_next().await.is_some() || away.join_next().await.is_some() {}
    }

    /// Gives back what it has, for other workers; what it draws is in vain. Not an attempt.
    pub async fn hand_back(&self) -> Result<usize, PlatformError> {
        self.platform.jobs.hand_back(&self.settings.name).await
    }

    async fn claim(&self, room: usize) -> Vec<Job> {
        if room == 0 || self.engine.status().state != State::Ready {
            return Vec::new();
        }
        let mut models: BTreeSet<String> = self.engine.models().iter().map(|model| model.id.0.clone()).collect();
        models.insert(NO_MODEL.to_owned());
        let models: Vec<_> = models.into_iter().collect();
        let limit = i64::try_from(room).unwrap_or(i64::MAX);
        self.platform.jobs.claim(&self.settings.name, Some(&models), limit).await.unwrap_or_else(|error| {
            tracing::warn!(error = ?error, "no jobs can be taken");
            Vec::new()
        })
    }

    /// Jobs that may leave by now, whatever their model; without a device, those too that would have waited for it.
    async fn claim_leaving(&self, room: usize) -> Vec<Job> {
        let Some(fallback) = self.fallback.as_ref().filter(|fallback| room > 0 && fallback.is_on()) else { return Vec::new() };
        let now = self.platform.context.now();
        let leaves_by = match self.engine.status().state {
            State::Loading | State::Ready => now,
            State::Failed => now.after(fallback.settings().rules.max_wait),
            State::Draining | State::Stopped => return Vec::new(),
        };
        let limit = i64::try_from(room).unwrap_or(i64::MAX);
        self.platform.jobs.claim_leaving(&self.settings.name, leaves_by, limit).await.unwrap_or_else(|error| {
            tracing::warn!(error = ?error, "no jobs can be taken");
            Vec::new()
        })
    }

    /// Does one job, whatever comes of it.
    async fn work(&self, job: Job) {
        let Some(mut held) = Held::begin(&self.platform.jobs, &job) else { return };
        let done = match Order::from_json(&job.request) {
            Some(order) => self.fulfil(&job, &order, &mut held).await,
            None => Err(Trouble::refused("order_unknown", "this version of the server does not understand the job")),
        };
        match done {
            Ok(results) => held.finish(&results).await,
            Err(trouble) => held.fail(trouble).await,
        }
    }

    async fn fulfil(&self, job: &Job, order: &Order, held: &mut Held) -> Result<Results, Trouble> {
        match &order.work {
            Work::Draw(drawing) => self.draw_or_send(job, order, drawing, held).await,
            Work::Upscale { source, factor } => self.upscale(job, order, source, *factor, held).await,
        }
    }
}

/// Returns when a job was put into the queue, or may have been.
async fn queued(news: &mut tokio::sync::broadcast::Receiver<crate::bus::Heard>) {
    loop {
        match news.recv().await {
            Ok(heard) if heard.news.what == What::Queued => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending::<()>().await,
        }
    }
}
