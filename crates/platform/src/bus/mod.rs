//! What happens to jobs, told as it happens to whoever listens in this process.
//!
//! News is never the truth: the database is. Whoever listens must look there too, now and then, and lose nothing but time when news is lost
//! (the listener was slow, the job is on another node). News is plain data, so that [`Bus::carry`] takes it between nodes, by PostgreSQL's
//! LISTEN and NOTIFY or by Redis.
//!
//! | rule | file |
//! |---|---|
//! | a watcher's mailbox is bounded: previews go first, then progress; what changes a job's state stays | `mailbox.rs` |
//! | what crosses nodes fits; previews do not cross where they do not | `wire.rs` |
//! | the ways between nodes | `relay.rs` |
//! | connections that break are made again, and watchers told | `carry.rs` |

mod carry;
mod mailbox;
mod relay;
mod wire;

use std::sync::Arc;

use easel_store::jobs::JobState;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

pub use carry::Carrier;
pub use mailbox::{Update, Watched, Watching};
pub use relay::{Listening, PostgresRelay, RedisRelay, Relay, RelayError};

use mailbox::Watchers;

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
    /// The provider that draws it says that it is time to ask.
    ProviderAnswered,
    /// Its owner wants it no more; its worker has not stopped yet.
    CancelRequested,
    /// Its user leaves what they wait for, on whichever node it is drawn. Of no job: its `job_id` is empty.
    Leave {
        /// All of it, and not only the round it is at.
        all: bool,
    },
    /// How far a drawing of its user's is that a client waits for, said now and then for clients that ask another node. Of no job.
    Drawing {
        /// What its client calls it.
        task: String,
        /// When it began, as its clients write it.
        timestamp: String,
        /// Seconds since.
        seconds: f64,
        /// Passes to go through.
        jobs: u32,
        /// Passes that are through.
        job: u32,
        /// Steps done of this one.
        step: u32,
        /// Steps of this one.
        steps: u32,
        /// It has not begun.
        waiting: bool,
        /// The pass is to be left.
        skipped: bool,
        /// All of it is to be left.
        interrupted: bool,
    },
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
pub struct Bus {
    everybody: broadcast::Sender<Heard>,
    watchers: Arc<Watchers>,
}

impl Default for Bus {
    fn default() -> Self {
        Self { everybody: broadcast::Sender::new(BEHIND_MAX), watchers: Arc::default() }
    }
}

impl What {
    /// Whether it is said among nodes alone, and nothing that clients are told.
    pub fn is_among_nodes(&self) -> bool {
        matches!(self, Self::Leave { .. } | Self::Drawing { .. })
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
        self.everybody.subscribe()
    }

    /// Watches a job, or somebody's jobs, from now on, through a mailbox that loses previews before anything else. What happened before is
    /// not told of, so whoever watches looks the job up after this call.
    pub fn watch(&self, watched: Watched) -> Watching {
        Watchers::add(&self.watchers, watched)
    }

    /// How many watch.
    pub fn watchers(&self) -> usize {
        self.watchers.count()
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        self.everybody.receiver_count()
    }

    fn send(&self, news: News, from_elsewhere: bool) {
        let heard = Heard { news: Arc::new(news), from_elsewhere };
        self.watchers.put(&heard);
        // An error means that nobody listens.
        let _ = self.everybody.send(heard);
    }
}
