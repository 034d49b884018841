//! `POST /api/v1/images/batch`: one thing done to many pictures: a job for each, each paid for itself.
//!
//! With an idempotency key every picture's job has a key of its own made from it, so that a batch that was cut off can be sent again whole. Its
//! jobs share a `batch_key`: that key, or a name made for the batch.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    upscale::{self, UpscaleBody},
    variations::{self, VariationsBody},
};
use crate::{
    ApiError, AppState,
    auth::{As, Caller, Generates},
    extract::JsonBody,
    ordering::{Asked, idempotency_key, submit},
    views::JobView,
};

/// Pictures of one batch.
const BATCH_MAX: usize = 50;
/// Of a key that is made longer by a picture's id.
const KEY_MAX: usize = 200;

/// What to do to which pictures.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchBody {
    /// Their ids, each once.
    #[schema(min_items = 1, max_items = 50)]
    image_ids: Vec<String>,
    /// What to do.
    action: Action,
}

/// What to do.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Action {
    /// Enlarge them.
    Upscale(UpscaleBody),
    /// Draw more like them.
    Variations(VariationsBody),
}

/// What became of one picture of a batch: a job, or why there is none.
#[derive(Serialize, ToSchema)]
pub(crate) struct BatchRow {
    /// The picture.
    image_id: String,
    /// Its job.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<JobView>,
    /// Why there is none: the same codes as elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'static str>,
}

/// One thing done to many pictures.
#[utoipa::path(
    post, path = "/api/v1/images/batch", operation_id = "batch", tag = "images", request_body = BatchBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same body is the same jobs, for a day")),
    responses((status = 202, description = "What became of each, in order", body = Vec<BatchRow>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<BatchBody>,
) -> Result<(StatusCode, Json<Vec<BatchRow>>), ApiError> {
    let unique: BTreeSet<_> = body.image_ids.iter().collect();
    if !(1..=BATCH_MAX).contains(&body.image_ids.len()) || unique.len() != body.image_ids.len() {
        let message = format!("`image_ids` must be 1 to {BATCH_MAX} ids, each once");
        return Err(ApiError::invalid("image_ids", "out_of_range", message));
    }
    let key = idempotency_key(&headers)?;
    if key.is_some_and(|key| key.is_empty() || key.len() > KEY_MAX) {
        let message = format!("`Idempotency-Key` must have 1 to {KEY_MAX} characters here");
        return Err(ApiError::invalid("Idempotency-Key", "out_of_range", message));
    }
    // A batch that is sent again is the same batch.
    let batch_key = key.map_or_else(|| state.platform.context.new_id(), str::to_owned);
    let mut rows = Vec::with_capacity(body.image_ids.len());
    for image_id in body.image_ids {
        let key = key.map(|key| format!("{key}/{image_id}"));
        let asked = Asked { key: key.as_deref(), batch_key: Some(&batch_key), ..Asked::default() };
        let done = one(&state, &caller, &image_id, body.action, asked).await;
        let (job, error_code) = match done {
            Ok(job) => (Some(job), None),
            Err(error) => (None, Some(error.code())),
        };
        rows.push(BatchRow { image_id, job, error_code });
    }
    Ok((StatusCode::ACCEPTED, Json(rows)))
}

async fn one(state: &AppState, caller: &Caller, image_id: &str, action: Action, asked: Asked<'_>) -> Result<JobView, ApiError> {
    let user = &caller.user;
    let image = state.platform.images.get(&user.id, image_id).await?;
    let order = match action {
        Action::Upscale(body) => upscale::order(&image, body)?,
        Action::Variations(body) => variations::order(state, user, image, body).await?,
    };
    Ok(submit(state, caller, &order, asked).await?.job.into())
}
