//! What has to be done now and then: everything whose time has come, in one call. Any number of nodes may do it at once.
//!
//! Leases and waiting jobs are swept every few seconds by [`Jobs::sweep`](crate::jobs::Jobs::sweep); this is for every few minutes.

mod old_jobs;

use std::time::Duration;

use easel_store::{
    audit, idempotency, login_failures, mail_tokens, mails, moderation, outbox, payment_comparisons, payment_events, purchases,
    sessions, sign_ins, strikes, webhook_deliveries, webhooks,
};
use serde::Serialize;

use crate::{Context, PlatformError, credits::CreditDesk, privacy::Privacy, subscriptions::Subscriptions};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Strikes count for so long.
const FINDINGS_LEAST: Duration = Duration::from_secs(90 * DAY.as_secs());

/// How long things are kept after their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Sessions and links that have ended, and what addresses in the audit log can be checked with.
    pub sessions: Duration,
    /// Mails and webhooks that were sent or given up, and events that were delivered.
    pub messages: Duration,
    /// Pictures that were sent.
    pub uploads: Duration,
    /// Pictures that were to be sent to an address, and what came there.
    pub awaited: Duration,
    /// Orders that nobody pays.
    pub orders: Duration,
    /// What filters and moderators found, and what was decided of it; three months at least, as long as strikes count.
    pub findings: Duration,
    /// Counts of failed logins.
    pub failures: Duration,
    /// Jobs that have ended and have no pictures, a month at least; `None` is for ever.
    pub jobs: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            sessions: DAY * 30,
            messages: DAY * 90,
            uploads: DAY * 7,
            awaited: DAY,
            orders: DAY * 30,
            findings: DAY * 365,
            failures: DAY,
            jobs: Some(DAY * 365),
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Kept {
    /// Users some of whose credits lapsed.
    pub credits_expired: u64,
    /// People who were forgotten.
    pub erased: u64,
    /// Subscriptions that were over.
    pub subscriptions_ended: u64,
    /// Pictures whose files were removed.
    pub images_purged: u64,
    /// Pictures that were sent and removed.
    pub uploads_removed: u64,
    /// Pictures that were to be sent and that nobody asked for.
    pub awaited_removed: u64,
    /// Archives of people's data whose time was over.
    pub exports_removed: u64,
    /// Jobs that ended long ago and were forgotten.
    pub jobs_removed: u64,
    /// Rows of ended sessions, links, logins elsewhere, salts, mails, events, webhooks, findings, keys and counts that were removed.
    pub rows_removed: u64,
}

/// Cleans up. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Housekeeping {
    context: Context,
    desk: CreditDesk,
    subscriptions: Subscriptions,
    privacy: Privacy,
    retention: Retention,
    /// How far it has looked for old jobs; clones go on from one another.
    old_jobs: old_jobs::Place,
}

impl Housekeeping {
    /// With these times.
    pub fn new(context: Context, desk: CreditDesk, privacy: Privacy, retention: Retention) -> Self {
        let subscriptions = Subscriptions::new(context.clone(), desk.catalogue().clone(), desk.clone());
        Self { context, desk, subscriptions, privacy, retention, old_jobs: old_jobs::Place::default() }
    }

    /// Does everything whose time has come.
    pub async fn run(&self) -> Result<Kept, PlatformError> {
        let now = self.context.now();
        let mut kept = Kept::default();
        loop {
            let users = self.desk.expire().await?;
            kept.credits_expired += users as u64;
            if users == 0 {
                break;
            }
        }
        loop {
            let ended = self.subscriptions.end_due().await?;
            kept.subscriptions_ended += ended as u64;
            if ended == 0 {
                break;
            }
        }
        kept.erased = self.privacy.erase_due().await? as u64;
        loop {
            let images = self.privacy.purge_images(None, now).await?;
            kept.images_purged += images as u64;
            if images == 0 {
                break;
            }
        }
        kept.uploads_removed = self.privacy.remove_uploads(None, now.before(self.retention.uploads)).await? as u64;
        kept.awaited_removed = self.privacy.remove_awaited(None, now.before(self.retention.awaited)).await? as u64;
        kept.exports_removed = self.privacy.remove_exports().await? as u64;
        kept.jobs_removed = self.forget_jobs(now).await?;
        let Retention { sessions, messages, orders, findings, failures, .. } = self.retention;
        let mut tx = self.context.db.begin().await?;
        kept.rows_removed += sessions::sweep(&mut tx, now.before(sessions)).await?;
        kept.rows_removed += mail_tokens::sweep(&mut tx, now.before(sessions)).await?;
        kept.rows_removed += audit::sweep_salts(&mut tx, now.before(sessions)).await?;
        kept.rows_removed += mails::sweep(&mut tx, now.before(messages)).await?;
        kept.rows_removed += outbox::sweep(&mut tx, now.before(messages)).await?;
        kept.rows_removed += webhook_deliveries::sweep(&mut tx, now.before(messages)).await?;
        kept.rows_removed += payment_events::sweep(&mut tx, now.before(messages)).await?;
        kept.rows_removed += payment_comparisons::sweep(&mut tx, now.before(messages)).await?;
        purchases::cancel_old(&mut tx, now, now.before(orders)).await?;
        kept.rows_removed += sign_ins::sweep(&mut tx, now).await?;
        webhooks::sweep_secrets(&mut tx, now).await?;
        kept.rows_removed += login_failures::sweep(&mut tx, now.before(failures)).await?;
        let findings = findings.max(FINDINGS_LEAST);
        kept.rows_removed += strikes::sweep(&mut tx, now.before(findings)).await?;
        kept.rows_removed += moderation::sweep(&mut tx, now.before(findings)).await?;
        kept.rows_removed += idempotency::sweep(&mut tx, now).await?;
        tx.commit().await?;
        Ok(kept)
    }
}
