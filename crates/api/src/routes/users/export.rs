//! `GET /api/v1/users/me/export`: how far the archive is that was asked for, and where to fetch it.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderName, Uri, header},
};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    generation::BaseUrl,
    views::ExportView,
};

/// How far your archive is, and where to fetch it.
#[utoipa::path(
    get, path = "/api/v1/users/me/export", operation_id = "get_export", tag = "users",
    responses((status = 200, description = "The archive that was asked for last", body = ExportView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<([(HeaderName, &'static str); 1], Json<ExportView>), ApiError> {
    let here = BaseUrl::of(&state, &uri, &headers)?.signed_files();
    let shown = state.platform.privacy.last_export(&caller.user.id, &here).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(shown.into())))
}
