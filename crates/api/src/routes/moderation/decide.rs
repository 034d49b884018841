//! `POST /api/v1/admin/moderation/{id}/decision`: decides a case.

use axum::{extract::State, http::StatusCode};
use easel_platform::moderation::Decision;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, Moderates},
    extract::{InName, JsonBody},
};

/// What is decided.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionBody {
    /// `approve`, `hide`, `remove`, `warn` or `ban`; a ban needs an admin.
    #[schema(value_type = String, example = "hide")]
    decision: Decision,
    /// For the owner to read; may be empty where it is approved.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: String,
}

/// Decides a case.
#[utoipa::path(
    post, path = "/api/v1/admin/moderation/{id}/decision", operation_id = "decide_case", tag = "admin", request_body = DecisionBody,
    params(("id" = String, Path, description = "The case")),
    responses((status = 204, description = "It is so now")),
    security(("session" = ["moderator"]), ("cookie" = ["moderator"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Moderates>,
    InName(id): InName,
    JsonBody(body): JsonBody<DecisionBody>,
) -> Result<StatusCode, ApiError> {
    state.platform.moderation.decide(&caller.actor(), &id, body.decision, &body.reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
