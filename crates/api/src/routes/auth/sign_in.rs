//! `GET /api/v1/auth/oidc/{provider}/start`: a browser is sent to log in elsewhere.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    ApiError, AppState,
    auth::cookies,
    extract::{InPath, InQuery},
};

/// Where it comes back to.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StartQuery {
    /// A path of this server.
    #[serde(default = "home")]
    return_to: String,
}

fn home() -> String {
    "/".to_owned()
}

/// Sends a browser to log in elsewhere.
#[utoipa::path(
    get, path = "/api/v1/auth/oidc/{provider}/start", operation_id = "start_sign_in", tag = "auth",
    params(("provider" = String, Path, description = "The provider's name"), StartQuery),
    responses((status = 303, description = "To the provider"))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    InPath(provider): InPath<String>,
    InQuery(query): InQuery<StartQuery>,
) -> Result<Response, ApiError> {
    let begun = state.sign_in()?.begin(&provider, None, &query.return_to).await?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::LOCATION, HeaderValue::from_str(&begun.url).map_err(|_| ApiError::internal())?);
    cookies::keep_sign_in(&mut headers, &begun, state.platform.context.now());
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}
