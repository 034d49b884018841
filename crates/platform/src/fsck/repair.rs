//! Putting right what can be, by booking, by counting again or by removing files of nobody; each repair of the books is recorded.

use std::time::Duration;

use easel_store::{
    audit::{self, NewRecord},
    check, comments, images,
    ledger::{self, Event},
    likes,
};
use serde_json::json;

use super::{Finding, Fsck, Report};
use crate::{PlatformError, context::retry, social::change_sums};

impl Fsck {
    /// Checks, repairs what can be repaired, and checks again: what is in the report is what is left.
    pub async fn repair(&self) -> Result<(Vec<Finding>, Report), PlatformError> {
        let report = self.check().await?;
        let (repairable, _): (Vec<Finding>, Vec<Finding>) = report.findings.into_iter().partition(|finding| finding.repairable);
        if repairable.iter().any(|finding| finding.invariant == "I8") {
            self.jobs.sweep().await?;
        }
        // Balances first: a hold is released against the right one.
        for finding in repairable.iter().filter(|finding| finding.invariant == "I2") {
            retry!(self.recount(&finding.subject))?;
        }
        for finding in repairable.iter().filter(|finding| finding.invariant == "I5") {
            retry!(self.release(&finding.subject))?;
        }
        for finding in repairable.iter().filter(|finding| finding.invariant == "I11") {
            retry!(self.count_again(&finding.subject))?;
        }
        if repairable.iter().any(|finding| finding.invariant == "I7") {
            self.remove_orphans(Duration::ZERO).await?;
        }
        Ok((repairable, self.check().await?))
    }

    async fn recount(&self, account_id: &str) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        check::recount(&mut tx, account_id).await?;
        audit::append(&mut tx, &moment, record("fsck.recount", ("account", account_id), "{}")).await?;
        Ok(tx.commit().await?)
    }

    /// A picture's likes and comments, or a person's follows.
    async fn count_again(&self, id: &str) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let kind = if let Some(image) = images::lock(&mut tx, id).await? {
            let (likes, comments) = (likes::count(&mut tx, id).await?, comments::count(&mut tx, id).await?);
            change_sums(&mut tx, &image, likes - image.like_count, comments - image.comment_count).await?;
            "image"
        } else {
            check::recount_follows(&mut tx, id).await?;
            "user"
        };
        audit::append(&mut tx, &moment, record("fsck.recount", (kind, id), "{}")).await?;
        Ok(tx.commit().await?)
    }

    async fn release(&self, hold_id: &str) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let key = format!("fsck:{hold_id}");
        let event = Event { key: &key, job_id: None, actor: None, reason: "a hold without a job" };
        let released = ledger::release(&mut tx, &moment, hold_id, event).await?;
        let detail = json!({ "transfer": released.transfer.id }).to_string();
        audit::append(&mut tx, &moment, record("fsck.release", ("hold", hold_id), &detail)).await?;
        Ok(tx.commit().await?)
    }
}

fn record<'a>(action: &'a str, target: (&'a str, &'a str), detail: &'a str) -> NewRecord<'a> {
    NewRecord {
        actor_kind: "system",
        actor_id: None,
        action,
        target: Some(target),
        ip: None,
        user_agent: None,
        request_id: None,
        detail,
    }
}
