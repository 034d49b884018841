//! `POST /api/v1/api-configs`: an account of one's own with an image service.

use axum::{Json, extract::State, http::StatusCode};

use super::words::ApiConfigBody;
use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::JsonBody,
    views::ApiConfigView,
};

/// An account of your own. Its key is sealed and not shown again; nothing is sent there until one of your jobs is.
#[utoipa::path(
    post, path = "/api/v1/api-configs", operation_id = "create_api_config", tag = "providers", request_body = ApiConfigBody,
    responses((status = 201, description = "The account", body = ApiConfigView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    JsonBody(body): JsonBody<ApiConfigBody>,
) -> Result<(StatusCode, Json<ApiConfigView>), ApiError> {
    let made = state.fallback()?.add_config(&caller.actor(), body.words()).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}
