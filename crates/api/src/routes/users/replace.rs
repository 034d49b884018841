//! `PUT /api/v1/users/profile`: what somebody shows of themselves, all of it: what is left out is emptied, but for the name. For clients of earlier
//! designs; `PATCH /api/v1/users/me` changes a part.

use axum::{Json, extract::State};
use easel_platform::accounts::Profile;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::JsonBody,
    views::UserView,
};

/// All of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WholeProfileBody {
    /// What others see.
    #[schema(example = "ada")]
    username: Option<String>,
    /// Their name.
    #[schema(example = "Ada Lovelace")]
    full_name: Option<String>,
    /// `de`, `pt-BR`.
    #[schema(example = "en")]
    locale: Option<String>,
}

/// Replaces what somebody shows of themselves.
#[utoipa::path(
    put, path = "/api/v1/users/profile", operation_id = "replace_profile", tag = "users", request_body = WholeProfileBody,
    responses((status = 200, description = "Who you are now", body = UserView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    JsonBody(body): JsonBody<WholeProfileBody>,
) -> Result<Json<UserView>, ApiError> {
    let WholeProfileBody { username, full_name, locale } = &body;
    let profile = Profile { username: username.as_deref(), full_name: full_name.as_deref(), locale: locale.as_deref() };
    Ok(Json(state.platform.accounts.change_profile(&caller.user.id, profile).await?.into()))
}
