//! A person's data: all of it to take away, or none of it left.
//!
//! Whoever asks to be forgotten cannot log in from that moment, and may change their mind until the time is up. Then jobs are cancelled,
//! pictures and their files removed, requests emptied, the salt of their addresses in the audit log destroyed, and the account removed with
//! everything that belongs to it alone. What stays is the ledger, the use by day and the audit log, under an id that says nothing any more.
//! Every step may be done again, and one that was interrupted is taken up where it stopped: a person counts as forgotten when all is done.

mod archive;
mod erase;
mod export;
mod exports;

use std::time::Duration;

use easel_blobs::Blobs;

use crate::{Context, jobs::Jobs};

pub use exports::ShownExport;

/// How long people may change their mind.
const REGRET: Duration = Duration::from_secs(30 * 24 * 3600);

/// Export and erasure. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Privacy {
    context: Context,
    jobs: Jobs,
    blobs: Blobs,
    regret: Duration,
}

impl Privacy {
    /// Over this database and these files, with a month to change one's mind.
    pub fn new(context: Context, jobs: Jobs, blobs: Blobs) -> Self {
        Self { context, jobs, blobs, regret: REGRET }
    }

    /// With another time to change one's mind.
    #[must_use]
    pub fn with_regret(self, regret: Duration) -> Self {
        Self { regret, ..self }
    }
}
