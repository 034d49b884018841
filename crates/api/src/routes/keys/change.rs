//! `PATCH /api/v1/api-keys/{id}`: what a key may be used for in a month.

use axum::{Json, extract::State};
use easel_platform::accounts::Caps;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::{InPath, JsonBody},
    views::KeyView,
};

/// What a key may be used for in a calendar month (UTC). Both are replaced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyLimitsBody {
    /// How many jobs may come by it; null or left out, any number.
    #[schema(minimum = 0)]
    jobs_monthly_max: Option<i64>,
    /// How many whole credits they may cost together; null or left out, any number.
    #[schema(minimum = 0)]
    credits_monthly_max: Option<i64>,
}

/// Changes what a key may be used for in a month. What came by it this month already counts.
#[utoipa::path(
    patch, path = "/api/v1/api-keys/{id}", operation_id = "limit_key", tag = "api-keys", request_body = KeyLimitsBody,
    params(("id" = String, Path, description = "The key")),
    responses((status = 200, description = "The key", body = KeyView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InPath(id): InPath<String>,
    JsonBody(body): JsonBody<KeyLimitsBody>,
) -> Result<Json<KeyView>, ApiError> {
    let caps = Caps { jobs: body.jobs_monthly_max, credits: body.credits_monthly_max };
    let accounts = &state.platform.accounts;
    let key = accounts.set_key_caps(&caller.user, &id, caps).await?;
    Ok(Json(KeyView::of(key, &accounts.keys_used(&caller.user).await?)))
}
