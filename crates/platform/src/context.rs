//! What every service stands on: the database, the time, names and secrets.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use easel_store::{Db, Ids, Moment, RandomIds, StoreError, Timestamp};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// What time it is.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The database's clock, as this machine's with the difference that was last measured: what nodes that share a database judge leases by, so
/// that one whose own clock is off takes nobody's job and loses none.
#[derive(Debug, Default)]
pub struct DatabaseClock {
    ahead_micros: AtomicI64,
}

impl DatabaseClock {
    /// Measures the difference again; to be done at the start and every minute or so.
    pub async fn synchronize(&self, db: &Db) -> Result<(), StoreError> {
        let before = SystemClock.now().0;
        let there = db.clock().await?.0;
        let after = SystemClock.now().0;
        self.ahead_micros.store(there - (before + (after - before) / 2), Ordering::Relaxed);
        Ok(())
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().0.saturating_add(self.ahead_micros.load(Ordering::Relaxed)))
    }
}

/// A clock that stands still until it is moved: for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Shows this time.
    pub fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves on.
    pub fn advance(&self, by: Duration) {
        self.0.store(self.now().after(by).0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Where tokens and salts come from.
pub trait Secrets: Send + Sync {
    /// Fills the bytes with what nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemSecrets;

impl Secrets for SystemSecrets {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// The same bytes for the same seed: for tests, and for nothing else.
pub struct SeededSecrets(Mutex<StdRng>);

impl SeededSecrets {
    /// Begins again.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl fmt::Debug for SeededSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeededSecrets").finish_non_exhaustive()
    }
}

impl Secrets for SeededSecrets {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().expect("no thread panics while it holds this. This is a bug.").fill_bytes(bytes);
    }
}

/// What every service stands on. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Names of new rows.
    pub ids: Arc<dyn Ids>,
    /// Tokens and salts.
    pub secrets: Arc<dyn Secrets>,
}

impl Context {
    /// With the machine's clock and the system's randomness.
    pub fn system(db: Db) -> Self {
        Self { db, clock: Arc::new(SystemClock), ids: Arc::new(RandomIds::system()), secrets: Arc::new(SystemSecrets) }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A name that nothing has yet.
    pub fn new_id(&self) -> String {
        self.ids.next(self.now())
    }

    pub(crate) fn moment(&self) -> Moment<'_> {
        Moment { now: self.now(), ids: &*self.ids }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("db", &self.db).finish_non_exhaustive()
    }
}

/// How often a transaction that another was in the way of is begun anew.
pub(crate) const TRIES_MAX: u32 = 5;

/// Awaits the expression, anew if another transaction was in the way: a deadlock that the database resolved, a lock it did not give in time.
macro_rules! retry {
    ($attempt:expr) => {{
        let mut tries = 1;
        loop {
            match $attempt.await {
                Err(error) if error.is_busy() && tries < $crate::context::TRIES_MAX => tries += 1,
                done => break done,
            }
        }
    }};
}
pub(crate) use retry;
