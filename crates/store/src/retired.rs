//! Jobs that ended so long ago that nobody needs them any more. What they cost stays in the ledger, under an id that says nothing then.

use crate::{Db, StoreError, Timestamp, Tx, query::query};

/// Jobs that ended before a time, oldest end first, after this one (end and name); each with whether nothing needs it any more.
pub async fn ended(
    db: &Db,
    before: Timestamp,
    after: Option<(Timestamp, &str)>,
    limit: i64,
) -> Result<Vec<(Timestamp, String, bool)>, StoreError> {
    let text = "SELECT p.finished_at, p.id, CAST(CASE WHEN EXISTS (SELECT 1 FROM images i WHERE i.job_id = p.id AND i.purged_at IS NULL) \
                THEN 1 ELSE 0 END AS BIGINT) FROM (SELECT finished_at, id FROM jobs WHERE finished_at IS NOT NULL AND finished_at < $1 \
                AND (finished_at, id) > ($2, $3) ORDER BY finished_at, id LIMIT $4) AS p ORDER BY p.finished_at, p.id";
    let (at, id) = after.unwrap_or((Timestamp(i64::MIN), ""));
    let page: Vec<(Timestamp, String, i64)> = query(db, text).bind(before).bind(at).bind(id).bind(limit).all().await?;
    Ok(page.into_iter().map(|(at, id, pictures)| (at, id, pictures == 0)).collect())
}

/// Forgets a locked job that has ended, with what is left of its pictures and of what others did of it. One that still has a picture, an attempt
/// nobody has settled or an event nobody has heard of stays. Whether it went.
pub async fn forget(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    let needed = "SELECT (SELECT COUNT(*) FROM images WHERE job_id = $1 AND purged_at IS NULL) \
                  + (SELECT COUNT(*) FROM provider_attempts WHERE job_id = $1 AND spent IS NULL) \
                  + (SELECT COUNT(*) FROM outbox WHERE subject_id = $1 AND delivered_at IS NULL AND dead_at IS NULL) \
                  + (SELECT COUNT(*) FROM jobs WHERE id = $1 AND finished_at IS NULL)";
    let needed: i64 = query(&mut *tx, needed).bind(id).value().await?;
    if needed > 0 {
        return Ok(false);
    }
    for text in [
        "DELETE FROM provider_answers WHERE attempt_key IN (SELECT attempt_key FROM provider_attempts WHERE job_id = $1)",
        "DELETE FROM provider_attempts WHERE job_id = $1",
        "UPDATE jobs SET parent_id = NULL WHERE parent_id = $1",
        "DELETE FROM images WHERE job_id = $1",
    ] {
        query(&mut *tx, text).bind(id).run().await?;
    }
    query(tx, "DELETE FROM jobs WHERE id = $1").bind(id).changed().await
}
