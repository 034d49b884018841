//! `POST /api/v1/users/me/consents`: agrees to papers in their versions of now.

use axum::{Json, extract::State};
use easel_platform::accounts::Paper;
use serde::Deserialize;
use utoipa::ToSchema;

use super::list::{ConsentsView, view};
use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::JsonBody,
};

/// A paper that is agreed to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptBody {
    /// `terms` or `privacy`.
    #[schema(value_type = String, example = "terms")]
    document: Paper,
    /// The version that was read: the one of now, as `/api/v1/legal` lists it.
    #[schema(example = "2026-01")]
    version: String,
}

impl AcceptBody {
    /// As the platform takes it.
    pub(crate) fn word(&self) -> (Paper, &str) {
        (self.document, &self.version)
    }
}

/// What is agreed to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsentsBody {
    /// Which papers.
    accept: Vec<AcceptBody>,
}

/// Agrees to papers in their versions of now. Said again, it changes nothing.
#[utoipa::path(
    post, path = "/api/v1/users/me/consents", operation_id = "give_consents", tag = "auth", request_body = ConsentsBody,
    responses((status = 200, description = "What you have said", body = ConsentsView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    JsonBody(body): JsonBody<ConsentsBody>,
) -> Result<Json<ConsentsView>, ApiError> {
    let accepted: Vec<_> = body.accept.iter().map(AcceptBody::word).collect();
    state.platform.accounts.agree(&caller.actor(), &accepted).await?;
    Ok(Json(view(&state, &caller.user.id).await?))
}
