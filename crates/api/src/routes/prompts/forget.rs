//! `DELETE /api/v1/prompts/history/{id}`: one of the prompts one wrote earlier is not shown until it is used again.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::InName,
};

/// Shows one of the prompts one wrote earlier no more, until it is used again.
#[utoipa::path(
    delete, path = "/api/v1/prompts/history/{id}", operation_id = "forget_prompt", tag = "prompts",
    params(("id" = String, Path, description = "The prompt, as the list names it")),
    responses((status = 204, description = "It is forgotten; its jobs stay")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    InName(id): InName,
) -> Result<StatusCode, ApiError> {
    state.platform.prompts.forget(&caller.user.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
