//! `GET /api/v1/tags`: one's tags, the most used first.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    views::TagView,
};

/// One's tags, the most used first.
#[utoipa::path(
    get, path = "/api/v1/tags", operation_id = "list_tags", tag = "images",
    responses((status = 200, description = "At most five hundred", body = Vec<TagView>)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ReadsImages>,
) -> Result<Json<Vec<TagView>>, ApiError> {
    let tags = state.platform.gallery.tags(&caller.user.id).await?;
    Ok(Json(tags.into_iter().map(TagView::from).collect()))
}
