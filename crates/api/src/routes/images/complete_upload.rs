//! `POST /api/v1/images/uploads/{id}/complete`: what was sent to an address is looked at, and is an upload if it is a picture. Doing it again
//! answers the same.

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::InPath,
    views::UploadView,
};

/// Makes an upload of what was sent to an address.
#[utoipa::path(
    post, path = "/api/v1/images/uploads/{id}/complete", operation_id = "complete_upload", tag = "images",
    params(("id" = String, Path, description = "What the address was made for")),
    responses((status = 201, description = "The picture as it is kept", body = UploadView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    InPath(id): InPath<String>,
) -> Result<(StatusCode, Json<UploadView>), ApiError> {
    let _place = state.uploads.try_acquire().map_err(|_| ApiError::busy())?;
    let upload = state.platform.images.complete_upload(&caller.user, &id).await?;
    Ok((StatusCode::CREATED, Json(upload.into())))
}
