//! `GET /api/v1/shared/{token}`: what a link shows.

use axum::{Json, extract::State};

use crate::{ApiError, AppState, auth::Place, extract::InName, views::PublicImageView};

/// What a link shows.
#[utoipa::path(
    get, path = "/api/v1/shared/{token}", operation_id = "open_share", tag = "gallery",
    params(("token" = String, Path, description = "The link's token")),
    responses((status = 200, description = "The picture", body = PublicImageView)),
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    place: Place,
    InName(token): InName,
) -> Result<Json<PublicImageView>, ApiError> {
    let opened = state.platform.social.open_share(&token, place.ip.as_deref().unwrap_or_default()).await?;
    Ok(Json(PublicImageView::shared(opened.image, &token)))
}
