//! `PUT /api/v1/users/me/avatar`: another picture of oneself, as `multipart/form-data` with one part called `file`, or as JSON that names one
//! of one's stored pictures.

use axum::{
    Json,
    body::Body,
    extract::{FromRequest, Request, State},
};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::JsonBody,
    ordering::SourceBody,
    routes::images::upload::{UploadBody, is_json, read_in_time},
    views::UserView,
};

/// Sets the picture of oneself: the middle of it, as a square.
#[utoipa::path(
    put, path = "/api/v1/users/me/avatar", operation_id = "set_avatar", tag = "users",
    request_body(content((UploadBody = "multipart/form-data"), (SourceBody = "application/json"))),
    responses((status = 200, description = "Who you are now", body = UserView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    request: Request<Body>,
) -> Result<Json<UserView>, ApiError> {
    let _place = state.uploads.try_acquire().map_err(|_| ApiError::busy())?;
    let (images, user_id) = (&state.platform.images, &caller.user.id);
    if is_json(request.headers()) {
        let JsonBody(source) = JsonBody::<SourceBody>::from_request(request, &state).await?;
        images.set_avatar_from(user_id, &(&source).into()).await?;
    } else {
        images.set_avatar(user_id, read_in_time(&state, request).await?).await?;
    }
    Ok(Json(state.platform.accounts.get(user_id).await?.into()))
}
