//! `PATCH /api/v1/images/{id}`: another title, or a mark as a favourite. What is left out stays.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::{InPath, JsonBody},
    views::ImageView,
};

/// What changes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImageBody {
    /// What you call it.
    #[schema(max_length = 200, example = "the good one")]
    title: Option<String>,
    /// Your mark.
    is_favourite: Option<bool>,
}

/// Another title, or a mark as a favourite.
#[utoipa::path(
    patch, path = "/api/v1/images/{id}", operation_id = "change_image", tag = "images", request_body = ImageBody,
    params(("id" = String, Path, description = "The picture")),
    responses((status = 200, description = "The picture", body = ImageView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    InPath(id): InPath<String>,
    JsonBody(body): JsonBody<ImageBody>,
) -> Result<Json<ImageView>, ApiError> {
    let changed = state.platform.images.change(&caller.user.id, &id, body.title.as_deref(), body.is_favourite).await?;
    Ok(Json(changed.into()))
}
