//! `POST /api/v1/auth/reset-password/confirm`: a new password, by the token of a mail. Every session and key ends.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{ApiError, AppState, extract::JsonBody};

/// The token, and the new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmResetBody {
    /// As the link in the mail has it.
    #[schema(example = "em_…")]
    token: String,
    /// The new one.
    #[schema(format = Password, example = "another sentence nobody says")]
    password: String,
}

/// A new password, by the token of a mail.
#[utoipa::path(
    post, path = "/api/v1/auth/reset-password/confirm", operation_id = "confirm_reset", tag = "auth", request_body = ConfirmResetBody,
    responses((status = 204, description = "The password is changed; every session and key has ended"))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    JsonBody(body): JsonBody<ConfirmResetBody>,
) -> Result<StatusCode, ApiError> {
    state.platform.accounts.reset_password(&body.token, &body.password).await?;
    Ok(StatusCode::NO_CONTENT)
}
