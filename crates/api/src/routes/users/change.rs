//! `PATCH /api/v1/users/me`: what somebody shows of themselves. What is left out stays, null empties.

use axum::{Json, extract::State};
use easel_platform::accounts::Profile;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::{Change, JsonBody},
    views::UserView,
};

/// What changes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileBody {
    /// What others see.
    #[schema(example = "ada")]
    username: Option<String>,
    /// Their name.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "Ada Lovelace")]
    full_name: Change<String>,
    /// `de`, `pt-BR`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "en")]
    locale: Change<String>,
}

/// Changes what somebody shows of themselves.
#[utoipa::path(
    patch, path = "/api/v1/users/me", operation_id = "change_profile", tag = "users", request_body = ProfileBody,
    responses((status = 200, description = "Who you are now", body = UserView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    JsonBody(body): JsonBody<ProfileBody>,
) -> Result<Json<UserView>, ApiError> {
    let full_name = body.full_name.over(caller.user.full_name);
    let locale = body.locale.over(caller.user.locale);
    let profile = Profile { username: body.username.as_deref(), full_name: full_name.as_deref(), locale: locale.as_deref() };
    Ok(Json(state.platform.accounts.change_profile(&caller.user.id, profile).await?.into()))
}
