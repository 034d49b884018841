//! `POST /api/v1/auth/reset-password`: sends the link to choose a new password; the answer does not tell whether there is such an account.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{ApiError, AppState, extract::JsonBody};

/// Whose.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetBody {
    /// The address.
    #[schema(example = "ada@example.org")]
    email: String,
}

/// Sends the link to choose a new password.
#[utoipa::path(
    post, path = "/api/v1/auth/reset-password", operation_id = "reset_password", tag = "auth", request_body = ResetBody,
    responses((status = 202, description = "It is on its way, if there is such an account"))
)]
pub(crate) async fn handler(State(state): State<AppState>, JsonBody(body): JsonBody<ResetBody>) -> Result<StatusCode, ApiError> {
    state.platform.accounts.request_reset(&body.email).await?;
    Ok(StatusCode::ACCEPTED)
}
