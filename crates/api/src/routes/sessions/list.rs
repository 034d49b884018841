//! `GET /api/v1/users/me/sessions`: where somebody is logged in.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    views::SessionRow,
};

/// Where somebody is logged in.
#[utoipa::path(
    get, path = "/api/v1/users/me/sessions", operation_id = "list_sessions", tag = "users",
    responses((status = 200, description = "Those that have not ended", body = Vec<SessionRow>)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
) -> Result<Json<Vec<SessionRow>>, ApiError> {
    let sessions = state.platform.accounts.sessions(&caller.user).await?;
    let current = caller.session_id.as_deref();
    Ok(Json(sessions.into_iter().map(|session| SessionRow::of(session, current)).collect()))
}
