//! `GET /api/v1/users/{username}/avatar`: the picture of somebody, for everybody to see who may see their page.

use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use easel_platform::images::AVATAR_SIDES;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::Viewer,
    extract::{InName, InQuery},
    routes::images::sent,
};

/// Characters of a version, and more than any of ours has.
const VERSION_MAX: usize = 64;

/// How large.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AvatarQuery {
    /// Its side in pixels: 64, 128 or 256.
    #[param(example = 256)]
    size: Option<u32>,
    /// Means nothing; addresses in answers have it, and another one after the picture has changed.
    v: Option<String>,
}

/// The picture of somebody.
#[utoipa::path(
    get, path = "/api/v1/users/{username}/avatar", operation_id = "get_avatar", tag = "gallery",
    params(("username" = String, Path, description = "What they are called"), AvatarQuery),
    responses(
        (status = 200, description = "A square picture", body = Vec<u8>, content_type = "image/jpeg"),
        (status = 304, description = "It is the one you have"),
    ),
    security((), ("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    viewer: Viewer,
    InName(username): InName,
    InQuery(AvatarQuery { size, v }): InQuery<AvatarQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let side = size.unwrap_or(AVATAR_SIDES[2]);
    if !AVATAR_SIDES.contains(&side) {
        return Err(ApiError::invalid("size", "invalid_value", "`size` must be 64, 128 or 256"));
    }
    if v.is_some_and(|version| version.len() > VERSION_MAX) {
        return Err(ApiError::invalid("v", "invalid_value", "`v` must be as it stands in an address of ours"));
    }
    let images = &state.platform.images;
    let key = images.avatar(viewer.id(), &username).await?;
    let tag = format!("{}-{side}", crate::views::avatar_version(key.as_str()));
    match sent::known_by_others(&tag, &headers)? {
        sent::Known::Yes(answer) => Ok(answer),
        sent::Known::No(told) => {
            let bytes = images.avatar_of_side(&key, side).await?;
            Ok((told, [("content-type", key.kind().media_type())], bytes).into_response())
        }
    }
}
