//! `PUT /api/v1/users/me/password`: a new password for somebody who knows the old one. Every session and key ends, this one too.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::JsonBody,
};

/// The old and the new.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordBody {
    /// The one that is known.
    #[schema(format = Password, example = "a long sentence nobody says")]
    old: String,
    /// The one that is wanted.
    #[schema(format = Password, example = "another sentence nobody says")]
    new: String,
}

/// Changes the password; every session and key ends.
#[utoipa::path(
    put, path = "/api/v1/users/me/password", operation_id = "change_password", tag = "users", request_body = PasswordBody,
    responses((status = 204, description = "It is changed: log in again")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    JsonBody(body): JsonBody<PasswordBody>,
) -> Result<StatusCode, ApiError> {
    state.platform.accounts.change_password(&caller.user, &body.old, &body.new).await?;
    Ok(StatusCode::NO_CONTENT)
}
