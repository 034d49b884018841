//! `GET /api/v1/admin/moderation/{id}/thumbnail`: the small version of the picture a case is about, hidden or not.

use axum::{extract::State, http::HeaderMap, response::Response};

use crate::{
    ApiError, AppState,
    auth::{As, Moderates},
    extract::InName,
    routes::images::sent,
};

/// The small version of the picture a case is about, hidden or not.
#[utoipa::path(
    get, path = "/api/v1/admin/moderation/{id}/thumbnail", operation_id = "case_thumbnail", tag = "admin",
    params(("id" = String, Path, description = "The case")),
    responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "image/webp"),
        (status = 304, description = "As `If-None-Match` has it"),
    ),
    security(("session" = ["moderator"]), ("cookie" = ["moderator"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Moderates>,
    InName(id): InName,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let files = state.platform.social.files_of_case(&caller.actor(), &id).await?;
    sent::shown_thumbnail(&state, &files, &headers).await
}
