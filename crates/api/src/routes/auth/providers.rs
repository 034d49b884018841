//! `GET /api/v1/auth/oidc`: where somebody can log in elsewhere.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{ApiError, AppState};

/// An identity provider.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderView {
    /// Its name in addresses.
    #[schema(example = "google")]
    name: String,
    /// Its name for people.
    #[schema(example = "Google")]
    title: String,
    /// Where a browser goes to log in there.
    #[schema(example = "/api/v1/auth/oidc/google/start")]
    start: String,
}

/// Where somebody can log in elsewhere; none where nothing is set up.
#[utoipa::path(
    get, path = "/api/v1/auth/oidc", operation_id = "list_identity_providers", tag = "auth",
    responses((status = 200, description = "The providers", body = Vec<ProviderView>))
)]
pub(crate) async fn handler(State(state): State<AppState>) -> Result<Json<Vec<ProviderView>>, ApiError> {
    let Some(sign_in) = &state.services.sign_in else { return Ok(Json(Vec::new())) };
    let view = |(name, title): (&str, &str)| ProviderView {
        name: name.to_owned(),
        title: title.to_owned(),
        start: format!("/api/v1/auth/oidc/{name}/start"),
    };
    Ok(Json(sign_in.offered().map(view).collect()))
}
