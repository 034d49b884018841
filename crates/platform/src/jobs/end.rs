//! How a job ends: its hold is resolved, its state changed and its event written, in the caller's transaction.

use easel_store::{
    Credits, Moment, Tx,
    jobs::{self, Ending, Job, JobState},
    ledger::{self, Event},
    outbox::{self, NewEvent},
};
use serde_json::json;

use crate::{PlatformError, fallback};

/// Ends a locked job without pictures: nothing is paid.
pub(super) async fn without_result(
    tx: &mut Tx,
    moment: &Moment<'_>,
    job: &Job,
    state: JobState,
    error: Option<(&str, &str)>,
) -> Result<(), PlatformError> {
    if let Some(hold_id) = &job.hold_id {
        let key = format!("end:{}", job.id);
        let reason = error.map_or("the job was cancelled", |(_, message)| message);
        let event = Event { key: &key, job_id: Some(&job.id), actor: None, reason };
        ledger::release(tx, moment, hold_id, event).await?;
    }
    end(tx, moment, job, Ending { state, images_delivered: 0, error }).await
}

/// Ends a locked job with pictures, whose rows are written: what was delivered is paid, the rest is free. Returns what was paid.
pub(super) async fn with_images(tx: &mut Tx, moment: &Moment<'_>, job: &Job, delivered: i64) -> Result<Credits, PlatformError> {
    // What its owner has paid for elsewhere costs nothing here.
    let price =
        job.unit_price.times((delivered - job.images_free).max(0)).ok_or(PlatformError::Ledger(ledger::LedgerError::Amount))?;
    if let Some(hold_id) = &job.hold_id {
        let key = format!("end:{}", job.id);
        let event = Event { key: &key, job_id: Some(&job.id), actor: None, reason: "pictures" };
        ledger::capture(tx, moment, hold_id, price, event).await?;
    }
    end(tx, moment, job, Ending { state: JobState::Completed, images_delivered: delivered, error: None }).await?;
    Ok(price)
}

async fn end(tx: &mut Tx, moment: &Moment<'_>, job: &Job, ending: Ending<'_>) -> Result<(), PlatformError> {
    if !jobs::end(tx, &job.id, moment.now, ending).await? {
        return Err(PlatformError::LeaseLost);
    }
    if job.away.is_some() {
        fallback::close(tx, moment, job).await?;
    }
    let payload = json!({
        "job_id": job.id,
        "state": ending.state,
        "images": ending.images_delivered,
        "error": ending.error.map(|(code, _)| code),
    })
    .to_string();
    let topic = match ending.state {
        JobState::Completed => "job.completed",
        JobState::Cancelled => "job.cancelled",
        _ => "job.failed",
    };
    let event = NewEvent { topic, subject_id: &job.id, user_id: Some(&job.user_id), payload: &payload };
    Ok(outbox::insert(tx, moment, event).await?)
}
