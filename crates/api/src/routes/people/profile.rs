//! `GET /api/v1/users/{username}`: somebody's public page.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    extract::InName,
    views::ProfileView,
};

/// Somebody's public page.
#[utoipa::path(
    get, path = "/api/v1/users/{username}", operation_id = "get_profile", tag = "gallery",
    params(("username" = String, Path, description = "What they are called")),
    responses((status = 200, description = "The page", body = ProfileView)),
    security((), ("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    caller: Option<As<ReadsImages>>,
    InName(username): InName,
) -> Result<Json<ProfileView>, ApiError> {
    let viewer = caller.as_ref().map(|As(caller, _)| caller.user.id.as_str());
    let profile = state.platform.social.profile(viewer, &username).await?;
    Ok(Json(profile.into()))
}
