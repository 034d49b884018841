//! A job, as its owner sees it.

use easel_platform::{
    fallback::Away,
    records::{Image, Job, JobState},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{AwayView, CreditAmount, ImageView, shown_time};
use crate::ordering::Notify;

/// A job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobView {
    /// Its id.
    id: String,
    /// Its number among your jobs, for people; 0 is none.
    task_no: i64,
    /// The job whose picture it varies, edits or enlarges.
    parent_id: Option<String>,
    /// What all jobs of its batch share.
    batch_key: Option<String>,
    /// `queued`, `processing`, `completed`, `failed` or `cancelled`.
    #[schema(value_type = String, example = "queued")]
    state: JobState,
    /// The model it needs.
    model: String,
    /// What was asked for.
    #[schema(value_type = Object)]
    request: Value,
    /// The categories of words that were left out of the prompt; there are none where it is drawn as it was sent.
    #[schema(example = json!(["brands"]))]
    masked: Vec<String>,
    /// Pictures asked for.
    images_wanted: i64,
    /// Pictures stored.
    images_delivered: i64,
    /// Price of one picture.
    unit_price: CreditAmount,
    /// How far it is, 0 to 1.
    progress: f64,
    /// How often it was begun.
    attempt: i64,
    /// Its owner wants it no more, and its worker has not stopped yet.
    cancel_requested: bool,
    /// Who serves it, if not this server; null while that is not decided.
    served_by: Option<AwayView>,
    /// Where its end is told, if it named somewhere.
    callback_url: Option<String>,
    /// `email` if its end is told by mail.
    #[schema(value_type = Option<String>, example = "email")]
    notify: Option<Notify>,
    /// Why it failed.
    error: Option<JobError>,
    /// When it was submitted.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was first begun.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// When it will be finished, as far as whoever draws it could last tell; null before it is begun.
    #[schema(format = DateTime)]
    estimated_completion_at: Option<String>,
    /// When it ended.
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    /// When its state last changed, or whoever works on it last said how far it is.
    #[schema(format = DateTime)]
    updated_at: String,
    /// Its pictures, where one job is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<Vec<ImageView>>,
}

/// Why a job failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobError {
    /// For programs.
    code: String,
    /// For people.
    message: String,
}

impl JobView {
    /// Nothing more will happen.
    pub(crate) fn has_ended(&self) -> bool {
        self.state.is_terminal()
    }

    /// With its pictures.
    pub(crate) fn with_images(job: Job, images: Vec<Image>) -> Self {
        Self { images: Some(images.into_iter().map(ImageView::from).collect()), ..job.into() }
    }
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        let served_by = Away::of(&job).and_then(AwayView::of);
        let request: Value = serde_json::from_str(&job.request).unwrap_or_default();
        let masked = request["work"]["masked"].as_array().into_iter().flatten();
        let masked = masked.filter_map(Value::as_str).map(str::to_owned).collect();
        let error = job.error_code.map(|code| JobError { code, message: job.error_message.unwrap_or_default() });
        Self {
            id: job.id,
            task_no: job.task_no,
            parent_id: job.parent_id,
            batch_key: job.batch_key,
            state: job.state,
            model: job.model,
            request,
            masked,
            images_wanted: job.images_wanted,
            images_delivered: job.images_delivered,
            unit_price: job.unit_price.into(),
            progress: job.progress as f64 / 1000.0,
            attempt: job.attempt,
            cancel_requested: job.cancel_requested,
            served_by,
            callback_url: job.callback_url,
            notify: job.mail_at_end.then_some(Notify::Email),
            error,
            created_at: shown_time(job.created_at),
            started_at: job.started_at.map(shown_time),
            estimated_completion_at: job.estimated_completion_at.map(shown_time),
            finished_at: job.finished_at.map(shown_time),
            updated_at: shown_time(job.updated_at),
            images: None,
        }
    }
}
