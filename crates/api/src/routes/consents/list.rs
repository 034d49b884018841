//! `GET /api/v1/users/me/consents`: what somebody has agreed to, and what they have yet to.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::papers::PaperView;
use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    views::shown_time,
};

/// That you agreed.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConsentView {
    /// `terms` or `privacy`.
    #[schema(example = "terms")]
    document: String,
    /// The version.
    version: String,
    /// When.
    #[schema(format = DateTime)]
    given_at: String,
}

/// What you have agreed to, and what you have yet to.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConsentsView {
    /// Newest first; of every version.
    given: Vec<ConsentView>,
    /// What has changed since, or was never asked.
    missing: Vec<PaperView>,
}

/// What somebody has said, as they see it.
pub(super) async fn view(state: &AppState, user_id: &str) -> Result<ConsentsView, ApiError> {
    let accounts = &state.platform.accounts;
    let given = accounts.consents(user_id).await?;
    let missing = accounts.legal().missing(&given).into_iter().map(PaperView::from).collect();
    let shown = |consent: easel_platform::records::Consent| ConsentView {
        document: consent.document,
        version: consent.version,
        given_at: shown_time(consent.given_at),
    };
    Ok(ConsentsView { given: given.into_iter().map(shown).collect(), missing })
}

/// What you have agreed to, and what you have yet to.
#[utoipa::path(
    get, path = "/api/v1/users/me/consents", operation_id = "list_consents", tag = "auth",
    responses((status = 200, description = "What you have said", body = ConsentsView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
) -> Result<Json<ConsentsView>, ApiError> {
    Ok(Json(view(&state, &caller.user.id).await?))
}
