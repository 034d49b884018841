//! `POST /api/v1/albums`: a new album, the last one.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::JsonBody,
    views::AlbumView,
};

/// What it is called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateAlbumBody {
    /// In two hundred characters.
    #[schema(min_length = 1, max_length = 200)]
    title: String,
}

/// A new album, the last one.
#[utoipa::path(
    post, path = "/api/v1/albums", operation_id = "create_album", tag = "images", request_body = CreateAlbumBody,
    responses((status = 201, description = "The album", body = AlbumView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    JsonBody(body): JsonBody<CreateAlbumBody>,
) -> Result<(StatusCode, Json<AlbumView>), ApiError> {
    let album = state.platform.gallery.create_album(&caller.user.id, &body.title).await?;
    Ok((StatusCode::CREATED, Json(AlbumView::of(album, Some(0)))))
}
