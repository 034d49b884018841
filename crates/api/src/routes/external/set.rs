//! `PUT /api/v1/users/me/external`: says whether one's prompts may leave this server.

use axum::{Json, extract::State};

use super::words::ExternalBody;
use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::JsonBody,
};

/// Says whether your prompts and pictures may leave this server. It counts from the next decision on.
#[utoipa::path(
    put, path = "/api/v1/users/me/external", operation_id = "set_external", tag = "providers", request_body = ExternalBody,
    responses((status = 200, description = "What you have said", body = ExternalBody)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    JsonBody(body): JsonBody<ExternalBody>,
) -> Result<Json<ExternalBody>, ApiError> {
    let fallback = state.fallback()?;
    fallback.set_consent(&caller.actor(), &body.into()).await?;
    Ok(Json(fallback.consent(&caller.user.id).await?.into()))
}
