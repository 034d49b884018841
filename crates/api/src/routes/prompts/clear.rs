//! `DELETE /api/v1/prompts/history`: none of the prompts one wrote earlier is shown any more. The jobs stay.

use axum::{extract::State, http::StatusCode};

use crate::{
    ApiError, AppState,
    auth::{As, Generates},
};

/// Shows none of the prompts one wrote earlier any more.
#[utoipa::path(
    delete, path = "/api/v1/prompts/history", operation_id = "clear_prompt_history", tag = "prompts",
    responses((status = 204, description = "They are forgotten; the jobs stay")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(State(state): State<AppState>, As(caller, _): As<Generates>) -> Result<StatusCode, ApiError> {
    state.platform.prompts.forget_all(&caller.user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
