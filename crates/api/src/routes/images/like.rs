//! `PUT /api/v1/images/{id}/like`: likes a public picture.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InName,
};

/// How many like it.
#[derive(Serialize, ToSchema)]
pub(crate) struct LikedView {
    /// That many.
    pub(crate) like_count: i64,
}

/// Likes a public picture.
#[utoipa::path(
    put, path = "/api/v1/images/{id}/like", operation_id = "like_image", tag = "gallery",
    params(("id" = String, Path, description = "The picture")),
    responses((status = 200, description = "How many like it now", body = LikedView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InName(id): InName,
) -> Result<Json<LikedView>, ApiError> {
    let like_count = state.platform.social.like(&caller.user.id, &id).await?;
    Ok(Json(LikedView { like_count }))
}
