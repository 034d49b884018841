//! `GET /sdapi/v1/progress`: how far the caller's oldest request is. Of others nothing is told.

use axum::{Json, extract::State};
use base64::Engine as _;
use easel_types::Rgb8;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    heard::drawings,
    pictures::{ENCODER, png},
};
use crate::{
    AppState,
    auth::{As, Generates},
    compat::a1111::tasks::{Moment, Seen},
    extract::InQuery,
};

/// What is begun counts as this much, as in A1111.
const BEGUN: f64 = 0.01;

/// What is wanted of it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProgressQuery {
    /// Without the preview.
    #[serde(default)]
    skip_current_image: bool,
}

/// Where a request is.
#[derive(Serialize, ToSchema)]
pub(crate) struct StateView {
    /// The round is to be left.
    skipped: bool,
    /// All of it is to be left.
    interrupted: bool,
    /// As `interrupted`.
    stopping_generation: bool,
    /// What is done, in words; empty if nothing is.
    job: String,
    /// Passes to go through.
    job_count: u32,
    /// When it was begun.
    job_timestamp: String,
    /// Passes that are through.
    job_no: u32,
    /// Steps done of this one.
    sampling_step: u32,
    /// Steps of this one.
    sampling_steps: u32,
}

/// How far the caller's oldest request is.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProgressView {
    /// 0 to 1; 0 if there is none.
    progress: f64,
    /// Seconds left, as far as one can tell.
    eta_relative: f64,
    /// Where it is.
    state: StateView,
    /// What it looks like, as a PNG file in base64.
    current_image: Option<String>,
    /// Null.
    textinfo: Option<String>,
    /// Its name.
    current_task: Option<String>,
}

/// How far the caller's oldest request is.
#[utoipa::path(
    get, path = "/sdapi/v1/progress", operation_id = "a1111_progress", tag = "a1111", params(ProgressQuery),
    responses((status = 200, description = "How far it is", body = ProgressView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    InQuery(query): InQuery<ProgressQuery>,
) -> Json<ProgressView> {
    let current = drawings(&state, &caller.user.id).into_iter().next();
    Json(current.map_or_else(idle, |task| view(&task, query.skip_current_image)))
}

fn idle() -> ProgressView {
    let state = StateView {
        skipped: false,
        interrupted: false,
        stopping_generation: false,
        job: String::new(),
        job_count: 0,
        job_timestamp: "0".to_owned(),
        job_no: 0,
        sampling_step: 0,
        sampling_steps: 0,
    };
    ProgressView { progress: 0.0, eta_relative: 0.0, state, current_image: None, textinfo: None, current_task: None }
}

fn view(task: &Moment, without_image: bool) -> ProgressView {
    let seen = &task.seen;
    let progress = share(seen);
    let state = StateView {
        skipped: seen.skipped,
        interrupted: seen.interrupted,
        stopping_generation: seen.interrupted,
        job: format!("Batch {} out of {}", seen.job + 1, seen.jobs),
        job_count: seen.jobs,
        job_timestamp: task.timestamp.clone(),
        job_no: seen.job,
        sampling_step: seen.step,
        sampling_steps: seen.steps,
    };
    ProgressView {
        progress,
        eta_relative: left(task.seconds, progress),
        state,
        current_image: seen.preview.as_ref().filter(|_| !without_image).and_then(picture),
        textinfo: None,
        current_task: Some(task.id.clone()),
    }
}

/// What is begun is not nothing, and what is not answered is not done.
pub(super) fn share(seen: &Seen) -> f64 {
    seen.progress().clamp(BEGUN, 1.0)
}

/// If it goes on as it went.
pub(super) fn left(seconds: f64, progress: f64) -> f64 {
    (seconds / progress - seconds).max(0.0)
}

/// A preview has a pixel for each latent, so this takes microseconds; one that cannot be encoded is left out.
pub(super) fn picture(preview: &Rgb8) -> Option<String> {
    png(preview, None).ok().map(|bytes| ENCODER.encode(bytes))
}
