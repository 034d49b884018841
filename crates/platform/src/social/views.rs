//! How often pictures and links were looked at: counted in memory and written now and then, so that looking writes nothing.
//!
//! Each who looks counts once in an hour. Who looks is told by an account or a hashed address, kept as a hash and only in memory. What was not
//! written when the server ends is lost: these are numbers to be glad about, not to be paid by.

use std::{
    collections::{HashMap, HashSet, hash_map::RandomState},
    fmt,
    hash::BuildHasher,
    mem,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use easel_store::{Timestamp, images, shares};

use crate::{Context, PlatformError};

/// How long somebody's looking at something again is not counted.
const ONCE_IN: Duration = Duration::from_secs(3600);
/// What is kept at most of who looked at what; beyond it all is forgotten, and some looking counted again.
const SEEN_MAX: usize = 200_000;
/// What is counted at most between two writings; beyond it, what is new is not counted.
const COUNTED_MAX: usize = 100_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Looked {
    Image(String),
    Share(String),
}

struct Counts {
    counted: HashMap<Looked, i64>,
    seen: HashSet<u64>,
    since: Timestamp,
}

/// The counter. Cheap to clone; clones count together.
#[derive(Clone)]
pub struct Views {
    context: Context,
    counts: Arc<Mutex<Counts>>,
    hasher: RandomState,
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Views").finish_non_exhaustive()
    }
}

impl Views {
    pub(super) fn new(context: Context) -> Self {
        let counts = Counts { counted: HashMap::new(), seen: HashSet::new(), since: context.now() };
        Self { context, counts: Arc::new(Mutex::new(counts)), hasher: RandomState::new() }
    }

    pub(super) fn seen(&self, image_id: &str, looker: &str) {
        self.count(Looked::Image(image_id.to_owned()), looker);
    }

    pub(super) fn opened(&self, share_id: &str, looker: &str) {
        self.count(Looked::Share(share_id.to_owned()), looker);
    }

    fn count(&self, looked: Looked, looker: &str) {
        let seen = self.hasher.hash_one((&looked, looker));
        let now = self.context.now();
        let mut counts = self.lock();
        if counts.seen.len() >= SEEN_MAX || counts.since <= now.before(ONCE_IN) {
            counts.seen.clear();
            counts.since = now;
        }
        let known = counts.counted.contains_key(&looked);
        if counts.seen.insert(seen) && (known || counts.counted.len() < COUNTED_MAX) {
            *counts.counted.entry(looked).or_insert(0) += 1;
        }
    }

    /// Writes what was counted. To be called every minute or so, and at the end. Returns of how many things.
    pub async fn write(&self) -> Result<usize, PlatformError> {
        let counted = mem::take(&mut self.lock().counted);
        let mut things: Vec<(Looked, i64)> = counted.into_iter().collect();
        // In one order, so that two nodes that write the same do not wait for each other.
        things.sort_by(|(a, _), (b, _)| order(a).cmp(&order(b)));
        for some in things.chunks(500) {
            let mut tx = self.context.db.begin().await?;
            for (looked, views) in some {
                match looked {
                    Looked::Image(id) => images::add_views(&mut tx, id, *views).await?,
                    Looked::Share(id) => shares::add_views(&mut tx, id, *views).await?,
                };
            }
            tx.commit().await?;
        }
        Ok(things.len())
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().expect("no thread panics while it holds this. This is a bug.")
    }
}

fn order(looked: &Looked) -> (u8, &str) {
    match looked {
        Looked::Image(id) => (0, id),
        Looked::Share(id) => (1, id),
    }
}
