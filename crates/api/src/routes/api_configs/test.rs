//! `POST /api/v1/api-configs/{id}/test`: whether an account of one's own works.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::InPath,
};

/// What came of trying an account out.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApiConfigTestView {
    /// Its server answers, and does not refuse the key.
    ok: bool,
    /// `ok`, `key_refused`, `no_credit`, `rate_limited`, `server_error`, `unreachable`, `timeout` or `address_not_allowed`.
    #[schema(example = "ok")]
    code: &'static str,
}

/// Asks the account's server for something that costs nothing.
#[utoipa::path(
    post, path = "/api/v1/api-configs/{id}/test", operation_id = "test_api_config", tag = "providers",
    params(("id" = String, Path, description = "The account")),
    responses((status = 200, description = "What came of it", body = ApiConfigTestView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InPath(id): InPath<String>,
) -> Result<Json<ApiConfigTestView>, ApiError> {
    let tested = state.fallback()?.test_config(&caller.user.id, &id).await?;
    Ok(Json(ApiConfigTestView { ok: tested.ok, code: tested.code }))
}
