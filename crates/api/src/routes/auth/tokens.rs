//! What lets somebody in, as an answer: in the body for programs, in cookies for browsers, never both.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, header::CACHE_CONTROL},
    response::{IntoResponse, Response},
};
use easel_platform::{accounts::Tokens, records::User};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    AppState,
    auth::cookies,
    views::{UserView, shown_time},
};

/// How tokens are handed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transport {
    /// In the answer's body.
    #[default]
    Bearer,
    /// In cookies that scripts cannot read.
    Cookie,
}

/// Tokens, and whose they are.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// Lets in: `Authorization: Bearer …`. Left out where it is in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    /// Until when.
    #[schema(format = DateTime)]
    access_expires_at: String,
    /// Is exchanged for new ones, once. Left out where it is in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Until when.
    #[schema(format = DateTime)]
    refresh_expires_at: String,
    /// Whose they are, after a login.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserView>,
}

/// The answer.
pub(super) fn answer(state: &AppState, tokens: Tokens, transport: Transport, user: Option<User>) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if transport == Transport::Cookie {
        cookies::keep(&mut headers, &tokens, state.platform.context.now());
    }
    let shown = |token: String| (transport == Transport::Bearer).then_some(token);
    let view = SessionView {
        access_expires_at: shown_time(tokens.access_expires_at),
        refresh_expires_at: shown_time(tokens.refresh_expires_at),
        access_token: shown(tokens.access),
        refresh_token: shown(tokens.refresh),
        user: user.map(UserView::from),
    };
    (headers, Json(view)).into_response()
}
