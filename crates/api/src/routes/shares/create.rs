//! `POST /api/v1/images/{id}/share`: makes a link to a picture; its token is shown this once.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::{InName, JsonBody},
    views::ShareView,
};

/// How long it is good, and what it shows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShareBody {
    /// Seconds; without it, until it is revoked.
    #[schema(minimum = 1)]
    expires_in_s: Option<u64>,
    /// With the prompt.
    #[serde(default)]
    shows_prompt: bool,
}

/// Makes a link to a picture; its token is shown this once.
#[utoipa::path(
    post, path = "/api/v1/images/{id}/share", operation_id = "share_image", tag = "gallery", request_body = ShareBody,
    params(("id" = String, Path, description = "The picture")),
    responses((status = 201, description = "The link", body = ShareView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    InName(id): InName,
    JsonBody(body): JsonBody<ShareBody>,
) -> Result<(StatusCode, Json<ShareView>), ApiError> {
    let ttl = body.expires_in_s.map(Duration::from_secs);
    let shown = state.platform.social.share(&caller.user.id, &id, ttl, body.shows_prompt).await?;
    Ok((StatusCode::CREATED, Json(ShareView::with_token(shown))))
}
