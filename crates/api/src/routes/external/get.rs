//! `GET /api/v1/users/me/external`: whether one's prompts may leave this server.

use axum::{Json, extract::State};

use super::words::ExternalBody;
use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
};

/// Whether your prompts and pictures may leave this server.
#[utoipa::path(
    get, path = "/api/v1/users/me/external", operation_id = "get_external", tag = "providers",
    responses((status = 200, description = "What you have said", body = ExternalBody)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
) -> Result<Json<ExternalBody>, ApiError> {
    Ok(Json(state.fallback()?.consent(&caller.user.id).await?.into()))
}
