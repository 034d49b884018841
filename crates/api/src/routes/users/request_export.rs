//! `POST /api/v1/users/me/export`: asks for an archive of everything there is about somebody, with their pictures. It is written in the background.

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    views::ExportView,
};

/// Asks for an archive of everything there is about you, with your pictures, as one ZIP file. While one is being written it is that one; one that
/// was ready before goes.
#[utoipa::path(
    post, path = "/api/v1/users/me/export", operation_id = "request_export", tag = "users",
    responses((status = 202, description = "It is written; GET tells when it is ready", body = ExportView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
) -> Result<(StatusCode, Json<ExportView>), ApiError> {
    let asked = state.platform.privacy.request_export(&caller.actor()).await?;
    Ok((StatusCode::ACCEPTED, Json(asked.into())))
}
