//! `POST /api/v1/setup`: the first administrator of a fresh server.

use axum::{Json, extract::State, http::StatusCode};
use easel_platform::accounts::Registration;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{ApiError, AppState, Door, extract::JsonBody, views::UserView};

/// Who is to administer the server.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupBody {
    /// What stands in the link that the server shows when it starts.
    #[schema(example = "su_…")]
    token: String,
    /// Their address.
    #[schema(example = "ada@example.org", max_length = 255)]
    email: String,
    /// Eight characters or more; not a common one.
    #[schema(format = Password, example = "a long sentence nobody says", min_length = 8)]
    password: String,
    /// What others see: 3 to 50 of `a-z`, `0-9`, `.`, `_`, `-`. Made of the address if it is left out.
    #[schema(pattern = "^[a-z0-9._-]{3,50}$")]
    username: Option<String>,
    /// `de`, `pt-BR`.
    locale: Option<String>,
}

/// The first administrator of a fresh server, whose address counts as proved. Not found once there is one.
#[utoipa::path(
    post, path = "/api/v1/setup", operation_id = "set_up", tag = "auth", request_body = SetupBody,
    responses((status = 201, description = "The account", body = UserView))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    JsonBody(body): JsonBody<SetupBody>,
) -> Result<(StatusCode, Json<UserView>), ApiError> {
    if !matches!(state.config.door, Door::Accounts) {
        return Err(ApiError::not_found());
    }
    let registration = Registration {
        email: &body.email,
        password: &body.password,
        username: body.username.as_deref(),
        locale: body.locale.as_deref(),
        ..Registration::default()
    };
    let user = state.platform.set_up(&body.token, registration).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}
