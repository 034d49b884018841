//! `POST /api/v1/webhooks/providers/{name}`: an external service says that it is time to ask. Its signature lets it in, and nothing else.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use easel_platform::fallback::WakeError;

use crate::{ApiError, AppState, extract::InPath};

/// Taken if it is signed; what it says of the work is not believed, but asked for.
#[utoipa::path(
    post, path = "/api/v1/webhooks/providers/{name}", operation_id = "provider_webhook", tag = "providers",
    params(("name" = String, Path, description = "The operator's name for the account")),
    request_body(content = String, content_type = "application/json", description = "As the provider sends it"),
    responses((status = 204, description = "Taken"))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    InPath(name): InPath<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    state.fallback()?.wake(&name, &headers, &body).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whoever is not the provider learns nothing.
fn refused(error: WakeError) -> ApiError {
    match error {
        WakeError::Unknown => ApiError::not_found(),
        WakeError::Webhook(_) => ApiError::new(StatusCode::BAD_REQUEST, "webhook_refused", "the webhook is not taken"),
        WakeError::Keys => ApiError::busy(),
        WakeError::Platform(error) => error.into(),
    }
}
