//! What is being drawn for whom, so that progress, interrupt and skip reach the caller's own and nobody else's.
//!
//! A1111 knows one job at a time. Here somebody may have several: progress shows the oldest, interrupt and skip reach all.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use easel_engine::{Canceller, Event};
use easel_platform::bus::What;
use easel_types::Rgb8;
use tokio::sync::Notify;

/// Names of tasks that have ended and are still known as such.
const ENDED_MAX: usize = 16;
/// People whose ended tasks are known.
const PEOPLE_MAX: usize = 10_000;

/// Everybody's.
#[derive(Debug, Default)]
pub struct Tasks(Mutex<HashMap<String, Person>>);

#[derive(Debug, Default)]
struct Person {
    running: Vec<Arc<Task>>,
    ended: VecDeque<String>,
}

/// A request that is being drawn.
#[derive(Debug)]
pub struct Task {
    /// What its client calls it, or a name of ours.
    pub id: String,
    /// When it began, as A1111 writes it.
    pub timestamp: String,
    begun: Instant,
    seen: Mutex<Seen>,
    told: Notify,
}

/// What is seen of a task at a moment.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Passes to go through: rounds, twice as many with a second pass.
    pub jobs: u32,
    /// Passes that are through.
    pub job: u32,
    /// Steps done of this one.
    pub step: u32,
    /// Steps of this one.
    pub steps: u32,
    /// It has not begun.
    pub waiting: bool,
    /// What it looks like.
    pub preview: Option<Rgb8>,
    /// Counts previews.
    pub previews: u64,
    /// The pass is to be left.
    pub skipped: bool,
    /// All of it is to be left.
    pub interrupted: bool,
    pub(super) running: Vec<Canceller>,
    pub(super) shares: Vec<f64>,
}

impl Seen {
    /// The share that is done.
    pub fn progress(&self) -> f64 {
        let within = if self.steps == 0 { 0.0 } else { f64::from(self.step) / f64::from(self.steps) };
        ((f64::from(self.job) + within) / f64::from(self.jobs.max(1))).clamp(0.0, 1.0)
    }
}

/// A task at a moment, whichever node draws it.
#[derive(Debug, Clone)]
pub struct Moment {
    /// What its client calls it.
    pub id: String,
    /// When it began, as A1111 writes it.
    pub timestamp: String,
    /// Seconds since.
    pub seconds: f64,
    /// How far it is.
    pub seen: Seen,
}

impl Moment {
    /// For other nodes; previews stay here.
    pub fn news(&self) -> What {
        let Seen { jobs, job, step, steps, waiting, skipped, interrupted, .. } = self.seen;
        let (task, timestamp, seconds) = (self.id.clone(), self.timestamp.clone(), self.seconds);
        What::Drawing { task, timestamp, seconds, jobs, job, step, steps, waiting, skipped, interrupted }
    }

    /// As another node has said; `None` for other news.
    pub fn of(news: &What) -> Option<Self> {
        let What::Drawing { task, timestamp, seconds, jobs, job, step, steps, waiting, skipped, interrupted } = news else {
            return None;
        };
        let seen = Seen {
            jobs: *jobs,
            job: *job,
            step: *step,
            steps: *steps,
            waiting: *waiting,
            skipped: *skipped,
            interrupted: *interrupted,
            ..Seen::default()
        };
        Some(Self { id: task.clone(), timestamp: timestamp.clone(), seconds: *seconds, seen })
    }
}

impl Task {
    /// A look at it, with what it is called and how long it takes by now.
    pub fn moment(&self) -> Moment {
        let (id, timestamp) = (self.id.clone(), self.timestamp.clone());
        Moment { id, timestamp, seconds: self.begun.elapsed().as_secs_f64(), seen: self.look() }
    }

    /// A pass begins.
    pub fn pass(&self, job: u32, steps: u32, running: Vec<Canceller>) {
        let mut seen = self.seen();
        (seen.job, seen.step, seen.steps) = (job, 0, steps);
        (seen.skipped, seen.waiting) = (false, true);
        seen.shares = vec![0.0; running.len()];
        // Somebody may have interrupted just before.
        if seen.interrupted {
            running.iter().for_each(Canceller::cancel);
        }
        seen.running = running;
    }

    /// Something happened to one of the requests of this pass.
    pub fn hear(&self, request: usize, event: &Event) {
        let mut seen = self.seen();
        match event {
            Event::Started => seen.waiting = false,
            Event::Step { index, total, .. } => {
                seen.waiting = false;
                if let Some(share) = seen.shares.get_mut(request) {
                    *share = f64::from(*index) / f64::from((*total).max(1));
                }
                let mean = seen.shares.iter().sum::<f64>() / seen.shares.len().max(1) as f64;
                seen.steps = seen.steps.max(1);
                seen.step = (mean * f64::from(seen.steps)).round() as u32;
            }
            Event::Preview { image, .. } => {
                seen.preview = Some(image.clone());
                seen.previews += 1;
            }
            _ => {}
        }
    }

    /// A look at it.
    pub fn look(&self) -> Seen {
        self.seen().clone()
    }

    /// Whether this pass was to be left.
    pub fn is_left(&self) -> bool {
        let seen = self.seen();
        seen.skipped || seen.interrupted
    }

    /// Whether all of it was.
    pub fn is_interrupted(&self) -> bool {
        self.seen().interrupted
    }

    /// Returns when this pass is to be left: for passes that the engine does not draw, and so cannot stop.
    pub async fn left(&self) {
        loop {
            // Before the look, so that nothing is missed in between.
            let told = self.told.notified();
            if self.is_left() {
                return;
            }
            told.await;
        }
    }

    /// It is to be left: all of it, or the pass it is at.
    pub fn leave(&self, all: bool) {
        let mut seen = self.seen();
        seen.skipped = true;
        seen.interrupted |= all;
        seen.running.iter().for_each(Canceller::cancel);
        self.told.notify_waiters();
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tasks {
    /// A task begins; it ends when what is returned is dropped.
    pub fn enter(self: &Arc<Self>, user_id: &str, id: Option<String>, jobs: u32, timestamp: String) -> Entered {
        let id = id.unwrap_or_else(|| format!("task({})", uuid::Uuid::now_v7().simple()));
        let seen = Seen { jobs, waiting: true, ..Seen::default() };
        let task = Arc::new(Task { id, timestamp, begun: Instant::now(), seen: Mutex::new(seen), told: Notify::new() });
        self.all().entry(user_id.to_owned()).or_default().running.push(Arc::clone(&task));
        Entered { tasks: Arc::clone(self), user_id: user_id.to_owned(), task }
    }

    /// All of somebody's, the oldest first.
    pub fn running(&self, user_id: &str) -> Vec<Arc<Task>> {
        self.all().get(user_id).map(|person| person.running.clone()).unwrap_or_default()
    }

    /// Whether a task of somebody's has ended lately.
    pub fn has_ended(&self, user_id: &str, id: &str) -> bool {
        self.all().get(user_id).is_some_and(|person| person.ended.iter().any(|ended| ended == id))
    }

    /// Leaves all of somebody's.
    pub fn interrupt(&self, user_id: &str) {
        self.running(user_id).iter().for_each(|task| task.leave(true));
    }

    /// Leaves the passes they are at.
    pub fn skip(&self, user_id: &str) {
        self.running(user_id).iter().for_each(|task| task.leave(false));
    }

    fn end(&self, user_id: &str, task: &Arc<Task>) {
        let mut all = self.all();
        if all.len() > PEOPLE_MAX {
            all.retain(|_, person| !person.running.is_empty());
        }
        let Some(person) = all.get_mut(user_id) else { return };
        person.running.retain(|running| !Arc::ptr_eq(running, task));
        person.ended.push_back(task.id.clone());
        if person.ended.len() > ENDED_MAX {
            person.ended.pop_front();
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Person>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task for as long as somebody waits for it.
#[derive(Debug)]
pub struct Entered {
    tasks: Arc<Tasks>,
    user_id: String,
    /// The task.
    pub task: Arc<Task>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.tasks.end(&self.user_id, &self.task);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn enter(tasks: &Arc<Tasks>, user: &str, id: &str) -> Entered {
        tasks.enter(user, Some(id.to_owned()), 2, "0".to_owned())
    }

    fn oldest(tasks: &Tasks, user: &str) -> Option<String> {
        tasks.running(user).first().map(|task| task.id.clone())
    }

    #[test]
    fn everybody_sees_and_leaves_their_own() {
        let tasks = Arc::new(Tasks::default());
        let (ada, eve) = (enter(&tasks, "ada", "a"), enter(&tasks, "eve", "e"));
        tasks.interrupt("eve");
        assert!(eve.task.is_interrupted() && !ada.task.is_left());
        tasks.skip("ada");
        assert!(ada.task.is_left() && !ada.task.is_interrupted());
        ada.task.pass(1, 4, Vec::new());
        assert!(!ada.task.is_left(), "the next pass is not skipped");
        eve.task.pass(1, 4, Vec::new());
        assert!(eve.task.is_left(), "nothing follows an interruption");
        assert_eq!(oldest(&tasks, "ada"), Some("a".to_owned()));
        assert!(oldest(&tasks, "nobody").is_none());
    }

    #[tokio::test]
    async fn whoever_waits_for_it_is_told_that_it_is_left() {
        let tasks = Arc::new(Tasks::default());
        let ada = enter(&tasks, "ada", "a");
        let task = Arc::clone(&ada.task);
        let mut waiting = tokio::spawn(async move { task.left().await });
        tasks.interrupt("eve");
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut waiting).await.is_err(), "another's interruption");
        tasks.skip("ada");
        tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it is told").expect("it does not panic");
        ada.task.left().await;
    }

    #[test]
    fn a_task_ends_when_nobody_waits_for_it() {
        let tasks = Arc::new(Tasks::default());
        let (first, second) = (enter(&tasks, "ada", "1"), enter(&tasks, "ada", "2"));
        assert_eq!(oldest(&tasks, "ada"), Some("1".to_owned()));
        drop(first);
        assert_eq!(oldest(&tasks, "ada"), Some("2".to_owned()));
        assert!(tasks.has_ended("ada", "1") && !tasks.has_ended("eve", "1"));
        drop(second);
        assert!(oldest(&tasks, "ada").is_none());
        (0..100).for_each(|id| drop(enter(&tasks, "ada", &id.to_string())));
        assert!(!tasks.has_ended("ada", "1") && tasks.has_ended("ada", "99"));
    }

    #[test]
    fn progress_counts_passes_and_steps() {
        let tasks = Arc::new(Tasks::default());
        let entered = enter(&tasks, "ada", "a");
        assert_eq!(entered.task.look().progress(), 0.0);
        entered.task.pass(1, 4, Vec::new());
        let mut seen = entered.task.look();
        assert_eq!(seen.progress(), 0.5);
        seen.step = 2;
        assert_eq!(seen.progress(), 0.75);
    }
}
