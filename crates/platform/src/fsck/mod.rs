//! The check that the books are right: invariants, each with what breaks it, in a form that programs read.
//!
//! | id | must hold |
//! |---|---|
//! | I0 | the database's file is whole (SQLite) |
//! | I1 | the entries of every transfer, and so of all of them, sum to zero |
//! | I2 | a kept balance is the sum of what it is kept of: entries, open holds, grants |
//! | I3 | no credits account is below zero, holds included |
//! | I4 | a job that ended has its hold resolved once, by what was delivered |
//! | I5 | an open hold has a job under way |
//! | I6 | what was paid for is there: the rows, and the bytes with the right hash |
//! | I7 | no row without a file, no file without a row for longer than an hour |
//! | I8 | no lease is past its end for longer than the sweep needs |
//! | I9 | every event is delivered, being retried, or dead and to be seen |
//! | I10 | the audit chain holds |
//! | I11 | kept numbers of likes, comments and follows are those of the rows |
//!
//! The database is read as of one moment, so a running server can be checked. Repairs are made only where what is wrong is a sum of rows that
//! are right (I2, I11), a hold that nobody will resolve (I5), or a job nobody has swept (I8); never by changing what was booked.

mod files;
mod repair;

use std::time::Duration;

use easel_blobs::Blobs;
use easel_store::{
    audit,
    check::{self, Off},
};
use serde::Serialize;

use crate::{Context, PlatformError, jobs::Jobs};

/// How late a sweep may be.
const SWEEP_GRACE: Duration = Duration::from_secs(120);
/// How late an event may be tried.
const EVENT_GRACE: Duration = Duration::from_secs(3600);

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `I0` … `I11`.
    pub invariant: &'static str,
    /// What is wrong, for people.
    pub what: &'static str,
    /// The account, transfer, job, picture, file or event.
    pub subject: String,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
    /// [`Fsck::repair`] can put it right.
    pub repairable: bool,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Rows of accounts, transfers, jobs and pictures.
    pub accounts: i64,
    /// See above.
    pub transfers: i64,
    /// See above.
    pub jobs: i64,
    /// See above.
    pub images: i64,
    /// Files whose bytes were read.
    pub files: u64,
    /// What is wrong; nothing, if all is well.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// The check. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fsck {
    context: Context,
    jobs: Jobs,
    blobs: Option<Blobs>,
}

impl Fsck {
    /// Over this database, and these files if they are to be looked at too.
    pub fn new(context: Context, jobs: Jobs, blobs: Option<Blobs>) -> Self {
        Self { context, jobs, blobs }
    }

    /// Looks at everything and changes nothing.
    pub async fn check(&self) -> Result<Report, PlatformError> {
        let now = self.context.now();
        let mut tx = self.context.db.begin_read().await?;
        let (accounts, transfers, jobs, images) = check::sizes(&mut tx).await?;
        let mut report = Report { accounts, transfers, jobs, images, ..Report::default() };
        let mut add = |invariant, what, repairable, offs: Vec<Off>| {
            report.findings.extend(offs.into_iter().map(|off| Finding {
                invariant,
                what,
                subject: off.subject,
                expected: off.expected.to_string(),
                found: off.found.to_string(),
                repairable,
            }));
        };
        add("I1", "the entries of a transfer do not sum to zero", false, check::unbalanced_transfers(&mut tx).await?);
        add("I2", "a balance is not the sum of its entries", true, check::wrong_posted(&mut tx).await?);
        add("I2", "the holds of an account are not the sum of its open holds", true, check::wrong_pending(&mut tx).await?);
        add("I2", "an account cannot spend what its grants have left", false, check::wrong_grants(&mut tx).await?);
        add("I3", "an account is below zero", false, check::negative(&mut tx).await?);
        add("I4", "a job that ended was not paid as it should be", false, check::wrong_endings(&mut tx).await?);
        add("I5", "a hold has no job under way", true, check::orphaned_holds(&mut tx).await?);
        add("I6", "a job has another number of pictures than it delivered", false, check::wrong_pictures(&mut tx).await?);
        add("I8", "a lease is over and nobody has swept it", true, check::stale_leases(&mut tx, now.before(SWEEP_GRACE)).await?);
        add("I9", "an event is late and nobody tries it", false, check::stuck_events(&mut tx, now.before(EVENT_GRACE)).await?);
        add("I11", "a picture has another number of likes than it keeps", true, check::wrong_likes(&mut tx).await?);
        add("I11", "a picture has another number of comments than it keeps", true, check::wrong_comments(&mut tx).await?);
        add("I11", "somebody has another number of follows than they keep", true, check::wrong_follows(&mut tx).await?);
        add("I9", "a webhook is late and nobody sends it", false, check::stuck_webhooks(&mut tx, now.before(EVENT_GRACE)).await?);
        drop(tx);
        if let Some(damage) = easel_store::backup::damage(&self.context.db).await? {
            report.findings.push(Finding {
                invariant: "I0",
                what: "the database's file is damaged: restore a copy",
                subject: "database".to_owned(),
                expected: "ok".to_owned(),
                found: damage,
                repairable: false,
            });
        }
        if let Some(broken) = audit::verify(&self.context.db).await? {
            report.findings.push(Finding {
                invariant: "I10",
                what: broken.what,
                subject: format!("audit record {}", broken.seq),
                expected: "an unbroken chain".to_owned(),
                found: "a break".to_owned(),
                repairable: false,
            });
        }
        if let Some(blobs) = &self.blobs {
            files::check(&self.context, blobs, &mut report).await?;
        }
        Ok(report)
    }
}
