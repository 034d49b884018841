//! `DELETE /api/v1/images/{id}/like`: likes a picture no longer.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InName,
    routes::images::like::LikedView,
};

/// Likes a picture no longer.
#[utoipa::path(
    delete, path = "/api/v1/images/{id}/like", operation_id = "unlike_image", tag = "gallery",
    params(("id" = String, Path, description = "The picture")),
    responses((status = 200, description = "How many like it now", body = LikedView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InName(id): InName,
) -> Result<Json<LikedView>, ApiError> {
    let like_count = state.platform.social.unlike(&caller.user.id, &id).await?;
    Ok(Json(LikedView { like_count }))
}
