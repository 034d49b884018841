//! `GET /api/v1/config/public`: what the server offers, for everybody to see.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{ApiError, AppState, Door, Feature};

/// What is offered.
#[derive(Serialize, ToSchema)]
pub(crate) struct PublicConfigView {
    /// People log in; otherwise whoever is at the machine is its one account.
    accounts: bool,
    /// Anybody may make an account.
    registration: bool,
    /// People log in with passwords; otherwise at identity providers alone.
    password_login: bool,
    /// People need accounts, and nobody administers the server yet: `POST /api/v1/setup`.
    needs_setup: bool,
    /// Credits and plans can be bought.
    billing: bool,
    /// Pictures can be shown to everybody.
    gallery: bool,
    /// And something said about them.
    comments: bool,
    /// A model can be asked to enhance a prompt.
    prompt_model: bool,
    /// Bytes of a picture that is sent.
    max_upload_bytes: usize,
    /// Its formats.
    #[schema(value_type = Vec<String>)]
    upload_types: [&'static str; 3],
}

/// What the server offers.
#[utoipa::path(
    get, path = "/api/v1/config/public", operation_id = "public_config", tag = "auth",
    responses((status = 200, description = "What is offered", body = PublicConfigView))
)]
pub(crate) async fn handler(State(state): State<AppState>) -> Result<Json<PublicConfigView>, ApiError> {
    let accounts = matches!(state.config.door, Door::Accounts);
    Ok(Json(PublicConfigView {
        accounts,
        registration: accounts && state.config.registration && state.platform.accounts.takes_passwords(),
        password_login: accounts && state.platform.accounts.takes_passwords(),
        needs_setup: accounts && !state.platform.accounts.has_administrator().await?,
        billing: state.services.payments.is_some(),
        gallery: state.config.features.has(Feature::Gallery),
        comments: state.config.features.has(Feature::Comments),
        prompt_model: state.platform.prompts.has_model(),
        max_upload_bytes: state.platform.images.upload_limits().decode.bytes_max,
        upload_types: ["image/png", "image/jpeg", "image/webp"],
    }))
}
