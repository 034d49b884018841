//! `PUT /api/v1/api-configs/{id}`: other words for an account of one's own.

use axum::{Json, extract::State};

use super::words::ApiConfigBody;
use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::{InPath, JsonBody},
    views::ApiConfigView,
};

/// Other words for an account of your own. Without a key the one there is stays, unless it is for another service or address.
#[utoipa::path(
    put, path = "/api/v1/api-configs/{id}", operation_id = "change_api_config", tag = "providers", request_body = ApiConfigBody,
    params(("id" = String, Path, description = "The account")),
    responses((status = 200, description = "The account", body = ApiConfigView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InPath(id): InPath<String>,
    JsonBody(body): JsonBody<ApiConfigBody>,
) -> Result<Json<ApiConfigView>, ApiError> {
    Ok(Json(state.fallback()?.change_config(&caller.actor(), &id, body.words()).await?.into()))
}
