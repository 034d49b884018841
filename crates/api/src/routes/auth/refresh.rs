//! `POST /api/v1/auth/refresh`: a refresh token is exchanged, once. The new tokens come the way the old one did.

use axum::{
    body::Body,
    extract::{FromRequest, Request, State},
    response::Response,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::tokens::{self, SessionView, Transport};
use crate::{
    ApiError, AppState,
    auth::{cookies, unauthenticated},
    extract::JsonBody,
};

/// The token to exchange.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshBody {
    /// Left out by browsers, whose cookie it is.
    #[schema(example = "er_…")]
    refresh_token: Option<String>,
}

/// A refresh token is exchanged, once. The new tokens come the way the old one did.
#[utoipa::path(
    post, path = "/api/v1/auth/refresh", operation_id = "refresh", tag = "auth", request_body = RefreshBody,
    responses((status = 200, description = "The session goes on", body = SessionView))
)]
pub(crate) async fn handler(State(state): State<AppState>, request: Request<Body>) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let by_cookie = cookies::refresh(&parts.headers);
    let seen = parts.clone();
    let JsonBody(sent) = JsonBody::<RefreshBody>::from_request(Request::from_parts(parts, body), &state).await?;
    let (token, transport) = match (sent.refresh_token, by_cookie) {
        (Some(token), _) => (token, Transport::Bearer),
        (None, Some(token)) => {
            cookies::refuse_forged(&seen.method, &seen, &state.config, None)?;
            (token, Transport::Cookie)
        }
        (None, None) => return Err(unauthenticated("send a refresh token, or log in")),
    };
    let granted = state.platform.accounts.refresh(&token).await?;
    Ok(tokens::answer(&state, granted, transport, None))
}
