//! Questions whose answer should be nothing: the invariants of `easel fsck`, as far as the database alone can tell.
//!
//! All take one transaction, which [`Db::begin_read`](crate::Db::begin_read) gives a single view of the whole database, so that a check of a
//! running server sees no booking by half.

use serde::Serialize;

use crate::{StoreError, Timestamp, Tx, query::query};

/// Something that should not be.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Off {
    /// The account, transfer, job or event.
    pub subject: String,
    /// What it should be.
    pub expected: i64,
    /// What it is.
    pub found: i64,
}

async fn off(tx: &mut Tx, text: &'static str) -> Result<Vec<Off>, StoreError> {
    query(tx, text).all().await
}

/// I1: transfers whose entries do not sum to zero.
pub async fn unbalanced_transfers(tx: &mut Tx) -> Result<Vec<Off>, StoreError> {
    off(
        tx,
        "SELECT transfer_id AS subject, CAST(0 AS BIGINT) AS expected, CAST(SUM(amount) AS BIGINT) AS found FROM entries \
         GROUP BY transfer_id HAVING SUM(amount) <> 0",
    )
    .await
}

/// I2: accounts whose kept balance is not the sum of their entries.
pub async fn wrong_posted(tx: &mut Tx) -> Result<Vec<Off>, StoreError> {
    off(
        tx,
        "SELECT a.id AS subject, CAST(COALESCE(e.total, 0) AS BIGINT) AS expected, a.posted AS found FROM accounts a \
         LEFT JOIN (SELECT account_id, SUM(amount) AS total FROM entries GROUP BY account_id) e ON e.account_id = a.id \
         WHERE a.posted <> COALESCE(e.total, 0)",
    )
    .await
}

/// I2: accounts whose kept holds are not the sum of their open holds.
pub async fn wrong_pending(tx: &mut Tx) -> Result<Vec<Off>, StoreError> {
    off(
        tx,
        "SELECT a.id AS subject, CAST(COALESCE(h.total, 0) AS BIGINT) AS expected, a.pending AS found FROM accounts a \
         LEFT JOIN (SELECT t.account_id, SUM(t.amount) AS total FROM transfers t WHERE t.kind = 'hold' \
           AND NOT EXISTS (SELECT 1 FROM transfers r WHERE r.hold_id = t.id) GROUP BY t.account_id) h ON h.account_id = a.id \
         WHERE a.pending <> COALESCE(h.total, 0)",
    )
    .await
}

/// I2: credits accounts that can spend something else than what their grants have left.
pub async fn wrong_grants(tx: &mut Tx) -> Result<Vec<Off>, StoreError> {
    off(
        tx,
        "SELECT a.id AS subject, CAST(COALESCE(g.total, 0) AS BIGINT) AS expected, a.posted - a.pending AS found FROM accounts a \
         LEFT JOIN (SELECT account_id, SUM(remaining) AS total FROM grants GROUP BY account_id) g ON g.account_id = a.id \
         WHERE a.kind = 'credits' AND a.posted - a.pending <> COALESCE(g.total, 0)",
    )
    .await
}

/// I3: credits accounts below zero.
pub async fn negative(tx: &mut Tx) -> Result<Vec<Off>, StoreError> {
    off(
        tx,
        "SELECT id AS subject, CAST(0 AS BIGINT) AS expected, posted - pending AS found FROM accounts \
         WHERE kind = 'credits' AND (posted < 0 OR pending < 0 OR posted - pending < 0)",
    )
    .await
}

/// I4: jobs that ended and whose hold was not resolved as it should be: by a capture of what was delivered, or by a release.
pub async fn wrong_endings(tx: &mut Tx) -> Result<Vec<Off>, StoreError> {
    off(
        tx,
        "SELECT j.id AS subject, CASE WHEN j.state = 'completed' THEN (j.images_delivered - j.images_free) * j.unit_price ELSE CAST(0 AS BIGINT) END AS expected, \
         CAST(COALESCE(CASE WHEN r.kind = 'capture' THEN -r.amount WHEN r.kind = 'release' THEN 0 ELSE -1 END, -1) AS BIGINT) AS found \
         FROM jobs j LEFT JOIN transfers r ON r.hold_id = j.hold_id \
         WHERE j.hold_id IS NOT NULL AND j.state IN ('completed', 'failed', 'cancelled') \
         AND CASE WHEN j.state = 'completed' THEN (j.images_delivered - j.images_free) * j.unit_price ELSE 0 END \
           <> COALESCE(CASE WHEN r.kind = 'capture' THEN -r.amount WHEN r.kind = 'release' THEN 0 ELSE -1 END, -1)",
    )
    .await
}

/// I5: open holds without a job that is under way.
pub async fn orphaned_holds(tx: &mut Tx) -> Result<Vec<Off>, StoreError> {
    off(
        tx,
        "SELECT t.id AS subject, CAST(0 AS BIGINT) AS expected, t.amount AS found FROM transfers t WHERE t.kind = 'hold' \
         AND NOT EXISTS (SELECT 1 FROM transfers r WHERE r.hold_id = t.id) \
         AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.hold_id = t.id AND j.state IN ('queued', 'processing'))",
    )
    .await
}

/// I6: jobs that have another number of pictures than were paid for. (That the bytes are there and the same is for who can read them.)
pub async fn wrong_pictures(tx: &mut Tx) -> Result<Vec<Off>, StoreError> {
    off(
        tx,
        "SELECT j.id AS subject, j.images_delivered AS expected, CAST(COUNT(i.id) AS BIGINT) AS found FROM jobs j \
         LEFT JOIN images i ON i.job_id = j.id GROUP BY j.id, j.images_delivered HAVING j.images_delivered <> COUNT(i.id)",
    )
    .await
}

/// I8: jobs whose lease ended before `before` and that nobody has put back.
pub async fn stale_leases(tx: &mut Tx, before: Timestamp) -> Result<Vec<Off>, StoreError> {
    let text = "SELECT id AS subject, CAST($1 AS BIGINT) AS expected, lease_expires_at AS found FROM jobs \
                WHERE state = 'processing' AND lease_expires_at < $1";
    query(tx, text).bind(before).all().await
}

/// I9: events that should have been sent before `before` and that nobody has tried since.
pub async fn stuck_events(tx: &mut Tx, before: Timestamp) -> Result<Vec<Off>, StoreError> {
    let text = "SELECT id AS subject, CAST($1 AS BIGINT) AS expected, due_at AS found FROM outbox \
                WHERE delivered_at IS NULL AND dead_at IS NULL AND due_at < $1";
    query(tx, text).bind(before).all().await
}

/// I11: pictures that keep another number of likes than they have.
pub async fn wrong_likes(tx: &mut Tx) -> Result<Vec<Off>, StoreError> {
    off(
        tx,
        "SELECT i.id AS subject, CAST(COALESCE(l.total, 0) AS BIGINT) AS expected, i.like_count AS found FROM images i \
         LEFT JOIN (SELECT image_id, COUNT(*) AS total FROM image_likes GROUP BY image_id) l ON l.image_id = i.id \
         WHERE i.like_count <> COALESCE(l.total, 0)",
    )
    .await
}

/// I11: pictures that keep another number of comments than they have.
pub async fn wrong_comments(tx: &mut Tx) -> Result<Vec<Off>, StoreError> {
    off(
        tx,
        "SELECT i.id AS subject, CAST(COALESCE(c.total, 0) AS BIGINT) AS expected, i.comment_count AS found FROM images i \
         LEFT JOIN (SELECT image_id, COUNT(*) AS total FROM image_comments WHERE hidden_at IS NULL GROUP BY image_id) c ON c.image_id = i.id \
         WHERE i.comment_count <> COALESCE(c.total, 0)",
    )
    .await
}

/// I11: people who keep another number of followers or followed than they have.
pub async fn wrong_follows(tx: &mut Tx) -> Result<Vec<Off>, StoreError> {
    off(
        tx,
        "SELECT u.id AS subject, CAST(COALESCE(f.total, 0) + COALESCE(g.total, 0) AS BIGINT) AS expected, \
         u.follower_count + u.following_count AS found FROM users u \
         LEFT JOIN (SELECT followed_id, COUNT(*) AS total FROM user_follows GROUP BY followed_id) f ON f.followed_id = u.id \
         LEFT JOIN (SELECT follower_id, COUNT(*) AS total FROM user_follows GROUP BY follower_id) g ON g.follower_id = u.id \
         WHERE u.follower_count <> COALESCE(f.total, 0) OR u.following_count <> COALESCE(g.total, 0)",
    )
    .await
}

/// Counts anew how many follow somebody and are followed by them.
pub async fn recount_follows(tx: &mut Tx, user_id: &str) -> Result<bool, StoreError> {
    let text = "UPDATE users SET follower_count = (SELECT COUNT(*) FROM user_follows WHERE followed_id = $1), \
                following_count = (SELECT COUNT(*) FROM user_follows WHERE follower_id = $1) WHERE id = $1";
    query(tx, text).bind(user_id).changed().await
}

/// I9: webhooks that should have been sent before `before`, wait for no other, and that nobody has tried since.
pub async fn stuck_webhooks(tx: &mut Tx, before: Timestamp) -> Result<Vec<Off>, StoreError> {
    let text = "SELECT d.id AS subject, CAST($1 AS BIGINT) AS expected, d.due_at AS found FROM webhook_deliveries d \
                WHERE d.delivered_at IS NULL AND d.dead_at IS NULL AND d.due_at < $1 AND NOT EXISTS (SELECT 1 FROM webhook_deliveries e \
                  WHERE e.endpoint_id = d.endpoint_id AND e.subject_id = d.subject_id AND e.seq < d.seq AND e.delivered_at IS NULL \
                  AND e.dead_at IS NULL)";
    query(tx, text).bind(before).all().await
}

/// How many accounts, transfers, jobs and pictures there are: what a check looked at.
pub async fn sizes(tx: &mut Tx) -> Result<(i64, i64, i64, i64), StoreError> {
    let text = "SELECT (SELECT COUNT(*) FROM accounts), (SELECT COUNT(*) FROM transfers), (SELECT COUNT(*) FROM jobs), \
                (SELECT COUNT(*) FROM images)";
    query(tx, text).one().await
}

/// Writes an account's kept balance anew from its entries and open holds. Whether it changed. The rows are the truth, these are sums of them.
pub async fn recount(tx: &mut Tx, account_id: &str) -> Result<bool, StoreError> {
    let text = "UPDATE accounts SET \
                posted = (SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM entries WHERE account_id = $1), \
                pending = (SELECT CAST(COALESCE(SUM(t.amount), 0) AS BIGINT) FROM transfers t WHERE t.account_id = $1 AND t.kind = 'hold' \
                  AND NOT EXISTS (SELECT 1 FROM transfers r WHERE r.hold_id = t.id)) \
                WHERE id = $1";
    query(tx, text).bind(account_id).changed().await
}
