//! `POST /api/v1/auth/verify-email`: proves an address by the token of a mail.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{ApiError, AppState, extract::JsonBody};

/// The token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyBody {
    /// As the link in the mail has it.
    #[schema(example = "em_…")]
    token: String,
}

/// Proves an address by the token of a mail.
#[utoipa::path(
    post, path = "/api/v1/auth/verify-email", operation_id = "verify_email", tag = "auth", request_body = VerifyBody,
    responses((status = 204, description = "The address is proved"))
)]
pub(crate) async fn handler(State(state): State<AppState>, JsonBody(body): JsonBody<VerifyBody>) -> Result<StatusCode, ApiError> {
    state.platform.accounts.verify_email(&body.token).await?;
    Ok(StatusCode::NO_CONTENT)
}
