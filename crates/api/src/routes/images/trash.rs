//! `DELETE /api/v1/images/{id}`: throws a picture away: into the trash, or for good.

use axum::{extract::State, http::StatusCode};
use easel_platform::gallery::Action;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::{InName, InQuery},
};

/// How it goes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteImageQuery {
    /// For good, instead of into the trash; also what is in the trash.
    #[serde(default)]
    #[param(default = false)]
    permanently: bool,
}

/// Throws a picture away: into the trash, or for good.
#[utoipa::path(
    delete, path = "/api/v1/images/{id}", operation_id = "delete_image", tag = "images",
    params(DeleteImageQuery, ("id" = String, Path, description = "The picture")),
    responses((status = 204, description = "It is gone")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    InName(id): InName,
    InQuery(query): InQuery<DeleteImageQuery>,
) -> Result<StatusCode, ApiError> {
    let action = if query.permanently { Action::Delete } else { Action::Trash };
    state.platform.gallery.apply_to(&caller.user.id, &id, &action).await?;
    Ok(StatusCode::NO_CONTENT)
}
