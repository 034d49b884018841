//! A job under the names of earlier designs.

use easel_platform::{
    orders::{Order, Work},
    records::{Image, Job, JobState},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{CreditAmount, JobView, shown_time};

/// A job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskView {
    /// Its id.
    id: String,
    /// Its number among your jobs, for people; 0 is none.
    task_no: i64,
    /// The job whose picture it varies, edits or enlarges.
    parent_id: Option<String>,
    /// What all jobs of its batch share.
    batch_key: Option<String>,
    /// `generate` or `upscale`.
    task_type: &'static str,
    /// `pending`, `processing`, `completed`, `failed` or `cancelled`.
    #[schema(value_type = String, example = "pending")]
    status: &'static str,
    /// Who draws it; null is this server.
    ai_provider: Option<String>,
    /// The model it needs.
    ai_model: String,
    /// What it is to show.
    prompt: Option<String>,
    /// Where its pictures are.
    result_urls: Vec<String>,
    /// Why it failed.
    error_message: Option<String>,
    /// How far it is, 0 to 1.
    progress: f64,
    /// How often it was begun again.
    retry_count: i64,
    /// What one picture costs.
    unit_price: CreditAmount,
    /// When it was submitted.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was first begun.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// When it will be finished, as far as whoever draws it could last tell.
    #[schema(format = DateTime)]
    estimated_completion_at: Option<String>,
    /// When it ended.
    #[schema(format = DateTime)]
    completed_at: Option<String>,
}

impl From<(Job, Vec<Image>)> for TaskView {
    fn from((job, images): (Job, Vec<Image>)) -> Self {
        let order = Order::from_json(&job.request);
        let (task_type, prompt) = match order.map(|order| order.work) {
            Some(Work::Draw(drawing)) => ("generate", Some(drawing.prompt)),
            Some(Work::Upscale { .. }) => ("upscale", None),
            None => ("generate", None),
        };
        let status = match job.state {
            JobState::Queued => "pending",
            other => other.name(),
        };
        Self {
            task_no: job.task_no,
            parent_id: job.parent_id,
            batch_key: job.batch_key,
            task_type,
            status,
            ai_provider: job.provider,
            ai_model: job.model,
            prompt,
            result_urls: images.iter().map(|image| format!("/api/v1/images/{}/file", image.id)).collect(),
            error_message: job.error_message,
            progress: job.progress as f64 / 1000.0,
            retry_count: job.attempt.saturating_sub(1).max(0),
            unit_price: job.unit_price.into(),
            created_at: shown_time(job.created_at),
            started_at: job.started_at.map(shown_time),
            estimated_completion_at: job.estimated_completion_at.map(shown_time),
            completed_at: job.finished_at.map(shown_time),
            id: job.id,
        }
    }
}

impl From<(Job, Vec<Image>)> for JobView {
    fn from((job, images): (Job, Vec<Image>)) -> Self {
        Self::with_images(job, images)
    }
}
