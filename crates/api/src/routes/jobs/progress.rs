//! What whoever watches a job is told: news as it comes, steps no more often than people can see, and the end for certain.
//!
//! News may be lost, or be told on another node. So the database is looked at every second too: the end is always told, and a watcher never
//! waits for a job that has ended.

use std::{sync::Arc, time::Duration};

use easel_engine::State as EngineState;
use easel_platform::{
    bus::{Heard, News, What},
    records::{Job, JobState},
};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, Interval, MissedTickBehavior, interval},
};

use crate::AppState;

/// How often the database is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two steps that are told: five a second.
const STEPS_APART: Duration = Duration::from_millis(200);

/// Lets through what a watcher is to be told of.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last_step: Option<Instant>,
}

impl Pace {
    /// Steps come five a second at most, the last one always.
    pub(super) fn lets_through(&mut self, what: &What) -> bool {
        let What::Step { index, total, .. } = what else { return true };
        let now = Instant::now();
        let due = self.last_step.is_none_or(|last| now.duration_since(last) >= STEPS_APART);
        if due {
            self.last_step = Some(now);
        }
        due || index == total
    }
}

/// Ticks for looking at the database.
pub(super) fn looks() -> Interval {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

/// The next news of somebody's jobs; `None` if some was missed.
pub(super) async fn next_of(news: &mut Receiver<Heard>, user_id: &str) -> Option<Arc<News>> {
    loop {
        match news.recv().await {
            Ok(heard) if heard.news.user_id == user_id && !heard.news.what.is_among_nodes() => return Some(heard.news),
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return None,
            Err(RecvError::Closed) => std::future::pending::<()>().await,
        }
    }
}

/// This node is leaving, and has nothing more to tell of the job.
pub(super) fn is_leaving(state: &AppState, job: Option<&Job>) -> bool {
    match state.engine.status().state {
        EngineState::Loading | EngineState::Ready => false,
        EngineState::Draining => job.is_none_or(|job| job.state != JobState::Processing),
        EngineState::Stopped | EngineState::Failed => true,
    }
}
