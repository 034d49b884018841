//! `GET /api/v1/users/me/identities`: what somebody can log in with elsewhere.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    views::IdentityView,
};

/// What somebody can log in with elsewhere.
#[utoipa::path(
    get, path = "/api/v1/users/me/identities", operation_id = "list_identities", tag = "users",
    responses((status = 200, description = "Oldest first", body = Vec<IdentityView>)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
) -> Result<Json<Vec<IdentityView>>, ApiError> {
    let all = state.sign_in()?.identities(&caller.user.id).await?;
    Ok(Json(all.into_iter().map(IdentityView::from).collect()))
}
