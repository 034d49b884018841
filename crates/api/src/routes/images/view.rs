//! `GET /api/v1/images/{id}/public`: a public picture; looking is counted.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, Place, ReadsImages},
    extract::InName,
    views::PublicImageView,
};

/// A public picture; looking is counted.
#[utoipa::path(
    get, path = "/api/v1/images/{id}/public", operation_id = "view_image", tag = "gallery",
    params(("id" = String, Path, description = "The picture")),
    responses((status = 200, description = "The picture, as others see it", body = PublicImageView)),
    security((), ("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    caller: Option<As<ReadsImages>>,
    place: Place,
    InName(id): InName,
) -> Result<Json<PublicImageView>, ApiError> {
    let viewer = caller.as_ref().map(|As(caller, _)| caller.user.id.as_str());
    let looker = viewer.or(place.ip.as_deref()).unwrap_or_default();
    let image = state.platform.social.view(viewer, &id, looker).await?;
    Ok(Json(PublicImageView::from(image).through(state.cdn())))
}
