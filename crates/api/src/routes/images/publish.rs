//! `POST /api/v1/images/{id}/public`: shows a picture to everybody.

use axum::{extract::State, http::StatusCode};
use easel_platform::gallery::Action;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::{InName, InQuery},
};

/// How it is shown.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PublishQuery {
    /// With its prompt, which others then may find and use.
    #[serde(default)]
    #[param(default = false)]
    shows_prompt: bool,
}

/// Shows a picture to everybody.
#[utoipa::path(
    post, path = "/api/v1/images/{id}/public", operation_id = "publish_image", tag = "gallery",
    params(PublishQuery, ("id" = String, Path, description = "The picture")),
    responses((status = 204, description = "It is so now")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    InName(id): InName,
    InQuery(query): InQuery<PublishQuery>,
) -> Result<StatusCode, ApiError> {
    let action = Action::Publish { shows_prompt: query.shows_prompt };
    state.platform.gallery.apply_to(&caller.user.id, &id, &action).await?;
    Ok(StatusCode::NO_CONTENT)
}
