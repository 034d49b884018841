//! `GET /api/v1/images/{id}/template`: the request of a picture: one's own, or a public one with its prompt.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    extract::InName,
    views::TemplateView,
};

/// The request of a picture: one's own, or a public one with its prompt.
#[utoipa::path(
    get, path = "/api/v1/images/{id}/template", operation_id = "image_template", tag = "images",
    params(("id" = String, Path, description = "The picture")),
    responses((status = 200, description = "To begin the next one with", body = TemplateView)),
    security((), ("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    caller: Option<As<ReadsImages>>,
    InName(id): InName,
) -> Result<Json<TemplateView>, ApiError> {
    let viewer = caller.as_ref().map(|As(caller, _)| caller.user.id.as_str());
    let template = state.platform.gallery.template(viewer, &id).await?;
    Ok(Json(template.into()))
}
