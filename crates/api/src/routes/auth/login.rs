//! `POST /api/v1/auth/login`: an address and a password become a session.

use axum::{extract::State, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::tokens::{self, SessionView, Transport};
use crate::{ApiError, AppState, auth::Place, extract::JsonBody};

/// Who they say they are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginBody {
    /// Their address.
    #[schema(example = "ada@example.org")]
    email: String,
    /// Their password.
    #[schema(format = Password, example = "a long sentence nobody says")]
    password: String,
    /// How the tokens are handed over.
    #[serde(default)]
    transport: Transport,
}

/// An address and a password become a session.
#[utoipa::path(
    post, path = "/api/v1/auth/login", operation_id = "login", tag = "auth", request_body = LoginBody,
    responses((status = 200, description = "The session", body = SessionView))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    place: Place,
    JsonBody(body): JsonBody<LoginBody>,
) -> Result<Response, ApiError> {
    let (user, granted) = state.platform.accounts.login(&body.email, &body.password, place.origin()).await?;
    Ok(tokens::answer(&state, granted, body.transport, Some(user)))
}
