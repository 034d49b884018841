//! What happens to jobs, told as it happens to whoever listens in this process.
//!
//! News is never the truth: the database is. Whoever listens must look there too, now and then, and lose nothing but time when news is lost
//! (the listener was slow, the job is on another node). News is plain data, so that something else may carry it between nodes: it listens to
//! [`Bus::listen`], sends what is not [`Heard::from_elsewhere`], and hands in what comes with [`Bus::relay`].

use std::sync::Arc;

use easel_store::jobs::JobState;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

/// News that a slow listener may be behind before it misses some.
const BEHIND_MAX: usize = 1024;

/// Something that happened to a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct News {
    /// The job.
    pub job_id: String,
    /// Whose it is.
    pub user_id: String,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What {
    /// It is in the queue; workers may look.
    Queued,
    /// A worker has it, and the device is busy with others.
    Waiting {
        /// Requests ahead.
        position: u64,
        /// Until it is finished, if nobody more urgent comes.
        seconds_left: f64,
    },
    /// The device has begun.
    Started,
    /// A step is done.
    Step {
        /// Steps done.
        index: u32,
        /// Steps to do.
        total: u32,
        /// Until it is finished, as far as one can tell.
        seconds_left: f64,
    },
    /// What a picture looks like so far.
    Preview {
        /// Its place in the job, from 0.
        picture: u32,
        /// A small JPEG in base64.
        jpeg: String,
    },
    /// Pictures have been decoded.
    Decoded {
        /// Pictures decoded.
        index: u32,
        /// Pictures to decode.
        total: u32,
    },
    /// Its owner wants it no more; its worker has not stopped yet.
    CancelRequested,
    /// It has ended.
    Ended {
        /// How.
        state: JobState,
    },
}

/// News, and where it comes from.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The news.
    pub news: Arc<News>,
    /// Another node's.
    pub from_elsewhere: bool,
}

/// Who tells and who listens. Clones are the same bus.
#[derive(Debug, Clone)]
pub struct Bus(broadcast::Sender<Heard>);

impl Default for Bus {
    fn default() -> Self {
        Self(broadcast::Sender::new(BEHIND_MAX))
    }
}

impl Bus {
    /// Tells everybody here, and through whoever carries it everybody elsewhere.
    pub fn tell(&self, job_id: &str, user_id: &str, what: What) {
        let news = News { job_id: job_id.to_owned(), user_id: user_id.to_owned(), what };
        self.send(news, false);
    }

    /// Hands in what another node told.
    pub fn relay(&self, news: News) {
        self.send(news, true);
    }

    /// Hears everything from now on.
    pub fn listen(&self) -> broadcast::Receiver<Heard> {
        self.0.subscribe()
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        self.0.receiver_count()
    }

    fn send(&self, news: News, from_elsewhere: bool) {
        // An error means that nobody listens.
        let _ = self.0.send(Heard { news: Arc::new(news), from_elsewhere });
    }
}
