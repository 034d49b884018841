//! What waits for one watcher, within bounds.
//!
//! Of a job only the newest progress waits, and of a picture only the newest preview. When there is no room, previews go first, then
//! progress. What changes a job's state is told of in order as long as there is room for it; a watcher for whom there is none has missed
//! something and is told so, in the place of everything that waited. Nothing waits for a watcher.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    mem::discriminant,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Notify;

use super::{Heard, News, What};

/// Updates that wait for one watcher.
const UPDATES_MAX: usize = 64;
/// Bytes of previews that wait for one watcher.
const BYTES_MAX: usize = 1 << 20;

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// One job.
    Job(String),
    /// All jobs of a user.
    User(String),
    /// Every job.
    Everything,
}

impl Watched {
    fn includes(&self, news: &News) -> bool {
        match self {
            Self::Job(id) => *id == news.job_id,
            Self::User(id) => *id == news.user_id && !news.what.is_among_nodes(),
            Self::Everything => true,
        }
    }
}

/// What a watcher gets.
#[derive(Debug, Clone)]
pub enum Update {
    /// Something happened.
    Heard(Heard),
    /// Something may have happened that is not told of: the job's row knows.
    Missed,
}

/// Everybody who watches.
#[derive(Default)]
pub(super) struct Watchers {
    all: Mutex<HashMap<u64, (Watched, Arc<Mailbox>)>>,
    next: AtomicU64,
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchers").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl Watchers {
    pub fn add(this: &Arc<Self>, watched: Watched) -> Watching {
        let (number, mailbox) = (this.next.fetch_add(1, Ordering::Relaxed), Arc::new(Mailbox::default()));
        lock(&this.all).insert(number, (watched, mailbox.clone()));
        Watching { number, mailbox, watchers: this.clone() }
    }

    pub fn count(&self) -> usize {
        lock(&self.all).len()
    }

    pub fn put(&self, heard: &Heard) {
        for (watched, mailbox) in lock(&self.all).values() {
            if watched.includes(&heard.news) {
                mailbox.change(|waiting| waiting.put(heard));
            }
        }
    }

    /// Everybody may have missed something.
    pub fn miss(&self) {
        lock(&self.all).values().for_each(|(_, mailbox)| mailbox.change(|waiting| waiting.missed = true));
    }
}

/// Somebody who watches; dropped, they do no more.
pub struct Watching {
    number: u64,
    mailbox: Arc<Mailbox>,
    watchers: Arc<Watchers>,
}

impl fmt::Debug for Watching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watching").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Watching {
    /// What happened next. May be dropped while it waits; nothing is lost by it.
    pub async fn next(&mut self) -> Update {
        loop {
            if let Some(update) = lock(&self.mailbox.waiting).take() {
                return update;
            }
            // A notification that comes in between is kept.
            self.mailbox.news.notified().await;
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        lock(&self.watchers.all).remove(&self.number);
    }
}

#[derive(Default)]
struct Mailbox {
    waiting: Mutex<Waiting>,
    news: Notify,
}

#[derive(Default)]
struct Waiting {
    heard: VecDeque<Heard>,
    missed: bool,
}

impl Mailbox {
    fn change(&self, change: impl FnOnce(&mut Waiting)) {
        change(&mut lock(&self.waiting));
        self.news.notify_one();
    }
}

impl Waiting {
    fn take(&mut self) -> Option<Update> {
        if std::mem::take(&mut self.missed) {
            return Some(Update::Missed);
        }
        self.heard.pop_front().map(Update::Heard)
    }

    fn put(&mut self, heard: &Heard) {
        self.heard.retain(|old| !replaces(&heard.news, &old.news));
        self.heard.push_back(heard.clone());
        while self.heard.len() > UPDATES_MAX || self.bytes() > BYTES_MAX {
            let is = |weight: Weight| move |heard: &Heard| weight_of(&heard.news.what) == weight;
            match self.heard.iter().position(is(Weight::Preview)).or_else(|| self.heard.iter().position(is(Weight::Progress))) {
                Some(least) => drop(self.heard.remove(least)),
                None => {
                    self.heard.clear();
                    self.missed = true;
                }
            }
        }
    }

    fn bytes(&self) -> usize {
        self.heard.iter().map(|heard| if let What::Preview { jpeg, .. } = &heard.news.what { jpeg.len() } else { 0 }).sum()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Preview,
    Progress,
    State,
}

fn weight_of(what: &What) -> Weight {
    match what {
        What::Preview { .. } => Weight::Preview,
        What::Waiting { .. } | What::Step { .. } | What::Decoded { .. } | What::Drawing { .. } | What::ProviderAnswered => {
            Weight::Progress
        }
        What::Queued | What::Started | What::CancelRequested | What::Leave { .. } | What::Ended { .. } => Weight::State,
    }
}

/// Whether nobody wants the old one when there is the new one.
fn replaces(new: &News, old: &News) -> bool {
    if new.job_id != old.job_id {
        return false;
    }
    match (&new.what, &old.what) {
        (What::Preview { picture, .. }, What::Preview { picture: before, .. }) => picture == before,
        // What ended is looked at, not previewed.
        (What::Ended { .. }, old) => weight_of(old) != Weight::State,
        (new, old) => weight_of(new) == Weight::Progress && discriminant(new) == discriminant(old),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics while it holds this. This is a bug.")
}

#[cfg(test)]
mod tests {
    use easel_store::jobs::JobState;

    use super::*;

    fn heard(job: usize, what: What) -> Heard {
        Heard { news: Arc::new(News { job_id: job.to_string(), user_id: "u".to_owned(), what }), from_elsewhere: false }
    }

    fn preview(job: usize, bytes: usize) -> Heard {
        heard(job, What::Preview { picture: 0, jpeg: "a".repeat(bytes) })
    }

    fn step(job: usize, index: u32) -> Heard {
        heard(job, What::Step { index, total: 9, seconds_left: 1.0 })
    }

    fn ended(job: usize) -> Heard {
        heard(job, What::Ended { state: JobState::Completed })
    }

    fn waiting(all: &[Heard]) -> Waiting {
        let mut waiting = Waiting::default();
        all.iter().for_each(|heard| waiting.put(heard));
        waiting
    }

    fn news(all: &VecDeque<Heard>) -> Vec<News> {
        all.iter().map(|heard| (*heard.news).clone()).collect()
    }

    #[test]
    fn previews_go_before_progress_and_progress_before_states() {
        let of = |make: fn(usize) -> Heard| (0..UPDATES_MAX).map(make).collect::<Vec<_>>();
        let (previews, steps, states) = (of(|job| preview(job, 1)), of(|job| step(job, 1)), of(|job| ended(job + 1000)));
        let mut full = waiting(&previews);
        steps.iter().for_each(|step| full.put(step));
        assert_eq!(news(&full.heard), news(&steps.into()), "every preview made room for a step");
        states.iter().for_each(|state| full.put(state));
        assert_eq!(news(&full.heard), news(&states.into()), "and every step for a state");
        assert!(!full.missed);
    }

    #[test]
    fn whoever_lost_a_state_is_told() {
        let mut full = waiting(&(0..=UPDATES_MAX).map(ended).collect::<Vec<_>>());
        full.put(&ended(7));
        assert!(matches!(full.take(), Some(Update::Missed)));
        assert!(matches!(full.take(), Some(Update::Heard(heard)) if heard.news.job_id == "7"));
        assert!(full.take().is_none());
    }

    #[test]
    fn only_the_newest_waits_and_only_so_many_bytes() {
        let mut some = waiting(&[]);
        for index in 1..9 {
            some.put(&step(1, index));
            some.put(&preview(1, index as usize));
        }
        assert_eq!(news(&some.heard), news(&[step(1, 8), preview(1, 8)].into()));
        for job in 2..100 {
            some.put(&preview(job, BYTES_MAX / 4));
            assert!(some.bytes() <= BYTES_MAX);
        }
        some.put(&step(1, 9));
        some.put(&ended(1));
        let of_one: Vec<_> = some.heard.iter().filter(|heard| heard.news.job_id == "1").collect();
        assert_eq!(of_one.len(), 1, "what ended is looked at");
        some.put(&preview(1, BYTES_MAX * 2));
        assert!(some.bytes() <= BYTES_MAX && !some.missed, "one that is too large alone");
    }

    #[test]
    fn what_nodes_say_to_each_other_is_told_to_no_client() {
        let said = News { job_id: "j".to_owned(), user_id: "u".to_owned(), what: What::Leave { all: true } };
        assert!(!Watched::User("u".to_owned()).includes(&said));
        assert!(Watched::Everything.includes(&said));
        assert!(Watched::User("u".to_owned()).includes(&News { what: What::Started, ..said }));
    }
}
