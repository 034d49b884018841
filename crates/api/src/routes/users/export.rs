//! `GET /api/v1/users/me/export`: everything the database has about somebody. Their pictures' bytes are fetched one by one.

use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
};
use serde_json::Value;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
};

/// Everything there is about you, as one document.
#[utoipa::path(
    get, path = "/api/v1/users/me/export", operation_id = "export_me", tag = "users",
    responses((status = 200, description = "The document", body = Value)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
) -> Result<([(HeaderName, &'static str); 2], Json<Value>), ApiError> {
    let document = state.platform.privacy.document(&caller.user.id).await?;
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::CONTENT_DISPOSITION, "attachment; filename=\"easel.json\"")];
    Ok((headers, Json(document)))
}
