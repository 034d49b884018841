//! `GET /api/v1/admin/users/{id}/limits`: the limits that somebody has in the place of their plan's.

use axum::{Json, extract::State};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsUsers},
    extract::InPath,
    views::LimitsView,
};

/// The limits that somebody has in the place of their plan's.
#[utoipa::path(
    get, path = "/api/v1/admin/users/{id}/limits", operation_id = "get_limits", tag = "admin",
    params(("id" = String, Path, description = "Whose")),
    responses((status = 200, description = "Their own limits; null is the plan's", body = LimitsView)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    _: As<ReadsUsers>,
    InPath(id): InPath<String>,
) -> Result<Json<LimitsView>, ApiError> {
    Ok(Json(state.platform.accounts.own_limits(&id).await?.into()))
}
