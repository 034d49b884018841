//! `PUT /api/v1/users/me/bio`: a few words about oneself; none, if they are empty.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::JsonBody,
};

/// A few words.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BioBody {
    /// In five hundred characters.
    #[schema(max_length = 500)]
    bio: String,
}

/// A few words about oneself; none, if they are empty.
#[utoipa::path(
    put, path = "/api/v1/users/me/bio", operation_id = "set_bio", tag = "users", request_body = BioBody,
    responses((status = 204, description = "It is so now")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    JsonBody(body): JsonBody<BioBody>,
) -> Result<StatusCode, ApiError> {
    state.platform.social.set_bio(&caller.user.id, &body.bio).await?;
    Ok(StatusCode::NO_CONTENT)
}
