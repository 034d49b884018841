//! What the tests of this crate share.
#![allow(dead_code, reason = "each test program uses a part of it")]

use easel_store::{Db, Moment, RandomIds, Settings, Timestamp};
use easel_testing::Database;

/// The day everything happens on.
pub const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

pub async fn open(database: &Database) -> Result<Db, easel_store::StoreError> {
    let db = Db::open(&Settings::new(database.url())).await?;
    db.migrate().await?;
    Ok(db)
}

/// A moment with names that are the same in every run.
pub fn at(now: Timestamp, ids: &RandomIds) -> Moment<'_> {
    Moment { now, ids }
}
