//! `PUT /api/v1/albums/order`: puts some albums first.

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::JsonBody,
};

/// What comes first.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderAlbumsBody {
    /// In this order; the others follow as they were.
    #[schema(min_items = 1, max_items = 1000)]
    first: Vec<String>,
}

/// Puts some albums first.
#[utoipa::path(
    put, path = "/api/v1/albums/order", operation_id = "order_albums", tag = "images", request_body = OrderAlbumsBody,
    responses((status = 204, description = "It is so now")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    JsonBody(body): JsonBody<OrderAlbumsBody>,
) -> Result<StatusCode, ApiError> {
    let first: Vec<&str> = body.first.iter().map(String::as_str).collect();
    state.platform.gallery.albums_first(&caller.user.id, &first).await?;
    Ok(StatusCode::NO_CONTENT)
}
