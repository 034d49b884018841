//! Jobs that ended long ago are forgotten, those that still have a picture when the last of them is. Ledger, sums of use and audit stay: they say
//! what was paid, and no longer for what.
//!
//! A month's jobs are what a key's limits are counted from, so none goes before a month is over whatever is set. Jobs with pictures are looked at
//! again and again, so a turn looks at so many and the next goes on from there.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use easel_store::{Timestamp, jobs, retired};

use super::{DAY, Housekeeping};
use crate::{PlatformError, context::retry};

/// Jobs read at a time.
const PAGE: i64 = 100;
/// Jobs looked at in one turn.
const TURN: usize = 2000;
/// No month is longer.
const LEAST: Duration = Duration::from_secs(31 * DAY.as_secs());

/// How far the last turn came: an end and a name.
pub(super) type Place = Arc<Mutex<Option<(Timestamp, String)>>>;

impl Housekeeping {
    /// Forgets what ended this long ago. Returns how many jobs.
    pub(super) async fn forget_jobs(&self, now: Timestamp) -> Result<u64, PlatformError> {
        let Some(keep) = self.retention.jobs else { return Ok(0) };
        let before = now.before(keep.max(LEAST));
        let (mut looked, mut forgotten) = (0, 0);
        loop {
            let place = self.old_jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let after = place.as_ref().map(|(at, id)| (*at, id.as_str()));
            let page = retired::ended(&self.context.db, before, after, PAGE).await?;
            for (_, id, free) in &page {
                if *free {
                    forgotten += u64::from(retry!(self.forget_job(id))?);
                }
            }
            looked += page.len();
            let ended = i64::try_from(page.len()).unwrap_or(PAGE) < PAGE;
            let next = page.into_iter().next_back().filter(|_| !ended).map(|(at, id, _)| (at, id));
            *self.old_jobs.lock().unwrap_or_else(PoisonError::into_inner) = next;
            if ended || looked >= TURN {
                return Ok(forgotten);
            }
        }
    }

    async fn forget_job(&self, id: &str) -> Result<bool, PlatformError> {
        let mut tx = self.context.db.begin().await?;
        if jobs::lock(&mut tx, id).await?.is_none() {
            return Ok(false);
        }
        let gone = retired::forget(&mut tx, id).await?;
        tx.commit().await?;
        Ok(gone)
    }
}
