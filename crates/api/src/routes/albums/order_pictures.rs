//! `PUT /api/v1/albums/{id}/order`: puts some pictures of an album first.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::{InName, JsonBody},
};

/// What comes first.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderImagesBody {
    /// In this order; the others follow as they were.
    #[schema(min_items = 1, max_items = 1000)]
    first: Vec<String>,
}

/// Puts some pictures of an album first.
#[utoipa::path(
    put, path = "/api/v1/albums/{id}/order", operation_id = "order_album_images", tag = "images", request_body = OrderImagesBody,
    params(("id" = String, Path, description = "The album")),
    responses((status = 204, description = "It is so now")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    InName(id): InName,
    JsonBody(body): JsonBody<OrderImagesBody>,
) -> Result<StatusCode, ApiError> {
    let first: Vec<&str> = body.first.iter().map(String::as_str).collect();
    state.platform.gallery.pictures_first(&caller.user.id, &id, &first).await?;
    Ok(StatusCode::NO_CONTENT)
}
