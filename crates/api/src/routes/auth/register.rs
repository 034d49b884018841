//! `POST /api/v1/auth/register`: a new account, on the first plan, and the mail that asks to prove the address.

use axum::{Json, extract::State, http::StatusCode};
use easel_platform::accounts::Registration;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{ApiError, AppState, extract::JsonBody, routes::consents::give::AcceptBody, views::UserView};

/// What somebody says of themselves.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterBody {
    /// Their address.
    #[schema(example = "ada@example.org", max_length = 255)]
    email: String,
    /// Eight characters or more; not a common one.
    #[schema(format = Password, example = "a long sentence nobody says", min_length = 8)]
    password: String,
    /// What others see: 3 to 50 of `a-z`, `0-9`, `.`, `_`, `-`. Made of the address if it is left out.
    #[schema(pattern = "^[a-z0-9._-]{3,50}$")]
    username: Option<String>,
    /// Their name.
    #[schema(max_length = 200)]
    full_name: Option<String>,
    /// `de`, `pt-BR`.
    locale: Option<String>,
    /// What you agree to: every paper that `/api/v1/legal` lists, in the version it has there.
    #[serde(default)]
    accept: Vec<AcceptBody>,
}

/// A new account, on the first plan, and the mail that asks to prove the address.
#[utoipa::path(
    post, path = "/api/v1/auth/register", operation_id = "register", tag = "auth", request_body = RegisterBody,
    responses((status = 201, description = "The account", body = UserView))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    JsonBody(body): JsonBody<RegisterBody>,
) -> Result<(StatusCode, Json<UserView>), ApiError> {
    if !state.config.registration {
        let message = "this server takes no new accounts";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "registration_closed", message));
    }
    let registration = Registration {
        email: &body.email,
        password: &body.password,
        username: body.username.as_deref(),
        full_name: body.full_name.as_deref(),
        locale: body.locale.as_deref(),
    };
    let accepted: Vec<_> = body.accept.iter().map(AcceptBody::word).collect();
    let user = state.platform.accounts.register_agreeing(registration, &accepted).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}
