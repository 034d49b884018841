//! `POST /api/v1/api-keys`: makes a key, which is shown once.

use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use easel_platform::accounts::{Caps, NewKey, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::JsonBody,
    views::{KeyView, read_time},
};

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKeyBody {
    /// What you call it.
    #[schema(example = "my script", min_length = 1, max_length = 100)]
    name: String,
    /// What it allows: `generate`, `images:read`, `images:write`, `account:read`.
    #[schema(value_type = Vec<String>, example = json!(["generate", "images:read"]))]
    scopes: Vec<Scope>,
    /// Until when; left out, for ever.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// How many jobs may come by it in a calendar month (UTC); left out, any number.
    #[schema(minimum = 0)]
    jobs_monthly_max: Option<i64>,
    /// How many whole credits they may cost together; left out, any number.
    #[schema(minimum = 0)]
    credits_monthly_max: Option<i64>,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewKeyView {
    /// The whole key. It is not shown again.
    key: String,
    /// What is kept of it.
    #[serde(flatten)]
    kept: KeyView,
}

/// Makes a key, which is shown once.
#[utoipa::path(
    post, path = "/api/v1/api-keys", operation_id = "create_key", tag = "api-keys", request_body = NewKeyBody,
    responses((status = 201, description = "The key", body = NewKeyView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    JsonBody(body): JsonBody<NewKeyBody>,
) -> Result<(StatusCode, [(HeaderName, &'static str); 1], Json<NewKeyView>), ApiError> {
    let expires_at = body.expires_at.as_deref().map(|time| read_time("expires_at", time)).transpose()?;
    let caps = Caps { jobs: body.jobs_monthly_max, credits: body.credits_monthly_max };
    let new = NewKey { name: &body.name, scopes: &body.scopes, expires_at, caps };
    let shown = state.platform.accounts.create_key(&caller.user, new).await?;
    let view = NewKeyView { key: shown.text, kept: KeyView::unused(shown.key) };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(view)))
}
