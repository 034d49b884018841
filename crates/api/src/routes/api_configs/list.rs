//! `GET /api/v1/api-configs`: somebody's own accounts with image services.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    views::ApiConfigView,
};

/// Your own accounts with image services. Keys are not shown.
#[utoipa::path(
    get, path = "/api/v1/api-configs", operation_id = "list_api_configs", tag = "providers",
    responses((status = 200, description = "Oldest first", body = Vec<ApiConfigView>)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
) -> Result<Json<Vec<ApiConfigView>>, ApiError> {
    let all = state.fallback()?.configs(&caller.user.id).await?;
    Ok(Json(all.into_iter().map(ApiConfigView::from).collect()))
}
