//! `GET /api/v1/api-keys`: somebody's keys, newest first; ended ones too.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    views::KeyView,
};

/// Your keys, newest first; ended ones too.
#[utoipa::path(
    get, path = "/api/v1/api-keys", operation_id = "list_keys", tag = "api-keys",
    responses((status = 200, description = "The keys", body = Vec<KeyView>)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
) -> Result<Json<Vec<KeyView>>, ApiError> {
    let accounts = &state.platform.accounts;
    let (keys, used) = (accounts.keys(&caller.user).await?, accounts.keys_used(&caller.user).await?);
    Ok(Json(keys.into_iter().map(|key| KeyView::of(key, &used)).collect()))
}
