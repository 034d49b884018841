//! A job that this process has: its lease is renewed for as long as there is a sign of life, and whoever draws hears when to stop.
//!
//! The heart beats on a task of its own, never on a device's thread. A job whose device says nothing for [`STALLED`] after it has begun is no
//! longer vouched for: its lease ends and somebody else begins it again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use easel_store::{
    jobs::Job,
    leases::{Beat, Lease},
};
use tokio::{
    sync::{broadcast::error::RecvError, watch},
    task::JoinHandle,
    time::Instant,
};

use super::Trouble;
use crate::{
    PlatformError,
    bus::{Heard, What},
    jobs::{Failure, Jobs, Results},
};

/// Silence of a device that has begun, after which nobody vouches for it.
const STALLED: Duration = Duration::from_secs(600);
/// How often a result is offered to a database that does not answer, and the pause in between.
const OFFERS: u32 = 6;
const OFFER_PAUSE: Duration = Duration::from_secs(2);
/// No sign of life is expected yet.
const NOT_BEGUN: u64 = u64::MAX;

/// Why to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Its owner wants it no more.
    Cancelled,
    /// Somebody else has it, or it has ended.
    Lost,
}

/// A job that this process has.
#[derive(Debug)]
pub struct Held {
    jobs: Jobs,
    lease: Lease,
    pulse: Arc<Pulse>,
    stop: watch::Receiver<Option<Stop>>,
    heart: JoinHandle<()>,
    given_up_when_dropped: bool,
}

#[derive(Debug)]
struct Pulse {
    begun: Instant,
    progress: AtomicI64,
    /// Milliseconds after `begun`.
    last_sign: AtomicU64,
}

impl Pulse {
    fn new() -> Self {
        Self { begun: Instant::now(), progress: AtomicI64::new(0), last_sign: AtomicU64::new(NOT_BEGUN) }
    }

    fn sign(&self) {
        let since = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(NOT_BEGUN - 1);
        self.last_sign.store(since, Ordering::Relaxed);
    }

    fn is_stalled(&self) -> bool {
        let last = self.last_sign.load(Ordering::Relaxed);
        last != NOT_BEGUN && self.begun.elapsed() > Duration::from_millis(last) + STALLED
    }
}

impl Held {
    /// Starts to vouch for a job that was just claimed; `None` if it was not.
    pub fn begin(jobs: &Jobs, job: &Job) -> Option<Self> {
        let lease = Jobs::lease_of(job)?;
        let pulse = Arc::new(Pulse::new());
        let (tell, stop) = watch::channel(None);
        let heart = Heart { jobs: jobs.clone(), lease: lease.clone(), pulse: Arc::clone(&pulse), tell };
        let heart = tokio::spawn(heart.beat());
        Some(Self { jobs: jobs.clone(), lease, pulse, stop, heart, given_up_when_dropped: false })
    }

    /// For jobs whose owner waits for the answer: when whoever draws it goes away, it is not done by somebody else.
    pub fn given_up_when_dropped(mut self) -> Self {
        self.given_up_when_dropped = true;
        self
    }

    /// Whether nobody else does it when this is dropped.
    pub(crate) fn is_given_up_when_dropped(&self) -> bool {
        self.given_up_when_dropped
    }

    /// What it is held by.
    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The device is alive, and so far (thousandths).
    pub fn sign(&self, progress: i64) {
        self.pulse.progress.store(progress, Ordering::Relaxed);
        self.pulse.sign();
    }

    /// Returns when the job must not go on.
    pub async fn stopped(&mut self) -> Stop {
        match self.stop.wait_for(Option::is_some).await.map(|stop| *stop) {
            Ok(Some(stop)) => stop,
            // The heart has stopped without a word, which it does only when nobody vouches for the job.
            _ => Stop::Lost,
        }
    }

    /// Ends the job with its pictures.
    pub async fn finish(mut self, results: &Results) {
        self.given_up_when_dropped = false;
        if let Err(error) = self.offer(results).await {
            tracing::error!(job = self.lease.job_id, error = ?error, "a job's pictures are stored and it could not be ended; it will be begun again");
        }
    }

    /// Ends the job with its pictures, or says why it cannot be.
    pub async fn deliver(mut self, results: &Results) -> Result<(), PlatformError> {
        let delivered = self.offer(results).await;
        self.given_up_when_dropped = delivered.is_err();
        delivered
    }

    async fn offer(&self, results: &Results) -> Result<(), PlatformError> {
        for _ in 1..OFFERS {
            match self.jobs.finish(&self.lease, results).await {
                Err(PlatformError::Store(error)) => tracing::warn!(error = ?error, "a job cannot be ended yet"),
                done => return done,
            }
            tokio::time::sleep(OFFER_PAUSE).await;
        }
        self.jobs.finish(&self.lease, results).await
    }

    /// Ends a job that nobody wants any more: nothing is paid.
    pub async fn give_up(mut self) {
        self.given_up_when_dropped = false;
        if let Err(error) = self.jobs.give_up(&self.lease).await {
            tracing::error!(job = self.lease.job_id, error = ?error, "a job nobody wants could not be ended; its lease will be");
        }
    }

    /// Ends the job without pictures, or puts it back.
    pub async fn fail(mut self, trouble: Trouble) {
        self.given_up_when_dropped = false;
        let (code, message, retryable) = match &trouble {
            Trouble::Failed { code, message, retryable } => (*code, message.as_str(), *retryable),
            Trouble::Stopped(Stop::Cancelled) => ("cancelled", "the job was cancelled", false),
            // Not ours to end; what we still have is handed back when we leave.
            Trouble::Stopped(Stop::Lost) | Trouble::Leaving => return,
        };
        match self.jobs.fail(&self.lease, Failure { code, message, retryable }).await {
            Ok(_) | Err(PlatformError::LeaseLost) => {}
            Err(error) => tracing::error!(job = self.lease.job_id, error = ?error, "a job could not be ended; its lease will be"),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.heart.abort();
        if !self.given_up_when_dropped {
            return;
        }
        // Without a runtime the process is ending, and the lease ends by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (jobs, lease) = (self.jobs.clone(), self.lease.clone());
            runtime.spawn(async move {
                if let Err(error) = jobs.give_up(&lease).await {
                    tracing::warn!(job = lease.job_id, error = ?error, "a job nobody waits for could not be ended; its lease will be");
                }
            });
        }
    }
}

/// What renews a lease.
struct Heart {
    jobs: Jobs,
    lease: Lease,
    pulse: Arc<Pulse>,
    tell: watch::Sender<Option<Stop>>,
}

impl Heart {
    async fn beat(self) {
        let mut news = self.jobs.bus().listen();
        let pause = self.jobs.settings().lease / 6;
        loop {
            let asked = cancellation(&mut news, &self.lease.job_id);
            // Whichever comes first: a beat also tells whether the job is cancelled.
            let _ = tokio::time::timeout(pause, asked).await;
            if self.pulse.is_stalled() {
                tracing::error!(job = self.lease.job_id, "the device has said nothing for long; the job is left to others");
                return;
            }
            match self.jobs.heartbeat(&self.lease, self.pulse.progress.load(Ordering::Relaxed)).await {
                Ok(Beat::Held) => {}
                Ok(Beat::Cancelled) => drop(self.tell.send_replace(Some(Stop::Cancelled))),
                Ok(Beat::Lost) => {
                    self.tell.send_replace(Some(Stop::Lost));
                    return;
                }
                Err(error) => tracing::warn!(job = self.lease.job_id, error = ?error, "a lease could not be renewed"),
            }
        }
    }
}

/// Returns when the job's owner wants it no more, or may have said so.
async fn cancellation(news: &mut tokio::sync::broadcast::Receiver<Heard>, job_id: &str) {
    loop {
        match news.recv().await {
            Ok(heard) if heard.news.job_id == job_id && heard.news.what == What::CancelRequested => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending::<()>().await,
        }
    }
}
