//! `POST /api/v1/users/me/cases/{id}/appeal`: says something against a decision, once.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::{InName, JsonBody},
};

/// What is said.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppealBody {
    /// In two thousand characters.
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
}

/// Says something against a decision, once.
#[utoipa::path(
    post, path = "/api/v1/users/me/cases/{id}/appeal", operation_id = "appeal_case", tag = "gallery", request_body = AppealBody,
    params(("id" = String, Path, description = "The case")),
    responses((status = 204, description = "It waits again")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InName(id): InName,
    JsonBody(body): JsonBody<AppealBody>,
) -> Result<StatusCode, ApiError> {
    state.platform.moderation.appeal(&caller.user.id, &id, &body.text).await?;
    Ok(StatusCode::NO_CONTENT)
}
