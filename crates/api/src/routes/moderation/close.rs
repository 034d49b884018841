//! `POST /api/v1/admin/moderation/{id}/close`: decides for good: the decision stands, or is taken back.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, Moderates},
    extract::{InName, JsonBody},
};

/// What becomes of the decision.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloseBody {
    /// It is taken back, with everything it did.
    overturn: bool,
}

/// Decides for good: the decision stands, or is taken back.
#[utoipa::path(
    post, path = "/api/v1/admin/moderation/{id}/close", operation_id = "close_case", tag = "admin", request_body = CloseBody,
    params(("id" = String, Path, description = "The case")),
    responses((status = 204, description = "It is so now")),
    security(("session" = ["moderator"]), ("cookie" = ["moderator"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Moderates>,
    InName(id): InName,
    JsonBody(body): JsonBody<CloseBody>,
) -> Result<StatusCode, ApiError> {
    state.platform.moderation.close(&caller.actor(), &id, body.overturn).await?;
    Ok(StatusCode::NO_CONTENT)
}
