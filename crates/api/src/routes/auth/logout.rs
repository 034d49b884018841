//! `POST /api/v1/auth/logout`: the session ends, and a browser forgets its cookies.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As, cookies},
};

/// The session ends, and a browser forgets its cookies.
#[utoipa::path(
    post, path = "/api/v1/auth/logout", operation_id = "logout", tag = "auth",
    responses((status = 204, description = "The session has ended")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
) -> Result<(StatusCode, HeaderMap), ApiError> {
    if let Some(session_id) = &caller.session_id {
        state.platform.accounts.end_session(&caller.user.id, session_id).await?;
    }
    let mut headers = HeaderMap::new();
    cookies::forget(&mut headers);
    Ok((StatusCode::NO_CONTENT, headers))
}
