//! `GET /api/v1/auth/oidc/callback/{provider}`: a browser comes back from logging in elsewhere.
//!
//! It comes from another site, so the cookie of a session proves nothing here; what the browser kept for this login does.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use easel_platform::sign_in::Callback;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::{Place, cookies},
    extract::{InPath, InQuery},
};

/// What the provider sends along. Others of its parameters are of no use.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallbackQuery {
    /// Which login it is.
    #[serde(default)]
    state: String,
    /// What the login is exchanged for.
    code: Option<String>,
    /// The provider, as it calls itself.
    iss: Option<String>,
    /// Why it is none.
    error: Option<String>,
}

/// A browser comes back from logging in elsewhere, and has a session.
#[utoipa::path(
    get, path = "/api/v1/auth/oidc/callback/{provider}", operation_id = "finish_sign_in", tag = "auth",
    params(("provider" = String, Path, description = "The provider's name"), CallbackQuery),
    responses((status = 303, description = "To where it wanted to go"))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    place: Place,
    InPath(provider): InPath<String>,
    InQuery(query): InQuery<CallbackQuery>,
    sent: HeaderMap,
) -> Result<Response, ApiError> {
    let browser = cookies::sign_in(&sent).unwrap_or_default();
    let callback = Callback {
        state: &query.state,
        code: query.code.as_deref(),
        issuer: query.iss.as_deref(),
        error: query.error.as_deref(),
        browser: &browser,
    };
    let user_id = match cookies::access(&sent) {
        // Only whether whoever began to link is still here.
        Some(access) => state.platform.accounts.authenticate(&access).await.ok().map(|found| found.user.id),
        None => None,
    };
    let entered = state.sign_in()?.finish(&provider, callback, user_id.as_deref(), place.origin()).await?;
    if let Some(picture) = entered.picture {
        let sign_in = state.sign_in()?.clone();
        tokio::spawn(async move {
            if let Err(error) = sign_in.take_over(&picture).await {
                tracing::info!(
                    provider = provider.as_str(),
                    error = error.code(),
                    "a picture at an identity provider is not taken over"
                );
            }
        });
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::LOCATION, HeaderValue::from_str(&entered.return_to).map_err(|_| ApiError::internal())?);
    cookies::forget_sign_in(&mut headers);
    if let Some(tokens) = &entered.tokens {
        cookies::keep(&mut headers, tokens, state.platform.context.now());
    }
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}
