//! `POST /api/v1/auth/verify-email/resend`: sends the mail again, to somebody whose address is not proved.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
};

/// Sends the mail that proves an address again.
#[utoipa::path(
    post, path = "/api/v1/auth/verify-email/resend", operation_id = "resend_verification", tag = "auth",
    responses((status = 202, description = "It is on its way, if it is needed")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(State(state): State<AppState>, As(caller, _): As<ActsAsThemselves>) -> Result<StatusCode, ApiError> {
    state.platform.accounts.resend_verification(&caller.user.id).await?;
    Ok(StatusCode::ACCEPTED)
}
