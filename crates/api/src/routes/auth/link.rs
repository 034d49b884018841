//! `POST /api/v1/auth/oidc/{provider}/link`: somebody who is logged in wants another way in.
//!
//! Not a GET like a login: another site's page could have a browser follow it, and its owner's account linked to somebody else's login.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As, cookies},
    extract::{InPath, JsonBody},
};

/// Where the browser comes back to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkBody {
    /// A path of this server.
    #[schema(example = "/settings")]
    return_to: String,
}

/// Where the browser goes.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkView {
    /// At the provider.
    url: String,
}

/// Begins to link a login elsewhere to the account of whoever is logged in.
#[utoipa::path(
    post, path = "/api/v1/auth/oidc/{provider}/link", operation_id = "link_identity", tag = "auth", request_body = LinkBody,
    params(("provider" = String, Path, description = "The provider's name")),
    responses((status = 200, description = "Where the browser goes", body = LinkView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    InPath(provider): InPath<String>,
    JsonBody(body): JsonBody<LinkBody>,
) -> Result<(HeaderMap, Json<LinkView>), ApiError> {
    let begun = state.sign_in()?.begin(&provider, Some(&caller.user.id), &body.return_to).await?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    cookies::keep_sign_in(&mut headers, &begun, state.platform.context.now());
    Ok((headers, Json(LinkView { url: begun.url })))
}
