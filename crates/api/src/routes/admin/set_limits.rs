//! `PUT /api/v1/admin/users/{id}/limits`: gives somebody limits in the place of their plan's, all of them at once; with none, the plan's hold again.

use axum::{Json, extract::State};
use easel_platform::{PlatformError, accounts::LOCAL_ID, records::Limits};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, ManagesUsers},
    extract::{InPath, JsonBody},
    views::LimitsView,
};

/// Limits in the place of the plan's. What is left out or null is as the plan says.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsBody {
    /// Pictures a day (UTC).
    #[schema(minimum = 0, example = 500)]
    images_daily_max: Option<i64>,
    /// Jobs that have not ended.
    #[schema(minimum = 0, example = 20)]
    jobs_open_max: Option<i64>,
    /// Bytes of stored pictures.
    #[schema(minimum = 0, example = 1_000_000_000)]
    storage_bytes_max: Option<i64>,
    /// Why, for the record.
    #[schema(example = "a class of thirty", min_length = 1, max_length = 500)]
    reason: String,
}

/// Gives somebody limits in the place of their plan's; with none, the plan's hold again.
#[utoipa::path(
    put, path = "/api/v1/admin/users/{id}/limits", operation_id = "set_limits", tag = "admin", request_body = LimitsBody,
    params(("id" = String, Path, description = "Whose")),
    responses((status = 200, description = "Their own limits now; null is the plan's", body = LimitsView)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ManagesUsers>,
    InPath(id): InPath<String>,
    JsonBody(body): JsonBody<LimitsBody>,
) -> Result<Json<LimitsView>, ApiError> {
    if id == LOCAL_ID {
        return Err(PlatformError::Forbidden("the built-in account stays as it is").into());
    }
    let LimitsBody { images_daily_max, jobs_open_max, storage_bytes_max, reason } = body;
    let limits = Limits { images_daily_max, jobs_open_max, storage_bytes_max };
    state.platform.accounts.set_own_limits(&caller.actor(), &id, limits, &reason).await?;
    Ok(Json(state.platform.accounts.own_limits(&id).await?.into()))
}
