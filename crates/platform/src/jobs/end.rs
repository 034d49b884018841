//! How a job ends: its hold is resolved, its state changed and its event written, in the caller's transaction.

use easel_store::{
    Credits, Moment, Tx,
    jobs::{self, Ending, Job, JobState},
    ledger::{self, Event},
    mails,
    outbox::{self, NewEvent},
    users,
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
    // Who has cancelled it knows.
    if job.mail_at_end && ending.state != JobState::Cancelled {
        mail(tx, moment, job, ending).await?;
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

/// Tells its owner, if their address is still proved. A job ends once, so there is one mail. What was asked for is not in it: mail is read by many.
async fn mail(tx: &mut Tx, moment: &Moment<'_>, job: &Job, ending: Ending<'_>) -> Result<(), PlatformError> {
    // Not locked: others lock the person before the job.
    let user = users::by_id_in(tx, &job.user_id).await?.filter(|user| user.is_active && user.is_verified);
    let Some(user) = user else { return Ok(()) };
    let (subject, what) = if ending.state == JobState::Completed {
        (
            "Your pictures are ready",
            format!("is done: {} of {} pictures are in your gallery", ending.images_delivered, job.images_wanted),
        )
    } else {
        ("A job of yours has failed", "has failed, and nothing was charged for it".to_owned())
    };
    let body = format!("Hello {},\n\nyour job {} (number {}) {what}.\n", user.username, job.id, job.task_no);
    Ok(mails::insert(tx, moment, Some(&user.id), &user.email, subject, &body).await?)
}
